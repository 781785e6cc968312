#include "cli/options.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace kimdb::cli {
namespace {

Result<Options> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "kimdb-cli");
  return parse_options(static_cast<int>(words.size()), words.data());
}

std::string refusal(std::vector<const char*> words) {
  auto options = parse(std::move(words));
  return options ? "(taken)" : options.error().message;
}

using Command = std::vector<std::string>;

TEST_CASE("without words the defaults hold and nothing is to be run") {
  auto options = parse({});
  REQUIRE(options);
  CHECK(options->action == Options::Action::commands);
  CHECK(options->command.empty());
  CHECK(options->format == OutputFormat::text);
  CHECK(!options->local);
}

TEST_CASE(
    "what follows the command's name belongs to the command, even if it looks like an option") {
  auto options = parse({"-a", "h:1", "--json", "SET", "a", "-1", "--raw", "-u"});
  REQUIRE(options);
  CHECK(options->address == "h:1");
  CHECK(options->format == OutputFormat::json);
  CHECK(options->command == Command{"SET", "a", "-1", "--raw", "-u"});
}

TEST_CASE("words keep their order and their spaces") {
  auto options = parse({"MSET", "b", "two words", "a", ""});
  REQUIRE(options);
  CHECK(options->command == Command{"MSET", "b", "two words", "a", ""});
}

TEST_CASE("an unknown option is refused by name") {
  CHECK(refusal({"--jsn", "GET", "a"}).find("--jsn") != std::string::npos);
}

TEST_CASE("TLS is asked for by itself or by its files, which go together") {
  CHECK(!parse({"PING"})->tls);
  CHECK(parse({"--tls", "PING"})->tls);
  const auto options = parse({"--tls-ca", "a", "--tls-cert", "b", "--tls-key", "c", "PING"});
  REQUIRE(options);
  CHECK(options->tls);
  CHECK(options->tls_ca == "a");
  CHECK(options->tls_cert == "b");
  CHECK(options->tls_key == "c");
  CHECK(refusal({"--tls-cert", "b"}).find("go together") != std::string::npos);
  CHECK(refusal({"--local", "--tls"}).find("no server") != std::string::npos);
}

TEST_CASE("formats exclude each other") {
  CHECK(refusal({"--json", "--csv", "GET", "a"}).find("exclude") != std::string::npos);
}

TEST_CASE("--local takes a directory or a configuration, and no server's options") {
  auto options = parse({"--local", "--data", "d", "GET", "a"});
  REQUIRE(options);
  CHECK(options->local);
  CHECK(options->data_directory == "d");
  CHECK(refusal({"--local", "--address", "h:1"}).find("no server") != std::string::npos);
  CHECK(refusal({"--data", "d"}).find("--local") != std::string::npos);
}

TEST_CASE("passwd takes no words, so that no password stands in argv") {
  auto options = parse({"passwd"});
  REQUIRE(options);
  CHECK(options->action == Options::Action::passwd);
  CHECK(refusal({"passwd", "secret"}).find("asks for the password") != std::string::npos);
}

TEST_CASE("wal dump reads its bounds") {
  auto options = parse({"wal", "dump", "dir", "--from", "7", "--limit", "3"});
  REQUIRE(options);
  CHECK(options->action == Options::Action::wal_dump);
  CHECK(options->wal_directory == "dir");
  CHECK(options->from == 7);
  CHECK(options->limit == 3);
}

TEST_CASE("wal repair wants to hear that data may be lost") {
  CHECK(refusal({"wal", "repair", "dir", "--truncate-at", "9"}).find("--accept-data-loss") !=
        std::string::npos);
  CHECK(refusal({"wal", "repair", "dir", "--accept-data-loss"}).find("--truncate-at") !=
        std::string::npos);
  auto options = parse({"wal", "repair", "dir", "--truncate-at", "9", "--accept-data-loss"});
  REQUIRE(options);
  CHECK(options->action == Options::Action::wal_repair);
  CHECK(options->truncate_at == 9);
}

TEST_CASE("help and version are texts to print") {
  auto help = parse({"--help"});
  REQUIRE(help);
  CHECK(help->action == Options::Action::print);
  CHECK(help->text.find("--address") != std::string::npos);
  auto version = parse({"--version"});
  REQUIRE(version);
  CHECK(version->text.starts_with("kimdb "));
  auto wal = parse({"wal", "--help"});
  REQUIRE(wal);
  CHECK(wal->text.find("repair") != std::string::npos);
}

}  // namespace
}  // namespace kimdb::cli
