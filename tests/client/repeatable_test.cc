#include "client/repeatable.h"

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

namespace kimdb::client {
namespace {

bool repeatable(std::vector<std::string_view> words) { return is_repeatable(words); }

TEST_CASE("commands that only read may be sent again, in any case") {
  CHECK(repeatable({"GET", "k"}));
  CHECK(repeatable({"mget", "a", "b"}));
  CHECK(repeatable({"config", "get", "*"}));
}

TEST_CASE("statements that only read may be sent again") {
  CHECK(repeatable({"SQL", "SELECT * FROM t"}));
  CHECK(repeatable({"SQL", "-- a\n/* b */ show tables"}));
  CHECK(repeatable({"AFTER", "1-5", "SQL", "DESCRIBE t"}));
  CHECK(repeatable({"INDEX", "LIST", "c"}));
  for (const char* statement : {"DELETE FROM t", "WITH a AS (SELECT 1) DELETE FROM t", "BEGIN",
                                "EXPLAIN ANALYZE DELETE FROM t", "/* SELECT", "", "COMMIT"})
    CHECK(!repeatable({"SQL", statement}));
  CHECK(!repeatable({"SQL"}));
}

TEST_CASE("writes, transactions and unknown commands may not") {
  CHECK(!repeatable({"SET", "k", "v"}));
  CHECK(!repeatable({"GETEX", "k", "EX", "1"}));
  CHECK(!repeatable({"GETDEL", "k"}));
  CHECK(!repeatable({"CONFIG", "SET", "a", "b"}));
  CHECK(!repeatable({"MULTI"}));
  CHECK(!repeatable({"EXEC"}));
  CHECK(!repeatable({"WATCH", "k"}));
  CHECK(!repeatable({"NEWCOMMAND", "k"}));
}

TEST_CASE("prefix words are looked through; an ID makes any command repeatable") {
  CHECK(repeatable({"AFTER", "1-5", "GET", "k"}));
  CHECK(!repeatable({"ACK", "synced", "SET", "k", "v"}));
  CHECK(repeatable({"ID", "c", "1", "SET", "k", "v"}));
  CHECK(repeatable({"ACK", "synced", "id", "c", "1", "SET", "k", "v"}));
  // A value that looks like one is none.
  CHECK(!repeatable({"SET", "ID", "1", "GET"}));
  CHECK(!repeatable({"ACK", "ID", "SET", "k", "v"}));
}

}  // namespace
}  // namespace kimdb::client
