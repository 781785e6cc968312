#include "cli/completion.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace kimdb::cli {
namespace {

using Strings = std::vector<std::string>;

CommandDoc doc(std::string name, std::string syntax, KeyPositions keys = {}) {
  CommandDoc command{.name = std::move(name), .syntax = std::move(syntax), .keys = keys};
  command.forms = parse_syntax(command.syntax);
  return command;
}

const CommandCatalog& catalog() {
  static const CommandCatalog catalog({
      doc("GET", "key", {1, 1, 1}),
      doc("GETEX", "key [EX seconds|PERSIST]", {1, 1, 1}),
      doc("SET", "key value [NX|XX] [EX seconds]", {1, 1, 1}),
      doc("MSET", "key value [key value ...]", {1, -1, 2}),
      doc("DEL", "key [key ...]", {1, -1, 1}),
      doc("CONFIG", ""),
      doc("CONFIG GET", "pattern"),
      doc("CONFIG SET", "name value"),
      doc("PING", "[message]"),
      doc("DOC", "subcommand …"),
      doc("DOC GET", "collection id [path …]"),
      doc("INDEX DROP", "collection name"),
  });
  return catalog;
}

Strings words(std::string_view line) { return complete(catalog(), line).words; }
bool offers_keys(std::string_view line) { return complete(catalog(), line).keys; }

TEST_CASE("commands are completed in the letters they are typed in") {
  CHECK(words("GE") == Strings{"GET", "GETEX"});
  CHECK(words("ge") == Strings{"get", "getex"});
  CHECK(words("  p") == Strings{"ping"});
  CHECK(words("xyz").empty());
  CHECK(words("qu") == Strings{"quit"});
}

TEST_CASE("options are completed where they may stand") {
  CHECK(words("SET k v ") == Strings{"EX", "NX", "XX"});
  CHECK(words("SET k v NX ") == Strings{"EX"});
  CHECK(words("SET k v e") == Strings{"ex"});
  CHECK(words("SET k ").empty());
  CHECK(words("SET k v EX ").empty());
}

TEST_CASE("keys are offered where a key stands, and nowhere else") {
  CHECK(offers_keys("GET "));
  CHECK(offers_keys("GET us"));
  CHECK(!offers_keys("GET a "));
  CHECK(!offers_keys("SET a "));
  CHECK(offers_keys("MSET a 1 "));
  CHECK(!offers_keys("MSET a "));
  CHECK(offers_keys("DEL a b "));
  CHECK(!offers_keys("PING "));
  CHECK(!offers_keys("GE"));
}

TEST_CASE("subcommands and help's words are commands, too") {
  CHECK(words("CONFIG ") == Strings{"GET", "SET"});
  CHECK(words("config s") == Strings{"set"});
  CHECK(words("help pi") == Strings{"ping"});
  CHECK(words("help config g") == Strings{"get"});
}

TEST_CASE("collections, their indexes and settings are offered where they stand") {
  CHECK(words("DOC ") == Strings{"GET"});
  CHECK(complete(catalog(), "DOC GET ").collections);
  CHECK(complete(catalog(), "doc get us").collections);
  CHECK(!complete(catalog(), "DOC GET users ").collections);
  CHECK(complete(catalog(), "INDEX DROP ").collections);
  CHECK(complete(catalog(), "INDEX DROP users by").indexes_of == "users");
  CHECK(complete(catalog(), "CONFIG GET wal").settings);
  CHECK(complete(catalog(), "CONFIG SET ").settings);
  CHECK(!complete(catalog(), "CONFIG SET wal.sync ").settings);
  CHECK(words("FORMAT j") == Strings{"json"});
}

TEST_CASE("prefix words are looked through") {
  CHECK(words("ACK ") == Strings{"memory", "replica", "synced"});
  CHECK(words("ACK synced GE") == Strings{"GET", "GETEX"});
  CHECK(words("ID c 1 SET k v n") == Strings{"nx"});
}

TEST_CASE("nothing is offered inside quotes") {
  CHECK(words("SET k \"v ").empty());
  CHECK(!offers_keys("GET \"a"));
  CHECK(!offers_keys("GET 'a"));
}

TEST_CASE("the hint says what follows, the word being typed counted as there") {
  CHECK(hint(catalog(), "SET") == " key value [NX|XX] [EX seconds]");
  CHECK(hint(catalog(), "SET ") == "key value [NX|XX] [EX seconds]");
  CHECK(hint(catalog(), "SET k") == " value [NX|XX] [EX seconds]");
  CHECK(hint(catalog(), "SET k \"two words\" ") == "[NX|XX] [EX seconds]");
  CHECK(hint(catalog(), "config set ") == "name value");
  CHECK(hint(catalog(), "ID ") == "client sequence command ...");
  CHECK(hint(catalog(), "ID c 1 ") == "command ...");
  CHECK(hint(catalog(), "ID c 1 GET ") == "key");
  CHECK(hint(catalog(), "NOSUCH ") == "");
  CHECK(hint(catalog(), "") == "");
}

TEST_CASE("a typed line is cut at its spaces, quotes kept together") {
  const TypedLine line = cut_typed_line("SET  k \"a b\\\" c\" 'd e' f");
  CHECK(line.words == Strings{"SET", "k", "\"a b\\\" c\"", "'d e'"});
  CHECK(line.current == "f");
  CHECK(line.current_begin == 23);
  CHECK(!line.in_quotes);
  CHECK(cut_typed_line("SET \"a b").in_quotes);
  CHECK(cut_typed_line("SET \"a\\").in_quotes);
  CHECK(cut_typed_line("GET ").current == "");
}

TEST_CASE("a prefix's pattern matches nothing but that prefix") {
  CHECK(prefix_pattern("user:") == "user:*");
  CHECK(prefix_pattern("a*[b]?\\") == "a\\*\\[b\\]\\?\\\\*");
}

TEST_CASE("SQL is completed with its words, and with the names of tables and columns") {
  const std::vector<std::string> names = {"email", "users"};
  const auto offered = [&](std::string_view line) {
    std::vector<std::string> words;
    offer_sql(names, line, words);
    return words;
  };
  CHECK(offered("SELECT * FROM us") == std::vector<std::string>{"users", "using"});
  CHECK(offered("SELECT count(em") == std::vector<std::string>{"count(email"});
  CHECK(offered("SELECT u.E") ==
        std::vector<std::string>{"u.ELSE", "u.END", "u.EXISTS", "u.email"});
  CHECK(complete({}, "UPDATE us").sql);
  CHECK_FALSE(complete({}, "GET us").sql);
}

}  // namespace
}  // namespace kimdb::cli
