// kimdb-server: builds everything in order and passes references down. Reading it shows what
// exists.

#include <unistd.h>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/clock.h"
#include "base/logging.h"
#include "base/posix_filesystem.h"
#include "base/random.h"
#include "database/database.h"
#include "server/config.h"
#include "server/config_live.h"
#include "server/config_yaml.h"
#include "server/options.h"
#include "server/replication.h"
#include "server/server.h"

namespace kimdb::server {
namespace {

int fail(const Error& error) {
  std::fprintf(stderr, "kimdb-server: %s\n", error.message.c_str());
  return 1;
}

database::DatabaseOptions database_options(const Config& config, const std::string& jwt_key) {
  const bool follows =
      config.replication.enabled && config.replication.replica_type == ReplicaType::slave;
  return {.partitions = config.engine.partitions,
          .max_memory = config.engine.max_memory,
          .evict_lru = config.engine.eviction == Eviction::allkeys_lru,
          .wal_enabled = config.wal.enabled,
          .keep_log_bytes = config.replication.enabled ? config.replication.max_wal_keep : 0,
          .data_directory = config.wal.data_directory,
          .log = {.sync = config.wal.sync,
                  .max_segment_size = config.wal.max_segment_size,
                  .max_transaction_size = config.wal.max_transaction_size,
                  .flushing_batch_size = static_cast<std::uint32_t>(config.wal.flushing_batch_size),
                  .flushing_batch_timeout = config.wal.flushing_batch_timeout,
                  .follows = follows,
                  .replicated = config.replication.enabled},
          .snapshot_interval = config.snapshot.interval,
          .auth_enabled = config.auth.enabled,
          .users = config.auth.users,
          .api_keys = config.auth.api_keys,
          .jwt = {.algorithm = config.auth.jwt_algorithm,
                  .key = jwt_key,
                  .issuer = config.auth.jwt_issuer,
                  .audience = config.auth.jwt_audience},
          .slowlog_threshold = config.slowlog.threshold,
          .slowlog_entries = config.slowlog.max_entries,
          .sql = {.timeout = config.sql.statement_timeout,
                  .memory = config.sql.max_memory,
                  .answer_timeout = config.sql.answer_timeout,
                  .history = config.sql.keep_history}};
}

// Waits for SIGTERM or SIGINT (a second one ends the process at once), and reloads the
// configuration on SIGHUP.
class Signals {
 public:
  Signals(Logger& logger, LiveConfig& config, database::Database& database)
      : logger_(logger),
        config_(config),
        database_(database),
        end_(context_, SIGINT, SIGTERM),
        reload_(context_, SIGHUP) {
    wait_for_end();
    wait_for_reload();
  }
  // Until a signal, or stop().
  void run() { context_.run(); }
  // Any thread.
  void stop(bool save) {
    save_.store(save);
    context_.stop();
  }
  bool save() const { return save_.load(); }
  asio::io_context& context() { return context_; }

 private:
  void wait_for_end() {
    end_.async_wait([this](const asio::error_code& error, int number) {
      if (error) return;
      logger_.info("stopping on {}", number == SIGINT ? "SIGINT" : "SIGTERM");
      // From here on the signal does what it does by default.
      end_.cancel();
      std::signal(SIGINT, SIG_DFL);
      std::signal(SIGTERM, SIG_DFL);
      context_.stop();
    });
  }
  void wait_for_reload() {
    reload_.async_wait([this](const asio::error_code& error, int) {
      if (error) return;
      database_.workers().post([this](std::size_t) { reload(); });
      wait_for_reload();
    });
  }
  void reload() {
    const auto reloaded = config_.reload();
    if (!reloaded) return logger_.error("configuration not reloaded: {}", reloaded.error().message);
    for (const std::string& warning : reloaded->warnings) logger_.warning("{}", warning);
    for (const std::string_view name : reloaded->changed) logger_.info("{} changed", name);
    for (const std::string_view name : reloaded->need_restart)
      logger_.warning("{} changes with the next start", name);
  }

