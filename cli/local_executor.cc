#include "cli/local_executor.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/logging.h"
#include "base/posix_filesystem.h"
#include "base/random.h"
#include "cli/config_file.h"
#include "cli/remote_executor.h"
#include "database/database.h"
#include "protocol/request.h"

namespace kimdb::cli {
namespace {

Result<database::DatabaseOptions> database_options(const Options& options) {
  database::DatabaseOptions result;
  if (!options.config_path.empty()) {
    auto config = read_config_file(options.config_path);
    if (!config) return std::move(config).error();
    if (config->data_directory) result.data_directory = *config->data_directory;
    if (config->partitions) result.partitions = *config->partitions;
  }
  if (!options.data_directory.empty()) result.data_directory = options.data_directory;
  // Nobody is there to be kept waiting by a snapshot, and one command should not pay for one.
  result.snapshot_interval = std::chrono::milliseconds(0);
  result.workers = 1;
  result.as_found = true;
  return result;
}

// A log that fails must not be written to again, and nothing unwritten may be told as done.
[[noreturn]] void end_on_failure(const Error& error) {
  std::fprintf(stderr, "kimdb-cli: the log cannot be written: %s\n", error.message.c_str());
  std::_Exit(2);
}

}  // namespace

struct LocalExecutor::State {
  PosixFilesystem filesystem;
  SystemClock clock;
  SystemRandom random;
  std::string directory;
  std::unique_ptr<Logger> logger;
  std::unique_ptr<database::Database> database;
  database::SessionInfo info;
  database::Session session{info};
};

Result<std::unique_ptr<Executor>> LocalExecutor::open(const Options& options) {
  auto settings = database_options(options);
  if (!settings) return std::move(settings).error();
  auto state = std::make_unique<State>();
  state->directory = settings->data_directory;
  // A database that is made by a mistyped name would look like one that lost everything.
  auto exists = state->filesystem.exists(state->directory);
  if (!exists) return std::move(exists).error();
  if (!*exists) {
    return Error{ErrorCode::not_found, "there is no data directory " + state->directory +
                                           " (--data or --config names it)"};
  }
  auto logger = Logger::open({.level = LogLevel::warning, .output = "stderr"});
  if (!logger) return std::move(logger).error();
  state->logger = std::move(*logger);
  auto database = database::Database::open(
      *settings, {state->filesystem, state->clock, state->random, *state->logger});
  if (!database) return std::move(database).error();
  state->database = std::move(*database);
  state->database->set_failure_listener(end_on_failure);
  state->info.id = 1;
  state->info.address = "local";
  state->info.resp_version = 3;
  state->session.authenticated = true;
  state->session.resp_format = protocol::Format::resp3;
  return std::unique_ptr<Executor>(new LocalExecutor(std::move(state)));
}

LocalExecutor::LocalExecutor(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalExecutor::~LocalExecutor() = default;

Result<Value> LocalExecutor::execute(const Words& words) {
  protocol::Request request;
  request.framing = protocol::Framing::resp;
  request.words.assign(words.begin(), words.end());
  database::Database& database = *state_->database;
  std::string reply;
  const database::Outcome outcome =
      database.execute(state_->session, request, reply, {.now_ms = database.now_ms()});
  if (outcome.depends_on != 0 && outcome.acknowledge != database::Acknowledge::memory) {
    KIMDB_RETURN_IF_ERROR(database.log().sync_through(outcome.depends_on));
  }
  if (outcome.explained) {
    database.write_explanation(reply, protocol::Format::resp3, outcome, 0);
  }
  Value value;
  protocol::ReplyReader reader;
  const auto parsed = reader.next(reply, value);
  // CLIENT REPLY OFF: there is no reply to show.
  if (parsed.outcome != protocol::ReplyReader::Outcome::value) return Value();
  return value;
}

Status LocalExecutor::execute_all(std::span<const Words> commands, std::vector<Value>& replies,
                                  const Take& /*take*/) {
  for (const Words& words : commands) {
    auto reply = execute(words);
    if (!reply) return std::move(reply).error();
    replies.push_back(std::move(*reply));
  }
  return {};
}

std::string LocalExecutor::prompt() {
  return prompt_text({.name = state_->directory,
                      .role = "local",
                      .keyspace = state_->session.keyspace,
                      .in_transaction = in_transaction()});
}

bool LocalExecutor::in_transaction() const {
  return state_->session.in_transaction || state_->session.sql_transaction != nullptr;
}

bool LocalExecutor::may_look_up() { return !in_transaction(); }

Status LocalExecutor::stream(const Show&) { return {}; }

Status LocalExecutor::close() {
  state_->database->end_session(state_->session);
  // No snapshot: the log holds everything, and one command should not take long on a large
  // database.
  return state_->database->close(false);
}

}  // namespace kimdb::cli
