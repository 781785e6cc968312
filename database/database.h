// Database: the commit pipeline. Takes requests, runs commands on the engine, writes Mutations to
// the log.
//
// Why nobody is ever shown what a crash could take back (wal.sync: commit, the default ACK):
//
// 1. A write runs with its keys' partitions locked. Under these locks it draws its LSN, puts its
// record into the log's
//    open frame and changes the entries. So for each key the order in the log is the order in
//    memory; and because a frame is closed at X only when every record up to X is whole, "synced up
//    to X" means all of them.
// 2. An entry carries the LSN that last wrote it, a partition the LSN of its last removal and its
// last change.
// 3. Every reply carries the highest LSN it depends on: the one it wrote; the one of the value it
// shows; for "nothing
//    there" the partition's last removal; for counts and scans the last change of every partition
//    it looked at; an error or a refusal that of what it looked at. The connection sends a reply
//    only when that LSN is committed, and replies stay in order.
// 4. Committed means synced here (and later: acknowledged by the replicas that the configuration
// asks for).
//
// So a reader that sees a value before it is synced is answered after it is synced; if the machine
// dies in between, the reader was never answered. Reads write to no cache line but their
// partition's lock; writes share the log's tail.
//
// Memory runs ahead of what is committed, so that later commands see earlier ones. With sync:
// interval or off everything counts as committed when it is in memory, as the configuration says.
//
// Owned by main (or an embedding program). Thread-safe; a Session is used by one thread at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/filesystem.h"
#include "base/logging.h"
#include "base/random.h"
#include "base/result.h"
#include "database/change_feed.h"
#include "database/checkpoint.h"
#include "database/client_position.h"
#include "database/command_table.h"
#include "database/context.h"
#include "database/follower.h"
#include "database/host.h"
#include "database/indexes.h"
#include "database/login_throttle.h"
#include "database/maintenance.h"
#include "database/prefix.h"
#include "database/pubsub.h"
#include "database/rights.h"
#include "database/slowlog.h"
#include "database/sql/catalog.h"
#include "database/sql/limits.h"
#include "database/statistics.h"
#include "database/token.h"
#include "database/waiters.h"
#include "database/worker_pool.h"
#include "engine/engine.h"
#include "protocol/request.h"
#include "wal/data_directory.h"
#include "wal/log.h"

namespace kimdb::wal {
class IncomingSnapshot;
}

namespace kimdb::database {

class LockSet;
namespace sql {
class Sql;
}

struct DatabaseOptions {
  std::size_t partitions = 64;   // a power of two
  std::uint64_t max_memory = 0;  // bytes, 0: no limit
  bool evict_lru = false;        // allkeys-lru; else writes are refused over max_memory
  bool wal_enabled = true;
  std::uint64_t keep_log_bytes = 0;  // of the log that snapshots make superfluous: for replicas
  std::string data_directory = "./data";
  wal::LogOptions log;  // log.follows: opened as a slave, which takes no writes
  // A data directory whose last term another node began is opened as the slave's that it is: a term
  // of its own would part its log from the master's.
  bool as_found = false;
  std::chrono::milliseconds snapshot_interval{std::chrono::minutes(5)};  // 0: none by time
  bool auth_enabled = false;
  std::vector<Account> users;
  std::vector<Account> api_keys;
  JwtOptions jwt;
  std::chrono::microseconds slowlog_threshold{10000};  // negative: off
  std::size_t slowlog_entries = 128;
  std::size_t workers = 2;
  sql::Limits sql;
};

// The seams, borrowed: they outlive the Database.
struct Environment {
  Filesystem& filesystem;
  Clock& clock;
  Random& random;  // thread-safe
  Logger& logger;
};

// Where the time of one command went, in ticks (base/cycles.h); for EXPLAINED.
struct Timings {
  std::uint64_t lock = 0;
  std::uint64_t execute = 0;
  std::uint64_t log = 0;
};

struct Outcome {
  Lsn depends_on = 0;
  std::uint32_t epoch = 0;  // Database::epoch() when it was executed
  Acknowledge acknowledge = Acknowledge::standard;
  bool close = false;  // close the connection once everything is sent
  bool deferred =
      false;  // the reply comes later, through Completion; run nothing of this session until then
  bool explained = false;  // once depends_on is reached, call write_explanation
  Timings timings;
};

// Called from a worker thread with the reply of a deferred command.
using Completion = std::function<void(std::string reply, const Outcome& outcome)>;

struct ExecuteOptions {
  std::int64_t now_ms = 0;                 // Unix ms; read once for a batch
  ThreadStatistics* statistics = nullptr;  // of the calling thread
  std::uint64_t first_key_hash = 0;        // what prefetch() gave
  // Null: slow commands run at once, on the calling thread. Else asked for a Completion when a
  // command is deferred.
  std::function<Completion()>* defer = nullptr;
  bool may_leave_rest = false;  // Context's
};

class Database {
 public:
  // Opens the data directory (made where missing), recovers, starts the log and the background
  // work. `host` may be null.
  static Result<std::unique_ptr<Database>> open(const DatabaseOptions& options,
                                                Environment environment);
  ~Database();  // as a crash would end it, but for close()