  Logger& logger_;
  LiveConfig& config_;
  database::Database& database_;
  asio::io_context context_{1};
  asio::signal_set end_;
  asio::signal_set reload_;
  std::atomic<bool> save_{true};
};

// Where a program on this machine reaches what listens at `address`.
Address reached_at(const std::string& address) {
  Address reached = parse_address(address).value();  // load_config has checked it
  if (reached.host.empty() || reached.host == "0.0.0.0" || reached.host == "::")
    reached.host = "127.0.0.1";
  return reached;
}

// What somebody who has just started it looks for: where the data is, and how to talk to it.
void tell_what_next(Logger& log, const Config& config, bool serves_http,
                    const std::string& program) {
  if (config.wal.enabled)
    log.info("data is in {}",
             std::filesystem::absolute(config.wal.data_directory).lexically_normal().string());
  else
    log.info("data is in memory alone, and gone when the server stops (wal.enabled: false)");
  const Address address = reached_at(config.network.address);
  const bool is_default = to_string(address) == NetworkConfig().address;
  const std::size_t slash = program.rfind('/');
  std::string cli = slash == std::string::npos ? "" : program.substr(0, slash + 1);
  cli += "kimdb-cli";
  if (!is_default) cli += " --address " + to_string(address);
  if (!config.tls.cert.empty()) cli += " --tls-ca FILE";
  if (config.auth.enabled) cli += " -u USER";
  const std::string netcat =
      ", or by nc " + address.host + " " + std::to_string(address.port) + " (SET user1 John)";
  log.info("ready; talk to it by {}{}", cli, config.tls.cert.empty() ? netcat : "");
  if (serves_http)
    log.info("in a browser: {}://{}/docs", config.tls.cert.empty() ? "http" : "https",
             to_string(reached_at(config.http.address)));
}

int run(const Options& options, const std::string& program) {
  const LoadOptions load{.path = options.config_path,
                         .environment = environment_variables(),
                         .flags = options.settings,
                         .insecure = options.insecure};
  auto loaded = load_config(load);
  if (!loaded) return fail(loaded.error());
  const auto jwt_key = read_jwt_key(loaded->config.auth);
  if (!jwt_key) return fail(jwt_key.error());
  if (options.check) {
    std::fputs(config_to_yaml(loaded->config, loaded->sources).c_str(), stdout);
    return 0;
  }
  const Config config = loaded->config;
  auto logger = Logger::open({.level = config.logging.level,
                              .output = config.logging.output,
                              .format = config.logging.format});
  if (!logger) return fail(logger.error());
  Logger& log = **logger;
  for (const std::string& warning : loaded->warnings) log.warning("{}", warning);
  log.info("kimdb {} starts, process {}", KIMDB_VERSION, getpid());

  auto replication_tls = Replication::make_tls(config.replication);
  if (!replication_tls) {
    log.close();
    return fail(replication_tls.error());
  }
  PosixFilesystem filesystem;
  SystemClock clock;
  SystemRandom random;
  auto database = database::Database::open(database_options(config, *jwt_key),
                                           {filesystem, clock, random, log});
  if (!database) {
    log.close();
    return fail(database.error());
  }
  database::Database& db = **database;

  Server* running = nullptr;
  LiveConfig live(load, std::move(*loaded),
                  [&](const Config& changed, std::span<const std::string_view>) {
                    if (running != nullptr) running->apply(changed);
                  });
  Signals signals(log, live, db);
  Server server(signals.context(), db, log, live, options.config_path,
                [&](bool save) { signals.stop(save); });
  running = &server;
  std::optional<Replication> replication;
  if (config.replication.enabled)
    replication.emplace(db, log, config.replication, std::move(*replication_tls));
  server.set_replication(replication ? &*replication : nullptr);
  db.set_host(&server);
  db.set_commit_listener([&](Lsn) {
    if (replication) replication->log_rose();
    server.wake();
  });
  if (replication) db.set_written_listener([&](Lsn) { replication->log_rose(); });
  db.set_failure_listener([&](const Error& error) {
    // Nothing that waits may be acknowledged, so nothing is said to anybody: the end of the process
    // closes all.
    log.error("the log cannot be written: {}", error.message);
    log.close();
    std::fprintf(stderr, "kimdb-server: the log cannot be written: %s\n", error.message.c_str());
    std::_Exit(1);
  });
  Status listening = server.listen();
  if (listening && replication) listening = replication->open();
  if (!listening) {
    ignore(db.close(false), "the reason for stopping is said below");
    log.close();
    return fail(listening.error());
  }
  if (replication) replication->start();  // from here on commits wait for what it asks for
  tell_what_next(log, config, server.serves_http(), program);
  server.start();
  signals.run();

  log.info("stopping");
  server.stop();
  if (replication) replication->stop();
  const Status closed = db.close(signals.save());
  if (!closed.has_value()) {
    log.close();
    return fail(closed.error());
  }
  log.info("stopped");
  log.close();
  return 0;
}

}  // namespace
}  // namespace kimdb::server

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto options = kimdb::server::parse_options(argc, argv);
  if (!options) return kimdb::server::fail(options.error());
  if (!options->print.empty()) {
    std::fputs(options->print.c_str(), stdout);
    return 0;
  }
  return kimdb::server::run(*options, argv[0]);
}
