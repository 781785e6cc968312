#include <doctest/doctest.h>

#include "tests/support/test_db.h"

namespace kimdb::database {
namespace {

TEST_CASE("a value is stored, read, replaced and removed") {
  support::TestDb db;
  CHECK(db.run("SET user1 John") == "OK");
  CHECK(db.run("GET user1") == "John");
  CHECK(db.run("SET user1 \"John Smith\"") == "OK");
  CHECK(db.run("GET user1") == "John Smith");
  CHECK(db.run("DEL user1") == "OK");
  CHECK(db.run("GET user1") == "ERROR: key not found");
  CHECK(db.run("DEL user1") == "ERROR: key not found");
}

TEST_CASE("SET's conditions decide whether it stores, and say so") {
  support::TestDb db;
  CHECK(db.run("SET a 1 XX") == "(nil)");
  CHECK(db.run("SET a 1 NX") == "OK");
  CHECK(db.run("SET a 2 NX") == "(nil)");
  CHECK(db.run("SET a 2 NX GET") == "1");
  CHECK(db.run("GET a") == "1");
  CHECK(db.run("SET a 3 NX XX") == "ERROR: syntax error");
  CHECK(db.run("SET a 3 EX 10 PX 10") == "ERROR: syntax error");
  CHECK(db.run("SET a 3 EX 0") == "ERROR: invalid expire time in 'set' command");
}

TEST_CASE("IFVERSION stores only over the version it names") {
  support::TestDb db;
  CHECK(db.run("SET a 1 IFVERSION 0") == "OK");
  const std::string version = db.run("OBJECT VERSION a");
  CHECK(db.run("SET a 2 IFVERSION " + version) == "OK");
  CHECK(db.run("SET a 3 IFVERSION " + version)
            .starts_with("ERROR: version conflict: expected " + version));
  CHECK(db.run("GET a") == "2");
}

TEST_CASE("numbers are counted up and down, and overflow is refused") {
  support::TestDb db;
  CHECK(db.run("INCR n") == "1");
  CHECK(db.run("INCRBY n 41") == "42");
  CHECK(db.run("DECRBY n 2") == "40");
  CHECK(db.run("INCRBYFLOAT n 0.5") == "40.5");
  CHECK(db.run("INCR n") == "ERROR: value is not an integer or out of range");
  CHECK(db.run("SET n 9223372036854775807") == "OK");
  CHECK(db.run("INCR n") == "ERROR: increment or decrement would overflow");
  CHECK(db.run("GET n") == "9223372036854775807");
}

TEST_CASE("ranges of a value are read and written, gaps are filled with zeros") {
  support::TestDb db;
  CHECK(db.run("APPEND a Hello") == "5");
  CHECK(db.run("APPEND a \" World\"") == "11");
  CHECK(db.run("GETRANGE a 0 4") == "Hello");
  CHECK(db.run("GETRANGE a -5 -1") == "World");
  CHECK(db.run("SETRANGE a 6 Redis") == "11");
  CHECK(db.run("GET a") == "Hello Redis");
  CHECK(db.run("SETRANGE b 2 x") == "3");
  CHECK(db.run("GET b") == "\"\\x00\\x00x\"");
  CHECK(db.run("SETRANGE b 536870912 x") ==
        "ERROR: string exceeds maximum allowed size (proto-max-bulk-len)");
}

TEST_CASE("an expired key is gone at its millisecond, and may be written anew") {
  support::TestDb db;
  CHECK(db.run("SET a 1 PX 100") == "OK");
  db.clock().advance(99);
  CHECK(db.run("GET a") == "1");
  CHECK(db.run("PTTL a") == "1");
  db.clock().advance(1);
  CHECK(db.run("GET a") == "ERROR: key not found");
  CHECK(db.run("SETRANGE a 1 x") == "2");
  CHECK(db.run("TTL a") == "-1");
}

TEST_CASE("several keys are written and read as one") {
  support::TestDb db;
  CHECK(db.run("MSET a 1 b 2 a 3") == "OK");
  CHECK(db.run("MGET a b c") == "*3\n3\n2\n(nil)");
  CHECK(db.run("MSETNX c 1 a 9") == "0");
  CHECK(db.run("EXISTS c") == "0");
  CHECK(db.run("MSET a") == "ERROR: wrong number of arguments for 'mset' command");
}

}  // namespace
}  // namespace kimdb::database