  // Commands ask the program around; set before the first execute() that may need it. Null: none.
  void set_host(Host* host) { host_ = host; }
  // Called after the committed LSN rose, from the thread that synced, without locks held; set
  // before serving.
  void set_commit_listener(std::function<void(Lsn durable)> listener) {
    commit_listener_ = std::move(listener);
  }
  // Called after the log's written_lsn() rose, in the same way.
  void set_written_listener(std::function<void(Lsn written)> listener) {
    written_listener_ = std::move(listener);
  }
  // Called once when the log cannot be written any more: the process must end; set before serving.
  void set_failure_listener(std::function<void(const Error&)> listener) {
    failure_listener_ = std::move(listener);
  }

  // Runs one request and appends its reply to `out`. Never fails: what is wrong is said in the
  // reply.
  Outcome execute(Session& session, const protocol::Request& request, std::string& out,
                  const ExecuteOptions& options);
  // The next piece of the session's rest, made by a worker; once the reply has ended there is no
  // rest any more, and the Outcome says whether the connection has to be closed.
  void continue_reply(Session& session, Completion completion);
  // Nobody wants the rest; it goes on a worker.
  void drop_rest(Session& session);
  // Appends what follows an EXPLAINED reply.
  void write_explanation(std::string& out, protocol::Format format, const Outcome& outcome,
                         std::uint64_t wait_ticks);
  // For batches of requests: begins to bring into the cache what the request will look up, and
  // gives its first key's hash (0: none). Called for the whole batch, then prefetch_entry for the
  // whole batch, then execute for each: so the waiting for memory overlaps. Only hints; a partition
  // that is busy is left alone.
  std::uint64_t prefetch(const Session& session, const protocol::Request& request);
  void prefetch_entry(const Session& session, std::uint64_t hash);

  bool may_send(Lsn depends_on, Acknowledge acknowledge) const {
    if (acknowledge == Acknowledge::memory) return true;
    if (acknowledge == Acknowledge::standard && options_.log.sync != wal::Sync::commit) return true;
    if (acknowledge == Acknowledge::synced) return depends_on <= log_->durable_lsn();
    if (acknowledge == Acknowledge::replica)
      return depends_on <= std::min(log_->durable_lsn(), replicas_lsn());
    return depends_on <=
           std::min(log_->committed_lsn(), answered_lsn_.load(std::memory_order_acquire));
  }
  // The quorum is missing: what may_send() refuses is answered by kReplicationTimeout instead, but
  // for what waits for this disk alone.
  bool may_fail(Acknowledge acknowledge) const {
    return (acknowledge == Acknowledge::standard && refuses_writes()) ||
           (acknowledge == Acknowledge::replica && quorum_missing_.load(std::memory_order_acquire));
  }
  bool refuses_writes() const { return refuses_writes_.load(std::memory_order_acquire); }

