// Who may do what, and logging in.
#include <doctest/doctest.h>

#include <string>

#include "database/password.h"
#include "tests/support/test_db.h"

namespace kimdb::database {
namespace {

constexpr const char* kWrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

DatabaseOptions with_users() {
  DatabaseOptions options = support::TestDb::in_memory();
  options.auth_enabled = true;
  for (const Role role : {Role::readonly, Role::readwrite, Role::admin})
    options.users.push_back({role_name(role), *hash_password(role_name(role)), role});
  options.users.push_back({"default", *hash_password("plain"), Role::readwrite});
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

}  // namespace
}  // namespace kimdb::database
