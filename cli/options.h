// The command line of kimdb-cli. options.cc is the only file that sees CLI11.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/lsn.h"
#include "base/result.h"

namespace kimdb::cli {

enum class OutputFormat {
  text,    // aligned where a person reads it, else the lines of the line protocol
  strict,  // the lines of its FORMAT strict
  json,    // one JSON value a reply
  raw,     // the bytes of values as they are
  csv,
};

struct Options {
  enum class Action {
    commands,  // `command`, else the REPL or what stands in the input
    passwd,
    apikey,
    wal_check,
    wal_dump,
    wal_repair,
    print,  // print `text` and exit 0 (--help, --version)
  };
  Action action = Action::commands;
  std::string text;

  std::string address;  // --address; empty: the configuration's, else the default
  bool tls = false;     // --tls, or one of the three
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  std::string user;  // -u; empty: no login, unless KIMDB_PASSWORD is set
  OutputFormat format = OutputFormat::text;
  bool local = false;          // --local: no server, the data directory itself
  std::string config_path;     // --config
  std::string data_directory;  // --data
  std::vector<std::string> command;

  // wal …
  std::string wal_directory;
  Lsn from = 1;             // dump --from
  std::uint64_t limit = 0;  // dump --limit; 0: none
  Lsn truncate_at = 0;      // repair --truncate-at: the first LSN that goes
  bool accept_data_loss = false;
};

// Reads argv. The error's message is one line that says what was wrong and names --help. Exits and
// prints nothing.
Result<Options> parse_options(int argc, const char* const* argv);

}  // namespace kimdb::cli
