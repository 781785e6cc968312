#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/test_db.h"

namespace kimdb::database {
namespace {

// Keeps what a session would be sent as events.
class Events final : public EventReceiver, public ChangeListener {
 public:
  ChangeListener& change_listener() override { return *this; }
  void changes_ready() override {}
  void deliver(std::shared_ptr<const Event> event, std::shared_ptr<const std::string>) override {
    // Of a line of MONITOR, what stands behind its time and address.
    const std::string& line = event->payload;
    lines.push_back(event->kind == Event::Kind::monitor ? line.substr(line.find(']') + 2) : line);
  }
  std::vector<std::string> lines;
};

struct Monitored {
  Monitored() {
    watcher.state().receiver = &events;
    watcher.run("MONITOR");
  }
  Events events;
  support::TestDb db;
  support::TestSession watcher{db.database(), 2};
};

using Lines = std::vector<std::string>;

TEST_CASE_FIXTURE(Monitored, "MONITOR shows the commands of a transaction when they run") {
  db.run("MULTI\nSET a b\nGET a");
  CHECK(events.lines == Lines{"\"MULTI\""});
  db.run("EXEC");
  CHECK(events.lines == Lines{"\"MULTI\"", "\"SET\" \"a\" \"b\"", "\"GET\" \"a\"", "\"EXEC\""});
}

TEST_CASE_FIXTURE(Monitored, "MONITOR shows no passwords, and nothing that is for administrators") {
  db.run("AUTH secret\nAUTH me secret\nHELLO 3 AUTH me secret SETNAME x");
  db.run("HELLO 3 SETNAME auth AUTH me secret\nHELLO 2");
  db.run("CONFIG GET x\nSLOWLOG LEN\nCLIENT LIST\nNOSUCH\nGET");
  db.run("CLIENT GETNAME");
  CHECK(events.lines ==
        Lines{"\"AUTH\" \"(redacted)\"", "\"AUTH\" \"(redacted)\" \"(redacted)\"",
              R"x("HELLO" "3" "AUTH" "(redacted)" "(redacted)" "(redacted)" "(redacted)")x",
              R"x("HELLO" "3" "SETNAME" "auth" "(redacted)" "(redacted)" "(redacted)")x",
              "\"HELLO\" \"2\"", "\"CLIENT\" \"GETNAME\""});
}

TEST_CASE("a command of a type that is absent names what there is instead, on lines alone") {
  support::TestDb db;
  CHECK(db.run("hset u:1 name Kim") ==
        "ERROR: unknown command 'HSET': there are no hashes yet; fields are kept in documents: "
        "DOC PUT users u1 {\"name\": \"Kim\"}");
  CHECK(
      db.run("LPUSH l a").starts_with("ERROR: unknown command 'LPUSH': there are no lists yet; "));
  CHECK(db.run_resp("LPUSH l a") ==
        "-ERR unknown command 'LPUSH', with args beginning with: 'l' 'a' \r\n");
}

TEST_CASE("the slow log keeps no passwords") {
  DatabaseOptions options = support::TestDb::in_memory();
  options.slowlog_threshold = std::chrono::microseconds(0);
  support::TestDb db(options);
  db.run("AUTH secret\nAUTH me secret\nHELLO 3 AUTH me secret\nHELLO 3 SETNAME auth");
  std::string kept;
  for (const Slowlog::Entry& entry : db.database().slowlog().newest(10)) {
    for (const std::string& word : entry.words) kept += word + ' ';
    kept += '\n';
  }
  CHECK(kept ==
        "HELLO 3 SETNAME auth \nHELLO 3 AUTH (redacted) (redacted) \n"
        "AUTH (redacted) (redacted) \nAUTH (redacted) \n");
}

TEST_CASE("CLIENT REPLY OFF silences refusals and queued commands, too") {
  support::TestDb db;
  CHECK(db.run("CLIENT REPLY OFF") == "");
  CHECK(db.run("SET a 1\nNOSUCH\nGET\nCLIENT NOSUCH\nMULTI\nGET a\nEXEC\nEXPLAINED GET a") == "");
  CHECK_FALSE(db.session().outcome().explained);
  CHECK(db.run("CLIENT REPLY ON") == "OK");
  CHECK(db.run("CLIENT REPLY SKIP\nNOSUCH\nGET a") == "1");
}

TEST_CASE("what Redis would print by printf ends at its first zero byte") {
  support::TestDb db;
  CHECK(db.run_resp(R"(NOSUCH "a\x00b" "\x00" c)") ==
        "-ERR unknown command 'NOSUCH', with args beginning with: 'a' '' 'c' \r\n");
  CHECK(db.run_resp(R"("N\x00O")") == "-ERR unknown command 'N', with args beginning with: \r\n");
  CHECK(db.run_resp(R"(CLIENT "N\x00O")") == "-ERR unknown subcommand 'N'. Try CLIENT HELP.\r\n");
}

TEST_CASE("HELP of a command names its subcommands in upper case") {
  support::TestDb db;
  const std::string help = db.run("CLIENT HELP");
  CHECK(help.find("CLIENT <subcommand>") != std::string::npos);
  CHECK(help.find("NO-EVICT ON|OFF -- ") != std::string::npos);
  CHECK(help.find("MAINT_NOTIFICATIONS ") != std::string::npos);
  CHECK(db.run_resp("CLIENT HELP x") ==
        "-ERR wrong number of arguments for 'client|help' command\r\n");
}

TEST_CASE("words that Redis refuses are refused with its errors") {
  support::TestDb db;
  const std::pair<const char*, const char*> kRefused[] = {
      {"CLIENT NO-EVICT x", "ERR syntax error"},
      {"CLIENT LIST TYPE nosuch", "ERR Unknown client type 'nosuch'"},
      {"CLIENT LIST TYPE normal x", "ERR syntax error"},
      {"MEMORY USAGE k extra", "ERR syntax error"},
      {"MEMORY USAGE k SAMPLES x", "ERR value is not an integer or out of range"},
      {"MEMORY USAGE k SAMPLES -1", "ERR syntax error"},
      {"SLOWLOG GET abc 5",
       "ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP."},
      {"PUBSUB CHANNELS a b",
       "ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP."},
      {"SET k v EX 10 PX 10", "ERR syntax error"},
      {"GETEX k EX 10 PERSIST", "ERR syntax error"},
  };
  for (const auto& [line, error] : kRefused) {
    CAPTURE(line);
    CHECK(db.run_resp(line) == "-" + std::string(error) + "\r\n");
  }
}

TEST_CASE("of one expiry option given twice the last counts, even where the first is no number") {
  support::TestDb db;
  CHECK(db.run("SET k v EX abc EX 100") == "OK");
  CHECK(db.run("TTL k") == "100");
  CHECK(db.run("GETEX k PX 1 PX 200000") == "v");
  CHECK(db.run("TTL k") == "200");
}

TEST_CASE("the last time there is is rounded, not overflown") {
  support::TestDb db;
  db.run("SET k v PXAT 9223372036854775807");
  CHECK(db.run("EXPIRETIME k") == "9223372036854776");
}

TEST_CASE("PUBSUB CHANNELS of an empty pattern matches nothing") {
  Events events;
  support::TestDb db;
  support::TestSession subscriber(db.database(), 2);
  subscriber.state().receiver = &events;
  subscriber.run("SUBSCRIBE c");
  CHECK(db.run_resp("PUBSUB CHANNELS \"\"") == "*0\r\n");
  CHECK(db.run_resp("PUBSUB CHANNELS") == "*1\r\n$1\r\nc\r\n");
}

TEST_CASE("CLIENT LIST TYPE tells subscribers from the others") {
  support::TestDb db;
  CHECK(db.run("CLIENT LIST TYPE normal").find("id=1 ") != std::string::npos);
  CHECK(db.run("CLIENT LIST TYPE pubsub").find("id=1 ") == std::string::npos);
  CHECK(db.run("CLIENT LIST TYPE replica").find("id=1 ") == std::string::npos);
}

TEST_CASE("time never falls, whatever the clock does") {
  support::TestDb db;
  const std::int64_t begin = db.database().now_ms();
  db.clock().advance(1000);
  CHECK(db.database().now_ms() == begin + 1000);
  db.run("SET a 1 PX 500");
  db.clock().advance(600);
  CHECK(db.run("GET a") == "ERROR: key not found");
  db.clock().advance(-3600'000);
  CHECK(db.database().now_ms() == begin + 1600);
  CHECK(db.run("GET a") == "ERROR: key not found");
  db.run("SET b 1 PX 500");
  CHECK(db.run("PTTL b") == "500");
}

}  // namespace
}  // namespace kimdb::database
