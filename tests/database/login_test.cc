// Who may do what, and logging in.
#include <doctest/doctest.h>

#include <string>

#include "database/password.h"
#include "database/token.h"
#include "tests/support/jwt.h"
#include "tests/support/test_db.h"

namespace kimdb::database {
namespace {

constexpr const char* kWrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

DatabaseOptions with_users() {
  DatabaseOptions options = support::TestDb::in_memory();
  options.auth_enabled = true;
  for (const Role role : {Role::readonly, Role::readwrite, Role::admin})
    options.users.push_back(
        {std::string(role_name(role)), *hash_password(role_name(role)), {role, {}}});
  options.users.push_back({"default", *hash_password("plain"), {Role::readwrite, {}}});
  return options;
}

struct Fixture {
  support::TestDb db{with_users()};
  std::string log_in(const std::string& name) { return db.run_resp("AUTH " + name + " " + name); }
};

TEST_CASE_FIXTURE(Fixture, "before login nothing is answered but what leads to one") {
  for (const char* line : {"GET a", "SET a 1", "INFO", "CLIENT ID", "CONFIG GET x", "NOSUCH a",
                           "EXEC", "MULTI", "MONITOR", "EXPLAINED GET a", "ACK memory SET a 1"}) {
    CAPTURE(line);
    CHECK(db.run_resp(line).find("NOAUTH Authentication required.") != std::string::npos);
    CHECK(db.run(line).find("authentication required") != std::string::npos);
  }
  CHECK(db.run("PING") == "PONG");
  CHECK(db.run_resp("HELLO 3").starts_with("-NOAUTH HELLO must be called with the client already"));
  CHECK(db.run("HANDSHAKE").starts_with("HANDSHAKE|v1.0|1|kimdb"));
}

TEST_CASE_FIXTURE(Fixture, "each role may do what it is for") {
  const auto refused = [&](const std::string& line, const std::string& name) {
    return db.run_resp(line) ==
           "-NOPERM this user has no permissions to run the '" + name + "' command\r\n";
  };
  REQUIRE(log_in("readonly") == "+OK\r\n");
  CHECK(db.run("GET a") == "ERROR: key not found");
  CHECK(db.run("CLIENT ID") == "1");
  CHECK(refused("SET a 1", "set"));
  CHECK(refused("FLUSHALL", "flushall"));
  CHECK(refused("CONFIG GET x", "config|get"));
  CHECK(refused("CLIENT LIST", "client|list"));
  db.run("MULTI");
  CHECK(refused("SET a 1", "set"));
  CHECK(db.run("EXEC").starts_with("ERROR: EXECABORT"));

  REQUIRE(log_in("readwrite") == "+OK\r\n");
  CHECK(db.run("SET a 1") == "OK");
  CHECK(refused("CLIENT KILL ID 7", "client|kill"));
  CHECK(refused("SLOWLOG LEN", "slowlog|len"));
  CHECK(refused("SHUTDOWN", "shutdown"));
  CHECK(refused("SHOW PROCESSLIST", "show"));

  REQUIRE(log_in("admin") == "+OK\r\n");
  CHECK(db.run("SLOWLOG RESET") == "OK");
  CHECK(db.run("CLIENT LIST").find("user=admin") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "AUTH with one word logs in as default, HELLO as whom it names") {
  CHECK(db.run_resp("AUTH wrong") == kWrong);
  CHECK(db.run_resp("AUTH nobody wrong") == kWrong);
  CHECK(db.run("AUTH default wrong") == "ERROR: authentication failed");
  CHECK(db.run("GET a") == "ERROR: authentication required");
  db.clock().advance(10'000);  // whoever guesses waits
  CHECK(db.run("AUTH plain") == "Authenticated");
  CHECK(db.run("SET a 1") == "OK");
  CHECK(db.run_resp("HELLO 2 AUTH readonly readonly").starts_with("*14\r\n"));
  CHECK(db.run_resp("SET a 1").starts_with("-NOPERM"));
}

TEST_CASE_FIXTURE(Fixture, "a failed login leaves who was logged in, an empty user's name is one") {
  REQUIRE(log_in("readwrite") == "+OK\r\n");
  CHECK(db.run_resp("AUTH admin wrong") == kWrong);
  CHECK(db.run_resp("HELLO 2 AUTH \"\" x") == kWrong);
  CHECK(db.run("SET a 1") == "OK");
  CHECK(db.run_resp("CONFIG GET x").starts_with("-NOPERM"));
  CHECK(db.run("RESET") == "RESET");
  CHECK(db.run("SET a 1") == "ERROR: authentication required");
}

TEST_CASE_FIXTURE(Fixture, "too many wrong passwords: the right one is as wrong, for a while") {
  for (int i = 0; i < 3; ++i) CHECK(db.run_resp("AUTH admin guess") == kWrong);
  CHECK(log_in("admin") == kWrong);
  CHECK(db.run("GET a") == "ERROR: authentication required");
  support::TestSession elsewhere(db.database(), 2);
  elsewhere.state().peer_host = "10.0.0.2";
  CHECK(elsewhere.run("AUTH admin admin") == "Authenticated");
  db.clock().advance(500);
  CHECK(log_in("admin") == "+OK\r\n");
}

TEST_CASE("who has a list of collections reaches these and no other data") {
  DatabaseOptions options = support::TestDb::in_memory();
  options.auth_enabled = true;
  options.api_keys = {{"shop",
                       hash_api_key("kimdb_shop"),
                       {Role::readwrite, {{{"users", Access::read}, {"logs-*", Access::write}}}}},
                      {"all", hash_api_key("kimdb_all"), {Role::readwrite, {}}}};
  support::TestDb db(options);
  const auto refused = [&](const std::string& line) {
    return db.run_resp(line).starts_with("-NOPERM ");
  };
  REQUIRE(db.run("AUTH kimdb_all") == "Authenticated");
  for (const char* line : {"SET k 1", "DOC PUT users u {\"a\":1}", "DOC PUT orders o {}",
                           "DOC PUT logs-1 l {}", "INDEX CREATE users (a)"})
    CHECK_FALSE(db.run(line).starts_with("ERROR"));
  REQUIRE(db.run("AUTH default kimdb_shop") == "Authenticated");
  CHECK(db.run("CLIENT INFO").find("user=shop") != std::string::npos);
  for (const char* line :
       {"DOC GET users u", "DOC FIND users {}", "DOC LIST logs-1", "DOC COUNT users {}",
        "DOC EXPLAIN users {}", "INDEX LIST users", "DOC PUT logs-2 * {}", "DOC DEL logs-2 x",
        "DOC BULK logs-3 [{\"data\":{}}]", "INDEX CREATE logs-1 (a)", "PING", "CLIENT ID", "MULTI",
        "DOC MERGE logs-1 l {\"a\":1}", "EXEC", "COMMAND COUNT", "UNWATCH"}) {
    CAPTURE(line);
    CHECK_FALSE(refused(line));
  }
  for (const char* line : {"DOC PUT users u {}",
                           "DOC MERGE users u {}",
                           "DOC DEL users u",
                           "INDEX DROP users a",
                           "INDEX CREATE users (b)",
                           "DOC GET orders o",
                           "DOC FIND orders {}",
                           "DOC COUNT orders",
                           "DOC LIST orders",
                           "INDEX LIST orders",
                           "DOC WATCH orders",
                           "GET k",
                           "SET k 1",
                           "DEL k",
                           "KEYS *",
                           "SCAN 0",
                           "DBSIZE",
                           "RANDOMKEY",
                           "FLUSHALL",
                           "WATCH k",
                           "EXISTS k",
                           "TTL k",
                           "PUBLISH c m",
                           "SUBSCRIBE c",
                           "TYPE k",
                           "OBJECT ENCODING k",
                           "MEMORY USAGE k"}) {
    CAPTURE(line);
    CHECK(refused(line));
  }
  // Of all collections those that may be read.
  const std::string shown = db.run("COLLECTIONS");
  CHECK(shown.find("users") != std::string::npos);
  CHECK(shown.find("logs-1") != std::string::npos);
  CHECK(shown.find("orders") == std::string::npos);
  db.run("MULTI");
  CHECK(refused("DOC PUT orders x {}"));
  CHECK(db.run("EXEC").starts_with("ERROR: EXECABORT"));
}

// Names of clients are told on the wire: they open nothing.
TEST_CASE("what a numbered write was answered is for the account that sent it") {
  DatabaseOptions options = support::TestDb::in_memory();
  options.auth_enabled = true;
  options.api_keys = {
      {"shop", hash_api_key("kimdb_shop"), {Role::readwrite, {}}},
      {"some", hash_api_key("kimdb_some"), {Role::readwrite, {{{"c", Access::write}}}}},
      {"reads", hash_api_key("kimdb_reads"), {Role::readonly, {}}}};
  support::TestDb db(options);
  db.run("AUTH kimdb_shop\nDOC PUT secret s {\"a\":1}\nMULTI\nDOC GET secret s");
  const std::string answer = db.run("ID till 1 EXEC");
  REQUIRE(answer.find("\"a\":1") != std::string::npos);
  CHECK(db.run("MULTI\nID till 1 EXEC").find("\"a\":1") != std::string::npos);

  db.run("AUTH kimdb_some\nMULTI");
  CHECK(db.run("ID till 1 EXEC") == "*0");
  CHECK(db.run("ID till 2 DOC PUT c d {}") == "*2\nd\n1");
  // Nor does anybody use up the numbers of others, or write at all who only reads.
  db.run("AUTH kimdb_reads\nMULTI");
  CHECK(db.run_resp("ID till 3 EXEC").starts_with("-EXECABORT"));
  db.run("AUTH kimdb_shop");
  CHECK(db.run("ID till 2 SET k 1") == "OK");
  CHECK(db.run("GET k") == "1");
}

TEST_CASE("a login ends what the session follows and may see no more") {
  struct Receiver final : EventReceiver {
    ChangeListener& change_listener() override { std::abort(); }
    void deliver(std::shared_ptr<const Event> event, std::shared_ptr<const std::string>) override {
      events.push_back(event->payload);
    }
    std::vector<std::string> events;
  } receiver;
  DatabaseOptions options = support::TestDb::in_memory();
  options.auth_enabled = true;
  options.api_keys = {
      {"admin", hash_api_key("kimdb_admin"), {Role::admin, {}}},
      {"all", hash_api_key("kimdb_all"), {Role::readonly, {}}},
      {"some", hash_api_key("kimdb_some"), {Role::readwrite, {{{"c", Access::write}}}}}};
  support::TestDb db(options);
  support::TestSession follows(db.database(), 2);
  follows.state().receiver = &receiver;
  db.run("AUTH kimdb_admin");
  follows.run("AUTH kimdb_admin\nSUBSCRIBE news\nMONITOR");
  db.run("PUBLISH news 1");
  CHECK(receiver.events.size() == 2);  // the message, and the command
  follows.run("AUTH kimdb_all");
  receiver.events.clear();
  db.run("PUBLISH news 2");
  CHECK(receiver.events == std::vector<std::string>{"2"});
  follows.run("AUTH kimdb_some");
  CHECK(db.run("PUBLISH news 3") == "0");
  CHECK(receiver.events.size() == 1);
  follows.run("QUIT");
  db.database().end_session(follows.state());
}

// What a command's row says it touches is what its rights hang on.
TEST_CASE("no command that names a key escapes a list of collections") {
  DatabaseOptions options = support::TestDb::in_memory();
  options.auth_enabled = true;
  options.api_keys = {{"none", hash_api_key("kimdb_none"), {Role::readwrite, {{}}}}};
  support::TestDb db(options);
  REQUIRE(db.run("AUTH kimdb_none") == "Authenticated");
  for (const CommandRow& row : db.database().commands().rows()) {
    if (row.keys.first == 0 || (row.flags & kCollection)) continue;
    std::string line(row.name);
    const int words = row.arity < 0 ? -row.arity : row.arity;
    for (int i = 1; i < words; ++i) line += " 1";
    if (!row.subcommands.empty()) continue;
    CAPTURE(line);
    CHECK(db.run_resp(line).starts_with("-NOPERM "));
  }
}

TEST_CASE("a token is as good as a password until it expires") {
  const std::string secret = "0123456789abcdef0123456789abcdef";
  DatabaseOptions options = support::TestDb::in_memory();
  options.auth_enabled = true;
  options.jwt = {.algorithm = JwtAlgorithm::hs256, .key = secret};
  support::TestDb db(options);
  const std::int64_t now_s = db.clock().unix_ms() / 1000;
  const auto token = [&](std::int64_t expires_s) {
    return support::make_hs256_jwt(
        R"({"sub":"kim","role":"readwrite","exp":)" + std::to_string(expires_s) + "}", secret);
  };
  // A client that does not notice is no reason to slow others down.
  for (int i = 0; i < 20; ++i)
    CHECK(db.run_resp("AUTH " + token(now_s - 60)) == "-WRONGPASS the token has expired\r\n");
  CHECK(db.run_resp("HELLO 3 AUTH default " + token(now_s + 60)).starts_with("%7\r\n"));
  CHECK(db.run("SET a 1") == "OK");
  CHECK(db.run("CLIENT INFO").find("user=kim") != std::string::npos);
  db.clock().advance(100'000);
  CHECK(db.run_resp("SET a 2") == "-NOAUTH the token has expired\r\n");
  CHECK(db.run("PING") == "PONG");
  CHECK(db.run("AUTH " + token(now_s + 160)) == "Authenticated");
  CHECK(db.run("GET a") == "1");
  // Somebody's name with a token as password is not the token's.
  CHECK(db.run_resp("AUTH kim " + token(now_s + 160)) == kWrong);
}

}  // namespace
}  // namespace kimdb::database
