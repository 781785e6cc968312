// The command line of kimdb-server. options.cc is the only file that sees CLI11.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "server/config.h"

namespace kimdb::server {

struct Options {
  std::string config_path;          // --config
  std::vector<NameValue> settings;  // --set key=value, in the order given
  bool check = false;               // validate, print the effective configuration, exit 0
  bool insecure = false;            // listeners outside the loopback without auth.enabled
  std::string print;  // not empty: print this and exit 0 (--help, --version, --print-docs)
};

// Reads argv. The error's message is one line that says what was wrong and names --help. Exits and
// prints nothing.
Result<Options> parse_options(int argc, const char* const* argv);

struct OptionText {
  std::string flags;  // "--config FILE"
  std::string help;
};
// For the man page.
std::vector<OptionText> option_texts();

}  // namespace kimdb::server
