#include "tests/support/test_db.h"

#include <stdexcept>

#include "base/posix_filesystem.h"

namespace kimdb::support {

TestSession::TestSession(database::Database& database, std::uint64_t id)
    : database_(database), state_(info_), parser_({}) {
  info_.id = id;
  info_.address = "127.0.0.1:1";
  state_.peer_host = "127.0.0.1";
}

std::string TestSession::run(std::string_view line) {
  return execute(line, protocol::Framing::line);
}
std::string TestSession::run_resp(std::string_view line) {
  return execute(line, protocol::Framing::resp);
}

std::string TestSession::execute(std::string_view line, protocol::Framing framing) {
  const std::string input = std::string(line) + "\n";
  protocol::Request request;
  std::string out;
  for (std::string_view rest = input; !rest.empty();) {
    const auto parsed = parser_.next(rest, request);
    rest.remove_prefix(parsed.consumed);
    if (parsed.outcome == protocol::RequestParser::Outcome::request) {
      request.framing = framing;
      outcome_ = database_.execute(state_, request, out, {.now_ms = database_.now_ms()});
    } else if (parsed.outcome == protocol::RequestParser::Outcome::incomplete) {
      throw std::runtime_error("incomplete request: " + input);
    } else if (!parsed.error.empty()) {
      protocol::ReplyWriter(out, state_.format(framing)).error(parsed.error);
    }
  }
  if (framing == protocol::Framing::line && out.ends_with('\n')) out.pop_back();
  return out;
}

database::DatabaseOptions TestDb::in_memory() {
  database::DatabaseOptions options;
  options.wal_enabled = false;
  options.log.sync = wal::Sync::off;
  options.workers = 1;
  return options;
}

database::DatabaseOptions TestDb::with_log(const std::string& directory) {
  database::DatabaseOptions options = in_memory();
  options.wal_enabled = true;
  options.data_directory = directory;
  return options;
}

TestDb::TestDb(const database::DatabaseOptions& options) {
  static PosixFilesystem filesystem;
  open(options, filesystem);
}

TestDb::TestDb(const database::DatabaseOptions& options, Filesystem& filesystem) {
  open(options, filesystem);
}

void TestDb::open(const database::DatabaseOptions& options, Filesystem& filesystem) {
  auto logger = Logger::open({.level = LogLevel::off, .output = "stderr"});
  if (!logger) throw std::runtime_error(logger.error().message);
  logger_ = std::move(*logger);
  auto opened = database::Database::open(options, {filesystem, clock_, random_, *logger_});
  if (!opened) throw std::runtime_error(opened.error().message);
  database_ = std::move(*opened);
  session_ = std::make_unique<TestSession>(*database_);
}

}  // namespace kimdb::support