  // How far the slaves are that a write waits for (~0: it waits for none), and whether they are
  // missing. Replication's thread.
  struct Replicated {
    Lsn committed = ~Lsn{0};
    Lsn answered = ~Lsn{0};
    Lsn replicas = ~Lsn{0};  // what the quorum has in truth, for ACK replica; ~0: there is none
    bool quorum_missing = false;
    bool refuses_writes = false;
  };
  void set_replicated(const Replicated& replicated);
  Lsn replicas_lsn() const { return replicas_lsn_.load(std::memory_order_acquire); }

  // --- a slave's part; one thread but for is_slave() and applied_lsn() ---
  bool is_slave() const { return is_slave_.load(std::memory_order_acquire); }
  // Takes the records of a frame that the log has taken; they wait until they are committed.
  Status keep(const wal::FrameHeader& header, std::string_view payload);
  // Forgets what waits behind `lsn`: the log was cut there.
  void forget_behind(Lsn lsn) { follower_.drop_behind(lsn); }
  // A copy of the master's data has come: puts it in the place of the engine's state and of the
  // log. Until then, and after an error, everything is as before; but an error of the log ends the
  // process. corrupt where the copy is not sound. Holds both states in memory for a while.
  Status take_copy(wal::IncomingSnapshot& incoming);
  // Applies what waits at or below `lsn`, and lets it be shown.
  Status apply_through(Lsn lsn);
  // Of a slave: everything up to here is applied. Of a master: the highest LSN drawn.
  Lsn applied_lsn() const { return is_slave() ? follower_.applied_lsn() : log_->last_lsn(); }
  // Of a master, which becomes a slave: takes no writes any more, waits until its slaves have
  // acknowledged what was written (`patience` at most), and calls `stop_leading`, behind which
  // nobody calls set_replicated(). What is not committed by then is taken out of the state and
  // waits, like what a master sends; who waits for it learns that the outcome is unknown. An error:
  // the process must end.
  Status demote(std::chrono::milliseconds patience, const std::function<void()>& stop_leading);
  // Changes when LSNs that replies wait for may come to mean something else: those replies fail.
  std::uint32_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  // For the error that a write on a slave gets.
  void set_master_address(std::string address);
  // Applies all that waits, begins a term of its own that is higher than `seen`, and takes writes
  // from then on. Of a master: begins such a term.
  Status promote(std::uint64_t seen);

  // Log::committed_lsn() rose by what replication says: replies may go.
  void committed_rose() {
    if (commit_listener_) commit_listener_(log_->committed_lsn());
    change_feed_.wake();
    check_waiters();
  }
  // Something happened that a request may wait for.
  void check_waiters();
  // The client of a session has gone, or (endless) may have: what it waits for is over. A statement
  // of SQL of one that has gone ends soon.
  void cancel_waits(const Session& session, Waiters::Cancel which);
  // Of the log's history and this node's state.
  Reached has_reached(const ClientPosition& position) const;
  // What was known to be committed when this process began.
  Lsn recovered_committed_lsn() const { return recovered_committed_lsn_; }

  // A session has ended (or was reset): what it follows ends.
  void end_session(Session& session);

  // A clean stop: no execute() any more. Syncs, and takes a snapshot where `save` says so.
  Status close(bool save);

  // --- for commands, and for the parts of this folder ---
  engine::Engine& engine() { return engine_; }
  wal::Log& log() { return *log_; }
  const CommandTable& commands() const { return commands_; }
  const DatabaseOptions& options() const { return options_; }
  Clock& clock() { return environment_.clock; }
  Random& random() { return environment_.random; }
  Logger& logger() { return environment_.logger; }
  Filesystem& filesystem() { return environment_.filesystem; }
  wal::DataDirectory* directory() { return directory_.get(); }
  Host* host() { return host_; }
  PubSub& pubsub() { return pubsub_; }
  Slowlog& slowlog() { return slowlog_; }
  Statistics& statistics() { return statistics_; }
  WorkerPool& workers() { return workers_; }
  ChangeFeed& change_feed() { return change_feed_; }
  Indexes& indexes() { return indexes_; }
  sql::Catalog& catalog() { return catalog_; }
  sql::Sql& sql() { return *sql_; }
  Checkpointer& checkpointer() { return *checkpointer_; }
  LoginThrottle& login_throttle() { return login_throttle_; }
  std::int64_t started_at_ms() const { return started_at_ms_; }
  // Of this data directory; empty where there is none.
  std::string node_id() const;
  // Unix ms that never falls, whatever the clock does, and is not before the last commit that
  // recovery found: what has expired stays expired.
  std::int64_t now_ms();

