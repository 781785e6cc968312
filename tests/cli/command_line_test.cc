#include "cli/command_line.h"

#include <doctest/doctest.h>

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

TEST_CASE("an SQL statement goes on while a parenthesis, a quote or a comment is open") {
  CHECK(is_open_statement("CREATE TABLE t (a INT,"));
  CHECK(is_open_statement("INSERT INTO t VALUES ('a"));
  CHECK(is_open_statement("SELECT 1 /* and"));
  CHECK(is_open_statement("SQL SELECT (1"));
  CHECK_FALSE(is_open_statement("SELECT name FROM users"));
  CHECK_FALSE(is_open_statement("SELECT ')' -- ("));
  CHECK_FALSE(is_open_statement("SET a ("));
  CHECK_FALSE(is_open_statement("SELECT 1"));
}

}  // namespace
}  // namespace kimdb::cli
