// A Database without sockets: requests as lines, replies as text.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "database/database.h"
#include "protocol/request_parser.h"
#include "tests/support/manual_clock.h"

namespace kimdb::support {

// One connection to a Database: what a person with netcat would have.
class TestSession {
 public:
  explicit TestSession(database::Database& database, std::uint64_t id = 1);
  ~TestSession() { database_.end_session(state_); }

  // The reply to one line, its line end removed; of a list all lines.
  std::string run(std::string_view line);
  // The reply in RESP to the words of a line.
  std::string run_resp(std::string_view line);

  database::Session& state() { return state_; }
  const database::Outcome& outcome() const { return outcome_; }

 private:
  std::string execute(std::string_view line, protocol::Framing framing);

  database::Database& database_;
  database::SessionInfo info_;
  database::Session state_;
  protocol::RequestParser parser_;
  database::Outcome outcome_;
};

// A Database in memory (wal.enabled: false unless the options say otherwise) with a clock that the
// test sets.
class TestDb {
 public:
  explicit TestDb(const database::DatabaseOptions& options = in_memory());
  TestDb(const database::DatabaseOptions& options, Filesystem& filesystem);

  static database::DatabaseOptions in_memory();
  // The same with a log, which nothing waits for.
  static database::DatabaseOptions with_log(const std::string& directory);

  std::string run(std::string_view line) { return session_->run(line); }
  std::string run_resp(std::string_view line) { return session_->run_resp(line); }
  database::Database& database() { return *database_; }
  TestSession& session() { return *session_; }
  ManualClock& clock() { return clock_; }

 private:
  void open(const database::DatabaseOptions& options, Filesystem& filesystem);

  ManualClock clock_;
  SystemRandom random_;
  std::unique_ptr<Logger> logger_;
  std::unique_ptr<database::Database> database_;
  std::unique_ptr<TestSession> session_;
};

}  // namespace kimdb::support
