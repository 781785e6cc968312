#include "database/database.h"

#include <algorithm>

#include "base/cycles.h"
#include "database/lock_set.h"
#include "database/password.h"
#include "database/sql/transaction.h"
#include "database/subcommand.h"
#include "wal/recovery.h"

namespace kimdb::database {

using protocol::Format;
using protocol::ReplyWriter;

Outcome Database::run(Session& session, const CommandRow& row, Words words, ReplyWriter& reply,
                      const Prefix& prefix, const ExecuteOptions& options) {
  Outcome outcome{.acknowledge = prefix.acknowledge, .explained = prefix.explained};
  if (prefix.explained) reply.array(2);

  // A numbered write is answered in a form that can be kept, and rendered into any framing later.
  std::string kept;
  ReplyWriter keeper(kept, Format::neutral);
  Context context(*this, session, row, words, prefix.client.empty() ? reply : keeper,
                  options.now_ms);
  context.may_leave_rest = options.may_leave_rest;
  // Of those who log in each has names of his own: what another one was answered is not for him.
  std::string client(prefix.client);
  if (!client.empty() && options_.auth_enabled) {
    const std::string user = session.info.user();
    client.insert(0, std::to_string(user.size()) + ":" + user);
  }
  context.client_ = client;
  context.sequence_ = prefix.sequence;
  if (options.first_key_hash != 0 && words.size() > 1)
    context.set_hash(words[1], options.first_key_hash);

  const std::uint32_t flags = flags_of(row, words);
  Prepared prepared;
  std::string why;
  if (!row.subcommands.empty()) [[unlikely]]
    why = prepare(*this, row, words, prepared);
  context.prepared = &prepared;
  // Room in the log and in memory is found before the first lock is taken.
  std::size_t bytes = 0;
  if (flags & kWrite) {
    for (const std::string_view word : words) bytes += word.size();
    if (why.empty()) why = write_refusal(bytes, flags & kDenyOom);
  }
  if (!why.empty()) [[unlikely]] {
    reply.error(why);
    return outcome;
  }
  if (flags & kWrite)
    context.room_ =
        options_.log.max_transaction_size - std::min(bytes, options_.log.max_transaction_size);
  // SQL's statements do so by themselves.
  const bool joins = row.keys.first != 0 || !prepared.documents.empty() || (flags & kInTransaction);
  if (session.sql_transaction != nullptr && joins) [[unlikely]]
    why = join_transaction(context, bytes);
  if (!why.empty()) [[unlikely]] {
    reply.error(why);
    return outcome;
  }
  LockSet locks(engine_);
  lock_keys(context, flags, locks);
  const std::uint64_t begin = prefix.explained ? cycles_now() : 0;
  locks.lock();
  if (flags & kWrite) lock_for_unique(context, prepared.documents, locks);
  outcome.epoch = epoch_.load(std::memory_order_relaxed);
  if (session.last_epoch != outcome.epoch) [[unlikely]] {
    session.last_epoch = outcome.epoch;
    session.last_lsn = 0;
  }
  const std::uint64_t locked = prefix.explained ? cycles_now() : 0;
  if ((flags & kWrite) && is_slave()) [[unlikely]] {  // since it was looked at
    reply.error(kReadOnly);
    return outcome;
  }
  if (context.transaction_ != nullptr && context.transaction_->view.is_outdated()) [[unlikely]] {
    reply.error("ERR the state was replaced meanwhile: ROLLBACK, and begin the transaction again");
    return outcome;
  }
  const bool done_before = context.numbered() && !(flags & kTransaction) && answer_again(context);
  if (!done_before) row.handler(context);
  if (context.transaction_ != nullptr) [[unlikely]]
    leave_to_transaction(context, reply.wrote_error());
  const std::uint64_t executed = prefix.explained ? cycles_now() : 0;
  const bool leaves_record =
      !context.operations_.empty() || (context.numbered() && (flags & kWrite));
  if (!done_before && !context.committed_ && leaves_record) commit(context);
  locks.unlock();

  if (prefix.explained)
    outcome.timings = {
        .lock = locked - begin, .execute = executed - locked, .log = cycles_now() - executed};
  if (context.numbered()) protocol::render(kept, reply);
  if ((flags & kRead) && options.statistics != nullptr && row.keys.first != 0)
    options.statistics->looked_up(context.found_);
  outcome.depends_on = context.depends_on_;
  session.last_lsn = std::max(session.last_lsn, context.depends_on_);
  outcome.close = context.close_;
  return outcome;
}

// The command sees, and changes, what the session's transaction sees. Why it must not; empty: it
// may.
std::string Database::join_transaction(Context& context, std::size_t bytes) const {
  sql::Transaction& transaction = *context.session.sql_transaction;
  context.transaction_ = &transaction;
  const std::size_t taken = transaction.bytes() + bytes;
  if (taken > options_.log.max_transaction_size)
    return "ERR the changes of the transaction exceed wal.max_transaction_size";
  context.room_ = options_.log.max_transaction_size - taken;
  return {};
}

// What the command has asked for waits in the transaction; nothing is left to be committed.
void Database::leave_to_transaction(Context& context, bool failed) {
  context.apply_pending();
  context.operations_.clear();
  context.committed_ = true;
  context.depends_on(context.transaction_->view.lsn());
  // It may have failed by what others have committed meanwhile.
  if (failed && context.transaction_->reads)
    context.transaction_->reads->add_present(engine::kDocuments);
}

std::string Database::write_refusal(std::size_t bytes, bool needs_memory) {
  if (refuses_writes()) return std::string(kNoReplicas);
  if (const Status room = log_->reserve(bytes); !room.has_value())
    return (room.error().code == ErrorCode::disk_full ? "" : "ERR ") + room.error().message;
  if (needs_memory && !make_room()) return std::string(kOutOfMemory);
  return {};
}

// Adds the partitions of the command's keys, and of the client of a numbered write.
void Database::lock_keys(Context& context, std::uint32_t flags, LockSet& locks) {
  const CommandRow& row = *context.row;
  if (flags & kTransaction) return;  // locks what the queued commands need
  if ((flags & kWrite) && (flags & kWholeKeyspace)) {
    locks.add_all();
    context.holds_all_ = true;
    return;
  }
  if (context.numbered()) locks.add(engine_.hash(context.client_));
  for_each_key(row, context.words, [&](std::string_view key) { locks.add(context.hash_of(key)); });
  for (const DocumentCall& call : context.prepared->documents) locks.add(engine_.hash(call.key));
}

void Database::lock_for_unique(Context& context, std::span<const DocumentCall> documents,
                               LockSet& locks) {
  if (context.holds_all_) return;
  const bool unique =
      std::any_of(documents.begin(), documents.end(), [&](const DocumentCall& call) {
        if (call.kind == DocumentCall::Kind::read) return false;
        return engine_.partition_of(engine_.hash(call.key))
            .collections(engine::kDocuments)
            .has_unique(engine::split_document_key(call.key).collection);
      });
  if (!unique) return;
  locks.unlock();
  locks.add_all();
  locks.lock();
  context.holds_all_ = true;
}

bool Database::answer_again(Context& context) {
  engine::Partition& partition = engine_.partition_of(engine_.hash(context.client_));
  const engine::RequestLog::Lookup lookup =
      partition.requests().find(context.client_, context.sequence_);
  switch (lookup.seen) {
    case engine::RequestLog::Seen::never:
      return false;
    case engine::RequestLog::Seen::done:
      context.reply.out() = lookup.result->reply;
      context.depends_on(lookup.result->lsn);
      return true;
    case engine::RequestLog::Seen::unknown:
      context.reply.error("UNKNOWNOUTCOME outcome unknown: only the last " +
                          std::to_string(engine::RequestLog::kResultsKept) +
                          " results of a client are kept");
      return true;
  }
  return false;
}

void Database::add_result(Context& context) {
  std::string& reply = context.reply.out();
  std::string_view kept = reply;
  if (reply.size() > std::min<std::size_t>(kKeptReplyBytesMax, context.room_)) {
    std::string told;
    ReplyWriter(told, Format::neutral)
        .error("ERR done before, but its reply of " + std::to_string(reply.size()) +
               " bytes was too large to be kept");
    kept = context.keep(std::move(told));
  }
  context.operations_.push_back({.kind = engine::OperationKind::request,
                                 .number = context.sequence_,
                                 .key = context.client_,
                                 .value = kept,
                                 .hash = engine_.hash(context.client_)});
}

Lsn Database::append(const Context& context) {
  std::size_t size = 0;
  for (const auto& operation : context.operations_) size += engine::encoded_size(operation);
  return log_->append(size, [&](char* out, Lsn) {
    for (const auto& operation : context.operations_) out = engine::encode(out, operation);
  });
}

void Database::commit(Context& context) {
  context.committed_ = true;
  if (context.numbered()) add_result(context);
  if (context.operations_.empty()) return;
  if (context.at_once_) context.apply_pending();
  const Lsn lsn = append(context);
  for (const auto& operation : context.operations_)
    context.at_once_ ? engine_.settle(lsn, operation) : engine_.apply(lsn, operation);
  context.depends_on(lsn);
}

Result<Lsn> Database::write_one(engine::Operation operation) {
  operation.hash = engine_.hash(operation.keyspace, operation.key);
  const std::string why = write_refusal(engine::encoded_size(operation), false);
  if (!why.empty()) return Error{ErrorCode::unavailable, why};
  engine::Partition& partition = engine_.partition_of(operation.hash);
  MutexLock lock(partition.mutex());
  if (is_slave()) return Error{ErrorCode::unavailable, std::string(kReadOnly)};
  if (const engine::Entry* entry =
          partition.find(operation.keyspace, operation.key, operation.hash))
    operation.replaces = entry->lsn();
  const Lsn lsn = log_->append(engine::encoded_size(operation),
                               [&](char* out, Lsn) { engine::encode(out, operation); });
  engine_.apply(lsn, operation);
  return lsn;
}

Result<Lsn> Database::write_many(std::span<engine::Operation> operations, LockSet& locks,
                                 const std::function<Result<bool>()>& validate) {
  std::size_t size = 0;
  for (const engine::Operation& operation : operations) size += engine::encoded_size(operation);
  if (size > options_.log.max_transaction_size)
    return Error{ErrorCode::too_large, "ERR the changes of " + std::to_string(size) +
                                           " bytes exceed wal.max_transaction_size"};
  const std::string why = write_refusal(size, true);
  if (!why.empty()) return Error{ErrorCode::unavailable, why};
  locks.lock();
  if (is_slave()) return Error{ErrorCode::unavailable, std::string(kReadOnly)};
  auto goes_on = validate();
  if (!goes_on) return std::move(goes_on).error();
  if (!*goes_on || operations.empty()) return Lsn{0};
  // `replaces` may have been set meanwhile.
  size = 0;
  for (const engine::Operation& operation : operations) size += engine::encoded_size(operation);
  const Lsn lsn = log_->append(size, [&](char* out, Lsn) {
    for (const engine::Operation& operation : operations) out = engine::encode(out, operation);
  });
  for (const engine::Operation& operation : operations) engine_.apply(lsn, operation);
  locks.unlock();
  return lsn;
}

// --- background: expiry, eviction ---

// Removes an entry by a record of its own. Its partition is locked.
void Database::remove_in_background(const engine::Entry& entry, std::uint8_t keyspace,
                                    std::uint64_t hash, engine::RemoveReason reason) {
  const engine::Operation operation{.kind = engine::OperationKind::remove,
                                    .keyspace = keyspace,
                                    .reason = reason,
                                    .replaces = entry.lsn(),
                                    .key = entry.key(),
                                    .hash = hash};
  const Lsn lsn = log_->append(engine::encoded_size(operation),
                               [&](char* out, Lsn) { engine::encode(out, operation); });
  engine_.apply(lsn, operation);
}

bool Database::sweep_expired(std::chrono::nanoseconds budget) {
  if (is_slave()) return true;  // its master says what is removed
  const std::int64_t now = now_ms();
  const std::int64_t end = environment_.clock.monotonic_ns() + budget.count();
  Lsn last = 0;
  for (std::size_t i = 0; i < engine_.partition_count(); ++i) {
    engine::Partition& partition = engine_.partition(i);
    while (partition.next_expiry() <= now) {
      if (environment_.clock.monotonic_ns() > end) return false;
      if (refuses_writes() || !log_->reserve(0).has_value())
        return true;  // read-only: expired keys stay unseen, and are removed later
      MutexLock lock(partition.mutex());
      if (is_slave()) return true;
      for (int count = 0; count < 32; ++count) {
        const auto expired = partition.next_expired(now);
        if (!expired) break;
        remove_in_background(*expired->entry, expired->keyspace, expired->hash,
                             engine::RemoveReason::expired);
        last = log_->last_lsn();
        statistics_.expired.fetch_add(1, std::memory_order_relaxed);
      }
    }
  }
  if (last != 0) log_->request_sync(last);
  return true;
}

bool Database::make_room() {
  const std::uint64_t limit = max_memory();
  if (limit == 0 || is_slave() || static_cast<std::uint64_t>(engine_.memory()) <= limit)
    return true;
  if (!evicts()) return false;
  // Redis' approximation: of a few entries drawn at random the one unused longest goes.
  constexpr int kSamples = 5;
  for (int rounds = 0; rounds < 1000 && static_cast<std::uint64_t>(engine_.memory()) > limit;
       ++rounds) {
    engine::Partition& partition =
        engine_.partition(environment_.random.below(engine_.partition_count()));
    MutexLock lock(partition.mutex());
    if (is_slave()) return true;
    const engine::Entry* oldest = nullptr;
    std::uint8_t oldest_keyspace = 0;
    for (std::uint8_t keyspace = 0; keyspace < engine::kKeyKeyspaces; ++keyspace) {
      const engine::EntryTable* table = partition.table(keyspace);
      for (int i = 0; table != nullptr && i < kSamples; ++i) {
        const engine::Entry* entry = table->sample(environment_.random.next());
        if (entry == nullptr) break;
        if (oldest != nullptr && entry->accessed() >= oldest->accessed()) continue;
        oldest = entry;
        oldest_keyspace = keyspace;
      }
    }
    if (oldest == nullptr) continue;
    remove_in_background(*oldest, oldest_keyspace, engine_.hash(oldest->key()),
                         engine::RemoveReason::evicted);
    statistics_.evicted.fetch_add(1, std::memory_order_relaxed);
  }
  return static_cast<std::uint64_t>(engine_.memory()) <= limit;
}

void Database::set_eviction(bool lru) {
  evict_lru_.store(lru, std::memory_order_relaxed);
  engine_.keep_accessed(lru);
}

// --- sessions ---

Status Database::authenticate(Session& session, std::string_view user, std::string_view password) {
  const bool takes_tokens = !options_.api_keys.empty() || !options_.jwt.key.empty();
  // Nobody guesses tokens, and those that have expired come from good clients.
  const bool is_token = takes_tokens && user == "default" && database::is_token(password);
  auto identity = is_token ? verify_token(options_.api_keys, options_.jwt, password, now_ms())
                           : identity_of_user(session.peer_host, user, password);
  if (!identity) return std::move(identity).error();
  session.log_in(*std::move(identity));
  end_forbidden(session);
  return {};
}

Result<Identity> Database::identity_of_user(const std::string& peer_host, std::string_view user,
                                            std::string_view password) {
  const Error wrong{ErrorCode::invalid_argument, "the user or the password is wrong"};
  if (login_throttle_.begin(peer_host).count() != 0) return wrong;
  const auto found = std::find_if(options_.users.begin(), options_.users.end(),
                                  [&](const Account& account) { return account.name == user; });
  const bool is_user = found != options_.users.end();
  // An unknown user takes the time of a known one.
  if (!verify_password(is_user ? &found->hash : nullptr, password) || !is_user) {
    login_throttle_.failed(peer_host);
    return wrong;
  }
  login_throttle_.succeeded(peer_host);
  return Identity{found->name, found->rights, 0};
}

void Database::end_forbidden(Session& session) {
  std::erase_if(session.watches, [&](const auto& watch) { return !session.may_read(watch.first); });
  if (session.rights.collections) end_subscriptions(session);
  if (session.rights.role != Role::admin) end_monitor(session);
}

void Database::end_session(Session& session) {
  end_subscriptions(session);
  end_monitor(session);
  session.watches.clear();
  if (session.rest != nullptr) drop_rest(session);
}

void Database::end_subscriptions(Session& session) {
  for (const std::string& channel : session.channels)
    pubsub_.unsubscribe(channel, session.receiver);
  for (const std::string& pattern : session.patterns)
    pubsub_.unsubscribe_pattern(pattern, session.receiver);
  session.channels.clear();
  session.patterns.clear();
  session.info.channels = session.info.patterns = 0;
}

void Database::end_monitor(Session& session) {
  if (session.monitor) pubsub_.remove_monitor(session.receiver);
  session.monitor = false;
  session.info.monitor = false;
}

std::string Database::node_id() const {
  return directory_ == nullptr ? std::string() : wal::to_string(directory_->meta().node_id);
}

std::int64_t Database::now_ms() {
  const std::int64_t clock = environment_.clock.unix_ms();
  raise_time_floor(clock);
  return time_floor_ms_.load(std::memory_order_relaxed);
}

void Database::raise_time_floor(std::int64_t unix_ms) {
  std::int64_t floor = time_floor_ms_.load(std::memory_order_relaxed);
  while (floor < unix_ms &&
         !time_floor_ms_.compare_exchange_weak(floor, unix_ms, std::memory_order_relaxed)) {
  }
}

}  // namespace kimdb::database
