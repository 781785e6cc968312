// Opening a Database: the newest snapshot that checks, then the log behind it.

#include "wal/recovery.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "database/database.h"
#include "database/snapshot_loader.h"
#include "database/sql/sql.h"
#include "wal/incoming.h"
#include "wal/snapshot_file.h"

namespace kimdb::database {

namespace {

// For commits that wait until a long statement has changed its tables (sql/write_turns.h).
constexpr std::size_t kSpareWorkers = 8;

}  // namespace

Database::Database(const DatabaseOptions& options, Environment environment)
    : options_(options),
      environment_(environment),
      engine_options_{.partitions = options.partitions, .hash_seed = environment.random.next()},
      engine_(engine_options_),
      slowlog_(options.slowlog_threshold, options.slowlog_entries),
      statistics_(commands_.rows().size()),
      login_throttle_(environment.clock),
      checkpointer_(std::make_unique<Checkpointer>(*this)),
      follower_(engine_),
      is_slave_(options.log.follows),
      max_memory_(options.max_memory),
      evict_lru_(options.evict_lru),
      snapshot_interval_(options.snapshot_interval),
      workers_(options.workers, kSpareWorkers),
      sql_(std::make_unique<sql::Sql>(*this)) {
  engine_.keep_accessed(options.evict_lru);
  for (std::size_t i = 0; i < options.workers + kSpareWorkers; ++i)
    worker_statistics_.push_back(statistics_.add_thread());
  started_at_ms_ = environment.clock.unix_ms();
}

Database::~Database() {
  maintenance_.reset();
  workers_.stop();
  checkpointer_.reset();
  // The feed reads the log, whose threads wake the feed.
  change_feed_.stop();
  log_.reset();
}

Result<std::unique_ptr<Database>> Database::open(const DatabaseOptions& given,
                                                 Environment environment) {
  DatabaseOptions options = given;
  const auto make = [&] { return std::unique_ptr<Database>(new Database(options, environment)); };
  std::unique_ptr<Database> database;
  if (!options.wal_enabled) {
    database = make();
    database->log_ = wal::Log::in_memory(0);
  } else {
    auto directory = wal::DataDirectory::open(environment.filesystem, environment.clock,
                                              environment.random, options.data_directory);
    if (!directory) return std::move(directory).error();
    const wal::Meta meta = (*directory)->meta();
    if (options.as_found && !meta.history.empty() && meta.history.back().node_id != meta.node_id)
      options.log.follows = true;
    const auto installed = wal::install_accepted(**directory);
    if (!installed) return installed.error();
    database = make();
    database->directory_ = std::move(*directory);
    std::unique_ptr<engine::Engine> loaded;
    const auto position = database->load_newest_snapshot(loaded);
    if (!position) return position.error();
    if (loaded != nullptr)
      database->engine_.replace_state(std::move(loaded), position->lsn).reset();
    KIMDB_RETURN_IF_ERROR(database->replay_log(*position));
    database->indexes_.keep_up();
  }
  database->maintenance_ = std::make_unique<Maintenance>(*database);
  return database;
}

std::unique_ptr<engine::Engine> Database::make_engine() const {
  auto engine = std::make_unique<engine::Engine>(engine_options_);
  engine->keep_accessed(evicts());
  return engine;
}

// Into a new engine; null where there is no snapshot.
Result<wal::Position> Database::load_newest_snapshot(std::unique_ptr<engine::Engine>& into) {
  const auto snapshots = directory_->list_snapshots();
  if (!snapshots) return snapshots.error();
  for (const wal::SnapshotName& name : *snapshots) {
    const std::int64_t begin = environment_.clock.monotonic_ns();
    const auto file =
        wal::SnapshotFile::open(environment_.filesystem, directory_->snapshot_path(name));
    into = make_engine();
    const Status loaded = file ? load_snapshot(*file, *into) : file.error();
    if (loaded) {
      logger().info("snapshot at LSN {} loaded in {:.3f} s", file->end().lsn,
                    static_cast<double>(environment_.clock.monotonic_ns() - begin) / 1e9);
      return file->end();
    }
    if (loaded.error().code != ErrorCode::corrupt) return loaded.error();
    logger().warning("snapshot {} is damaged, the one before it is used: {}", to_file_name(name),
                     loaded.error().message);
  }
  into.reset();
  return wal::Position();
}

// Reads the log behind the snapshot and goes on in it.
Status Database::replay_log(const wal::Position& position) {
  const std::int64_t begin = environment_.clock.monotonic_ns();
  std::int64_t next_line = begin + 2'000'000'000;
  const auto progress = [&](const wal::RecoverProgress& p) {
    const std::int64_t now = environment_.clock.monotonic_ns();
    if (now < next_line) return;
    next_line = now + 2'000'000'000;
    const double seconds = static_cast<double>(now - begin) / 1e9;
    const double rate = static_cast<double>(p.records) / seconds;
    const double left = p.bytes == 0 ? 0
                                     : seconds * static_cast<double>(p.bytes_total - p.bytes) /
                                           static_cast<double>(p.bytes);
    logger().info("recovery: {} records, {:.0f} records/s, {:.0f} s left", p.records, rate, left);
  };
  // A slave's state holds what is committed, and nothing that may be taken back: what is behind the
  // last commit that the log knows waits, as if it had just come.
  std::deque<std::pair<Lsn, std::string>> waiting;
  const auto restore = [&](Lsn lsn, std::string_view record) -> Status {
    Status restored = engine_.restore(lsn, record);
    if (restored) return restored;
    return std::move(restored).error().in("record " + std::to_string(lsn));
  };
  const auto restore_waiting = [&](Lsn committed) -> Status {
    for (; !waiting.empty() && waiting.front().first <= committed; waiting.pop_front())
      KIMDB_RETURN_IF_ERROR(restore(waiting.front().first, waiting.front().second));
    return {};
  };
  const auto visit = [&](std::span<const wal::RecordView> records) -> Status {
    if (is_slave()) KIMDB_RETURN_IF_ERROR(restore_waiting(records.front().committed_lsn));
    for (const wal::RecordView& record : records) {
      if (is_slave())
        waiting.emplace_back(record.lsn, record.bytes);
      else
        KIMDB_RETURN_IF_ERROR(restore(record.lsn, record.bytes));
    }
    return {};
  };
  const auto recovered = wal::recover(*directory_, position, visit, progress);
  if (!recovered) return recovered.error();
  recovered_committed_lsn_ = std::max(position.lsn, recovered->committed_lsn);
  if (is_slave()) {
    KIMDB_RETURN_IF_ERROR(restore_waiting(recovered->committed_lsn));
    follower_.start_from(std::min(recovered_committed_lsn_, recovered->last_lsn()));
    for (const auto& [lsn, bytes] : waiting) {
      const wal::RecordView record{.lsn = lsn, .bytes = bytes};
      follower_.keep({&record, 1}, lsn);
    }
    follower_.keep({}, recovered->last_lsn());
  }
  for (const std::string& warning : recovered->warnings) logger().warning("{}", warning);
  time_floor_ms_ = recovered->last_commit_time_ms();
  logger().info("recovered up to LSN {}: {} records from the log in {:.3f} s",
                recovered->last_lsn(), recovered->records,
                static_cast<double>(environment_.clock.monotonic_ns() - begin) / 1e9);
  checkpointer_->start_from(position.lsn, now_ms());

  auto log = wal::Log::open(*directory_, *recovered, options_.log,
                            {.written =
                                 [this](Lsn lsn) {
                                   if (written_listener_) written_listener_(lsn);
                                   change_feed_.wake();
                                 },
                             .durable =
                                 [this](Lsn lsn) {
                                   if (commit_listener_) commit_listener_(lsn);
                                   change_feed_.wake();
                                 },
                             .failed =
                                 [this](const Error& error) {
                                   if (failure_listener_) failure_listener_(error);
                                 },
                             .disk_full =
                                 [this](bool full) {
                                   if (full)
                                     logger().error("the disk is full ({}): writes are refused",
                                                    options_.data_directory);
                                   else
                                     logger().info("there is room again: writes are taken");
                                 }});
  if (!log) return std::move(log).error();
  log_ = std::move(*log);
  if (is_slave()) log_->set_replicated_lsn(follower_.applied_lsn());
  return {};
}

Status Database::close(bool save) {
  maintenance_.reset();
  workers_.stop();
  if (!options_.wal_enabled) return {};
  Status saved;
  // A master whose slaves lack something takes no snapshot of it: nobody will acknowledge any more.
  if (save) {
    saved = log_->sync_through(applied_lsn());
    if (saved && log_->committed_lsn() >= applied_lsn()) saved = checkpointer_->save();
  }
  KIMDB_RETURN_IF_ERROR(log_->close());
  return saved;
}

}  // namespace kimdb::database
