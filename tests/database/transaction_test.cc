#include <doctest/doctest.h>

#include "tests/support/test_db.h"

namespace kimdb::database {
namespace {

TEST_CASE("queued commands run as one, each sees those before it") {
  support::TestDb db;
  CHECK(db.run("MULTI") == "OK");
  CHECK(db.run("SET a 1") == "QUEUED");
  CHECK(db.run("INCR a") == "QUEUED");
  CHECK(db.run("APPEND a x") == "QUEUED");
  CHECK(db.run("GET a") == "QUEUED");
  CHECK(db.run("DEL a") == "QUEUED");
  CHECK(db.run("EXISTS a") == "QUEUED");
  CHECK(db.run("EXEC") == "*6\nOK\n2\n2\n2x\nOK\n0");
}

TEST_CASE("all changes of a transaction carry one LSN") {
  support::TestDb db;
  const Lsn before = db.database().log().last_lsn();
  db.run("MULTI\nSET a 1\nSET b 2\nINCR a\nEXEC");
  CHECK(db.database().log().last_lsn() == before + 1);
  CHECK(db.run("OBJECT VERSION a") == db.run("OBJECT VERSION b"));
  CHECK(db.run("OBJECT VERSION a") == std::to_string(before + 1));
}

TEST_CASE("a refused command fails the transaction, a failing one does not") {
  support::TestDb db;
  db.run("MULTI");
  CHECK(db.run("NOSUCH a").starts_with("ERROR: unknown command"));
  CHECK(db.run("EXEC") == "ERROR: EXECABORT Transaction discarded because of previous errors.");
  db.run("MULTI\nSET a x\nINCR a\nSET b 1");
  CHECK(db.run("EXEC") == "*3\nOK\nERROR: value is not an integer or out of range\nOK");
  CHECK(db.run("GET b") == "1");
}

TEST_CASE("EXEC fails when a watched key has changed, was removed or has come to be") {
  support::TestDb db;
  support::TestSession other(db.database(), 2);
  db.run("SET a 1\nWATCH a missing\nMULTI\nSET b 1");
  other.run("SET a 1");
  CHECK(db.run("EXEC") == "(nil)");
  db.run("WATCH a\nMULTI\nSET b 1");
  other.run("DEL a");
  CHECK(db.run("EXEC") == "(nil)");
  db.run("WATCH a\nMULTI\nSET b 1");
  other.run("SET a 1");
  CHECK(db.run("EXEC") == "(nil)");
  db.run("WATCH a\nMULTI\nSET b 1");
  CHECK(db.run("EXEC") == "*1\nOK");
}

TEST_CASE("commands that look at everything run in a transaction, behind its own writes") {
  support::TestDb db;
  db.run("SET a 1");
  db.run("MULTI\nSET b 2\nINFO keyspace\nSTATS\nMEMORY STATS\nDBSIZE\nKEYS *");
  const std::string replies = db.run("EXEC");
  CHECK(replies.find("db0:keys=2,expires=0") != std::string::npos);
  CHECK(replies.find("keys\n2\n") != std::string::npos);
  CHECK(replies.find("requests\n0\n") != std::string::npos);
}

TEST_CASE("a wrong subcommand is refused while queueing, and fails the transaction") {
  support::TestDb db;
  for (const char* wrong : {"CLIENT NOSUCH", "CLIENT SETNAME", "OBJECT FREQ", "SLOWLOG LEN x"}) {
    CAPTURE(wrong);
    db.run("MULTI");
    CHECK(db.run(wrong).starts_with("ERROR: "));
    CHECK(db.run("EXEC") == "ERROR: EXECABORT Transaction discarded because of previous errors.");
  }
}

TEST_CASE("an EXEC that cannot be carried out ends the transaction") {
  support::TestDb db;
  db.run("MULTI\nSET a 1");
  CHECK(db.run_resp("EXEC x") ==
        "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' "
        "command\r\n");
  CHECK(db.run("EXEC") == "ERROR: EXEC without MULTI");
  CHECK(db.run("EXISTS a") == "0");
}

TEST_CASE("inside EXEC the version of what it wrote itself is not known, and that is said") {
  support::TestDb db;
  db.run("SET a 1");
  const std::string version = db.run("OBJECT VERSION a");
  db.run("MULTI\nSET a 2\nOBJECT VERSION a\nSET a 3 IFVERSION " + version +
         "\nDEL a\nSET a 4 IFVERSION 0");
  CHECK(db.run("EXEC") ==
        "*5\nOK\nERROR: the version is not known before the transaction has ended\n"
        "ERROR: version conflict: expected " +
            version + ", but this transaction has changed the key before\nOK\nOK");
}

TEST_CASE("no password is looked at inside a transaction") {
  support::TestDb db;
  db.run("MULTI");
  CHECK(db.run("AUTH a b") == "ERROR: Command not allowed inside a transaction");
  CHECK(db.run("HELLO 3 AUTH a b") == "ERROR: Command not allowed inside a transaction");
  CHECK(db.run("HELLO 3") == "QUEUED");
}

TEST_CASE("a transaction that the log could not take whole is refused while it is queued") {
  database::DatabaseOptions options = support::TestDb::in_memory();
  options.log.max_transaction_size = 1100;
  support::TestDb db(options);
  db.run("MULTI");
  CHECK(db.run("SET a " + std::string(900, 'x')) == "QUEUED");
  CHECK(db.run("SET b " + std::string(900, 'x')) ==
        "ERROR: transaction exceeds wal.max_transaction_size");
  CHECK(db.run("EXEC").starts_with("ERROR: EXECABORT"));
}

TEST_CASE("what the commands of a transaction copy is bounded as its words are") {
  database::DatabaseOptions options = support::TestDb::in_memory();
  options.log.max_transaction_size = 2500;
  support::TestDb db(options);
  db.run("MULTI\nSET a " + std::string(300, 'x'));
  db.run("RENAME a b\nCOPY b c\nCOPY b d\nCOPY b e\nINCRBYFLOAT f 1e400");
  const std::string too_large = "ERROR: value exceeds wal.max_transaction_size";
  CHECK(db.run("EXEC") == "*6\nOK\nOK\n1\n1\n" + too_large + "\n" + too_large);
  CHECK(db.run("EXISTS a b c d e f") == "3");
}

TEST_CASE("a key named twice is changed twice, and removed once") {
  support::TestDb db;
  CHECK(db.run("MSET a 1 b 2 a 3") == "OK");
  CHECK(db.run("GET a") == "3");
  CHECK(db.run("MSETNX c 1 c 2") == "1");
  CHECK(db.run("GET c") == "2");
  CHECK(db.run("DEL a b a x a") == "2");
  CHECK(db.run("MULTI\nMSET a 1 a 2\nDEL a c a\nEXISTS a c\nEXEC").ends_with("*3\nOK\n2\n0"));
}

TEST_CASE("a numbered DEL is answered as one without a number, in each framing") {
  support::TestDb db;
  db.run("SET a 1\nSET b 1\nSET c 1");
  CHECK(db.run_resp("ID x 1 DEL a") == ":1\r\n");
  CHECK(db.run("ID x 1 DEL a") == "OK");
  CHECK(db.run_resp("ID x 2 DEL a") == ":0\r\n");
  CHECK(db.run("ID x 2 DEL a") == "ERROR: key not found");
  CHECK(db.run("ID x 3 DEL b c d") == "2");
  CHECK(db.run_resp("ID x 3 DEL b c d") == ":2\r\n");
}

TEST_CASE("a numbered write is done once, and answered again in whatever framing") {
  support::TestDb db;
  CHECK(db.run("ID alice 1 INCR n") == "1");
  CHECK(db.run("ID alice 1 INCR n") == "1");
  CHECK(db.run_resp("ID alice 1 INCR n") == ":1\r\n");
  CHECK(db.run("ID alice 2 INCR n") == "2");
  CHECK(db.run("ID bob 1 INCR n") == "3");
  CHECK(db.run("ID alice 3 SET n x NX") == "(nil)");
  db.run("DEL n");
  CHECK(db.run("ID alice 3 SET n x NX") == "(nil)");
  for (int i = 4; i < 140; ++i) db.run("ID alice " + std::to_string(i) + " INCR n");
  CHECK(db.run("ID alice 1 INCR n").starts_with("ERROR: UNKNOWNOUTCOME"));
  CHECK(db.run("ID alice 0 INCR n").starts_with("ERROR: ID takes"));
  CHECK(db.run("ID alice 500 GET n").starts_with("ERROR: ID goes before a command that writes"));
}

TEST_CASE("of a reply too large to be kept, a retry is told that the write was done") {
  support::TestDb db;
  db.run("SETRANGE a 2000000 x");
  CHECK(db.run_resp("ID z 1 GETDEL a").starts_with("$2000001\r\n"));
  CHECK(db.run("ID z 1 GETDEL a").starts_with("ERROR: done before, but its reply of "));
}

TEST_CASE("a numbered transaction is done once") {
  support::TestDb db;
  const auto transaction = [&] {
    db.run("MULTI\nINCR n\nINCR m");
    return db.run("ID alice 7 EXEC");
  };
  CHECK(transaction() == "*2\n1\n1");
  CHECK(transaction() == "*2\n1\n1");
  CHECK(db.run("GET n") == "1");
}

}  // namespace
}  // namespace kimdb::database