  // Settings that CONFIG SET may change.
  void set_max_memory(std::uint64_t bytes) { max_memory_.store(bytes, std::memory_order_relaxed); }
  std::uint64_t max_memory() const { return max_memory_.load(std::memory_order_relaxed); }
  void set_snapshot_interval(std::chrono::milliseconds interval) { snapshot_interval_ = interval; }
  std::chrono::milliseconds snapshot_interval() const { return snapshot_interval_; }
  void set_eviction(bool lru);
  bool evicts() const { return evict_lru_.load(std::memory_order_relaxed); }
  // Logs the session in where the password is right, or is a token (database/token.h) and the user
  // "default"; ends what it follows and may no longer see. An error says what is wrong with a
  // token; of users and passwords nothing. Takes the time of a password hash. After too many
  // failures from an address nothing is looked at, and it is as if it were wrong.
  Status authenticate(Session& session, std::string_view user, std::string_view password);

  // Runs the commands queued by MULTI as one record. For EXEC.
  void execute_transaction(Context& exec);

  // Logs one change of an entry that is not a command's, and applies it; gives its LSN. An error is
  // what a command is refused by.
  Result<Lsn> write_one(engine::Operation operation);
  // The same with many as one record, their hashes set, under `locks`, which this takes.
  // `validate`, called with the locks held, gives whether to go on, or why not, and may set the
  // operations' `replaces`. 0 where nothing was written.
  Result<Lsn> write_many(std::span<engine::Operation> operations, LockSet& locks,
                         const std::function<Result<bool>()>& validate);

  // Removes what has expired, for at most `budget`; true when nothing is left to remove.
  bool sweep_expired(std::chrono::nanoseconds budget);
  // Removes least recently used entries until memory is below the limit; false when it cannot.
  bool make_room();

 private:
  Database(const DatabaseOptions& options, Environment environment);

  void raise_time_floor(std::int64_t unix_ms);
  Result<Identity> identity_of_user(const std::string& peer_host, std::string_view user,
                                    std::string_view password);
  // What the session follows and, as who it is now, may not see.
  void end_forbidden(Session& session);
  void end_subscriptions(Session& session);
  void end_monitor(Session& session);
  // replica.cc
  Status rebuild(Lsn committed);

  // recovery.cc
  std::unique_ptr<engine::Engine> make_engine() const;
  Result<wal::Position> load_newest_snapshot(std::unique_ptr<engine::Engine>& into);
  Status replay_log(const wal::Position& position);

  // dispatch.cc
  Status take_prefixes(Words& words, Prefix& prefix) const;
  Outcome dispatch(Session& session, const protocol::Request& request, std::string& out,
                   const ExecuteOptions& options);
  std::string refusal(const Session& session, const CommandRow& row, Words words,
                      protocol::Framing framing, const Prefix& prefix) const;
  std::string queue_command(Session& session, const CommandRow& row, Words words);
  // What the request has to wait for before it is executed.
  std::optional<Wait> wait_of(const Session& session, const CommandRow& row, Words words,
                              const Prefix& prefix);
  std::string after_refusal(const Prefix& prefix) const;
  void defer(Session& session, const CommandRow& row, Words words, const protocol::Request& request,
             const Prefix& prefix, const ExecuteOptions& options, std::optional<Wait> wait);
  void wait_here(const Wait& wait);
  void feed_monitors(const Session& session, const CommandRow& row, Words words,
                     std::int64_t now_ms);
  static void silence(Session& session, std::string& out, std::size_t start,
                      protocol::Format format, Outcome& outcome);
  Outcome run_measured(Session& session, const CommandRow& row, Words words,
                       protocol::ReplyWriter& reply, const Prefix& prefix,
                       const ExecuteOptions& options);

