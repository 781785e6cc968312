#include "cli/command_line.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace kimdb::cli {
namespace {

Words split(std::string_view line) {
  auto words = split_command_line(line);
  REQUIRE(words);
  return *words;
}

TEST_CASE("a line is split by the line protocol's rules") {
  CHECK(split("SET  motto \"two words\\n\"") == Words{"SET", "motto", "two words\n"});
  CHECK(split("DOC PUT u 1 {\"a\": [1, 2]}") == Words{"DOC", "PUT", "u", "1", "{\"a\": [1, 2]}"});
  CHECK(split("").empty());
  CHECK(split("# a comment").empty());
}

TEST_CASE("an SQL statement becomes one word behind SQL") {
  CHECK(split("SELECT name FROM users") == Words{"SQL", "SELECT name FROM users"});
  CHECK(split("ACK synced DELETE FROM t") == Words{"ACK", "synced", "SQL", "DELETE FROM t"});
  CHECK(split("SELECT 3") == Words{"SELECT", "3"});
}

TEST_CASE("what cannot be read is an error that says where") {
  auto words = split_command_line("SET k \"v");
  REQUIRE(!words);
  CHECK(words.error().message.find("column 7") != std::string::npos);
  CHECK(words.error().message.find("ERR") == std::string::npos);
}

TEST_CASE("lines that are nobody's are errors, not nothing") {
  CHECK_FALSE(split_command_line("POST /api/sql HTTP/1.1"));
  CHECK_FALSE(split_command_line("WHERE id = 4"));
}

TEST_CASE("bytes that would follow the line are refused") {
  auto words = split_command_line("SET k $5");
  REQUIRE(!words);
  CHECK(words.error().message.find("quotes") != std::string::npos);
  CHECK(split("SET k \"$5\"") == Words{"SET", "k", "$5"});
}

TEST_CASE("lines with a password stay out of the history") {
  CHECK(belongs_in_history("SET a 1"));
  CHECK(belongs_in_history("HELLO 3"));
  CHECK(!belongs_in_history(""));
  CHECK(!belongs_in_history("auth kim secret"));
  CHECK(!belongs_in_history("AUTH|kim|secret"));
  CHECK(!belongs_in_history("HELLO 3 AUTH kim secret"));
  CHECK(!belongs_in_history("AUTH \"unbalanced"));
}

TEST_CASE("a text holds commands as a file does; its last statement needs no semicolon") {
  const auto commands = split_commands("SET a 1\n\n# a comment\nSELECT 1 FROM t;\nDELETE\nFROM t");
  REQUIRE(commands);
  CHECK(*commands == std::vector<Words>{
                         {"SET", "a", "1"}, {"SQL", "SELECT 1 FROM t"}, {"SQL", "DELETE\nFROM t"}});
  CHECK_FALSE(split_commands("SET a \"1"));
  CHECK_FALSE(split_commands("SELECT 1; GET a"));
}

TEST_CASE("an argument is a command line, several are its words") {
  const auto one = [](const Words& arguments) {
    auto commands = commands_of_arguments(arguments);
    REQUIRE(commands);
    REQUIRE(commands->size() == 1);
    return commands->front();
  };
  CHECK(one({"SELECT * FROM orders"}) == Words{"SQL", "SELECT * FROM orders"});
  CHECK(one({"ACK", "synced", "DELETE FROM t;"}) == Words{"ACK", "synced", "SQL", "DELETE FROM t"});
  CHECK(one({"SET a 'two words'"}) == Words{"SET", "a", "two words"});
  CHECK(one({"SET", "a", "two words; 'x"}) == Words{"SET", "a", "two words; 'x"});
  CHECK(one({"SQL", "SELECT 1 AS a"}) == Words{"SQL", "SELECT 1 AS a"});
  CHECK(one({"SELECT", "*", "FROM", "t"}) == Words{"SQL", "SELECT * FROM t"});
  CHECK(one({"SELECT", "3"}) == Words{"SELECT", "3"});
  CHECK(one({"show", "tables"}) == Words{"SQL", "show tables"});
  CHECK(one({"SHOW", "PROCESSLIST"}) == Words{"SHOW", "PROCESSLIST"});
  CHECK(commands_of_arguments({"BEGIN; DELETE FROM t; COMMIT"})->size() == 3);
  CHECK(commands_of_arguments({})->empty());
}

TEST_CASE("a statement that writes is no words: its quotes are gone") {
  // DELETE FROM t WHERE name = 'name', say.
  for (const Words& words : {Words{"DELETE", "FROM", "t", "WHERE", "name", "=", "name"},
                             Words{"ID", "c", "1", "INSERT", "INTO", "t", "VALUES", "(1)"},
                             Words{"SELECT", "1;", "DELETE", "FROM", "t"}}) {
    const auto refused = commands_of_arguments(words);
    REQUIRE(!refused);
    CHECK(refused.error().message.find("one pair of them") != std::string::npos);
  }
}

}  // namespace
}  // namespace kimdb::cli
