#include "server/options.h"

#include <doctest/doctest.h>

#include <vector>

namespace kimdb::server {
namespace {

using Arguments = std::vector<const char*>;

Result<Options> parse(const Arguments& arguments) {
  std::vector<const char*> argv{"kimdb-server"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return parse_options(static_cast<int>(argv.size()), argv.data());
}

std::string error(const Arguments& arguments) {
  const auto options = parse(arguments);
  return options ? "no error" : options.error().message;
}

TEST_CASE("without arguments nothing is asked for") {
  const auto options = parse({});
  REQUIRE(options);
  CHECK(options->config_path.empty());
  CHECK(options->settings.empty());
  CHECK_FALSE(options->check);
  CHECK_FALSE(options->insecure);
  CHECK(options->print.empty());
}

TEST_CASE("all options together") {
  const auto options =
      parse({"--config", "a.yaml", "--check", "--insecure", "--set", "wal.sync=off",
             "--set=auth.users=[{name: a}]", "--set", "network.resp_address="});
  REQUIRE_MESSAGE(options, options.error().message);
  CHECK(options->config_path == "a.yaml");
  CHECK(options->check);
  CHECK(options->insecure);
  CHECK(options->settings == std::vector<NameValue>{{"wal.sync", "off"},
                                                    {"auth.users", "[{name: a}]"},
                                                    {"network.resp_address", ""}});
}

TEST_CASE("--version, --help and --print-docs give a text to print") {
  CHECK(parse({"--version"})->print == "kimdb " KIMDB_VERSION "\n");
  const std::string help = parse({"--help"})->print;
  for (const OptionText& option : option_texts()) {
    const std::string name = option.flags.substr(0, option.flags.find(' '));
    CAPTURE(name);
    CHECK(help.find(name) != std::string::npos);
  }
  CHECK(parse({"--print-docs", "configuration"})->print.starts_with("# Configuration\n"));
  CHECK(parse({"--print-docs", "man"})->print.find(".TH KIMDB-SERVER 8") != std::string::npos);
}

TEST_CASE("a wrong command line is one line that leads to --help") {
  for (const Arguments& arguments : std::vector<Arguments>{{"--chek"},
                                                           {"configs/master.yaml"},
                                                           {"--config"},
                                                           {"--config", "a", "--config", "b"},
                                                           {"--set"},
                                                           {"--set", "wal.sync"},
                                                           {"--set", "=off"},
                                                           {"--print-docs", "nothing"},
                                                           {"--check=maybe"}}) {
    const std::string message = error(arguments);
    CAPTURE(message);
    CHECK(message.ends_with("(see kimdb-server --help)"));
    CHECK(message.find('\n') == std::string::npos);
  }
  CHECK(error({"configs/master.yaml"}).find("--config FILE") != std::string::npos);
}

}  // namespace
}  // namespace kimdb::server