  // database.cc: one command under its locks
  Outcome run(Session& session, const CommandRow& row, Words words, protocol::ReplyWriter& reply,
              const Prefix& prefix, const ExecuteOptions& options);
  std::string join_transaction(Context& context, std::size_t bytes) const;
  static void leave_to_transaction(Context& context, bool failed);
  // Why a write of `bytes` must not run; empty: it may.
  std::string write_refusal(std::size_t bytes, bool needs_memory);
  void lock_keys(Context& context, std::uint32_t flags, LockSet& locks);
  // The documents' partitions are locked: locks all where a unique index has to be looked at.
  void lock_for_unique(Context& context, std::span<const DocumentCall> documents, LockSet& locks);
  // Answers a numbered write that was done before; false where it has to be done.
  bool answer_again(Context& context);
  void add_result(Context& context);
  Lsn append(const Context& context);
  // Writes the context's changes as one record and applies them; the locks are held.
  void commit(Context& context);

  void remove_in_background(const engine::Entry& entry, std::uint8_t keyspace, std::uint64_t hash,
                            engine::RemoveReason reason);

  DatabaseOptions options_;
  Environment environment_;
  CommandTable commands_;
  const engine::EngineOptions engine_options_;
  engine::Engine engine_;
  std::unique_ptr<wal::DataDirectory> directory_;
  std::unique_ptr<wal::Log> log_;
  Host* host_ = nullptr;
  std::function<void(Lsn)> commit_listener_;
  std::function<void(Lsn)> written_listener_;
  std::function<void(const Error&)> failure_listener_;
  PubSub pubsub_;
  Slowlog slowlog_;
  Statistics statistics_;
  std::vector<ThreadStatistics*> worker_statistics_;  // one for each of workers_
  LoginThrottle login_throttle_;
  std::unique_ptr<Checkpointer> checkpointer_;
  Follower follower_;
  std::atomic<bool> is_slave_{false};
  std::atomic<Lsn> answered_lsn_{~Lsn{0}};
  std::atomic<Lsn> replicas_lsn_{~Lsn{0}};
  std::atomic<bool> quorum_missing_{false};
  std::atomic<bool> refuses_writes_{false};
  std::atomic<std::uint32_t> epoch_{0};
  mutable Mutex master_address_mutex_;
  std::string master_address_ GUARDED_BY(master_address_mutex_);
  Waiters waiters_;
  std::atomic<bool> waiters_check_posted_{false};
  std::int64_t started_at_ms_ = 0;
  Lsn recovered_committed_lsn_ = 0;
  std::atomic<std::int64_t> time_floor_ms_{0};
  std::atomic<std::uint64_t> max_memory_;
  std::atomic<bool> evict_lru_;
  std::atomic<std::chrono::milliseconds> snapshot_interval_;
  WorkerPool workers_;
  std::unique_ptr<Maintenance> maintenance_;
  sql::Catalog catalog_{engine_};
  Indexes indexes_{*this};
  const std::unique_ptr<sql::Sql> sql_;
  ChangeFeed change_feed_{*this};  // the last: its thread uses what stands above
};

// The reply to a numbered write is kept for its retry up to this size; beyond it, only that it was
// done.
constexpr std::size_t kKeptReplyBytesMax = std::size_t{1} << 20;
constexpr std::string_view kReplicationTimeout =
    "REPL_TIMEOUT the replicas did not acknowledge in time, outcome unknown";
constexpr std::chrono::milliseconds kAfterLimit{5000};  // how long AFTER waits
constexpr std::string_view kNotAPosition = "ERR a position is <term>-<lsn>, as POSITION gives it";
constexpr std::string_view kUnknownPosition =
    "UNKNOWNPOSITION this server's history does not contain that position";
constexpr std::string_view kReadOnly = "READONLY You can't write against a read only replica.";
constexpr std::string_view kNoReplicas = "NOREPLICAS Not enough good replicas to write.";
constexpr std::string_view kOutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.";

// Forgets the queue and the watched keys of a transaction.
void end_transaction(Session& session);

}  // namespace kimdb::database
