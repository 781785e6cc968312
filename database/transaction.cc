#include <algorithm>

#include "database/database.h"
#include "database/lock_set.h"
#include "database/subcommand.h"

namespace kimdb::database {

namespace {

// True where nothing that WATCH saw has changed. The partitions are locked.
bool unchanged(Context& context, const std::vector<WatchedKey>& watched) {
  engine::Engine& engine = context.database.engine();
  return std::all_of(watched.begin(), watched.end(), [&](const WatchedKey& key) {
    const engine::Entry* entry = context.find(key.keyspace, key.key);
    if (entry != nullptr) return entry->lsn() == key.lsn;
    return key.lsn == 0 &&
           engine.partition_of(engine.hash(key.key)).last_removed_lsn() == key.last_removed;
  });
}

// An upper bound of the record that the queued commands can make: their words, and for commands
// that copy or extend a value, that value. The partitions are locked.
std::size_t record_bytes_max(Context& context, const std::vector<QueuedCommand>& queue,
                             std::size_t bytes) {
  std::vector<std::string_view> words;
  for (const QueuedCommand& command : queue) {
    if (!(command.row->flags & kWrite)) continue;
    bytes += 64;
    words.assign(command.words.begin(), command.words.end());
    for_each_key(*command.row, words, [&](std::string_view key) {
      bytes += key.size() + 32;
      if (command.row->flags & kCopiesValue)
        if (const engine::Entry* entry = context.find(key)) bytes += entry->value().size();
    });
  }
  return bytes;
}

}  // namespace

// A transaction's changes are applied command by command, so that each sees those before it, and
// get their LSN together at the end. Nobody sees the state between: all partitions concerned stay
// locked.
void Database::apply_pending(Context& context) {
  for (; context.applied_ < context.operations_.size(); ++context.applied_)
    engine_.apply(engine::kOwnRecord, context.operations_[context.applied_]);
}

void Database::commit_pending(Context& context) {
  if (context.numbered()) {
    add_result(context);
    apply_pending(context);
  }
  context.committed_ = true;
  if (context.operations_.empty()) return;
  const Lsn lsn = append(context);
  for (const auto& operation : context.operations_) engine_.settle(lsn, operation);
  context.depends_on(lsn);
}

void Database::execute_transaction(Context& exec) {
  const std::vector<QueuedCommand> queue = std::move(exec.session.queue);
  const std::vector<WatchedKey> watched = std::move(exec.session.watched);
  const std::size_t bytes = exec.session.queued_bytes;
  end_transaction(exec.session);

  // Operations hold views of keys and values: the words stay until the record is written.
  std::vector<std::vector<std::string_view>> words;
  std::uint32_t flags = 0;
  for (const QueuedCommand& command : queue) {
    words.emplace_back(command.words.begin(), command.words.end());
    flags |= flags_of(*command.row, words.back());
  }
  if (flags & kWrite) {
    const std::string why = write_refusal(bytes, flags & kDenyOom);
    if (!why.empty()) return exec.reply.error("EXECABORT Transaction discarded because of: " + why);
  }
  LockSet locks(engine_);
  if (flags & kWholeKeyspace) {
    locks.add_all();
    exec.holds_all_ = true;
  } else {
    if (exec.numbered()) locks.add(engine_.hash(exec.client_));
    for (const WatchedKey& key : watched) locks.add(engine_.hash(key.key));
    for (std::size_t i = 0; i < queue.size(); ++i)
      for_each_key(*queue[i].row, words[i],
                   [&](std::string_view key) { locks.add(engine_.hash(key)); });
  }
  locks.lock();
  if (exec.numbered() && answer_again(exec)) return;
  if (!unchanged(exec, watched)) return exec.reply.null_array();
  // What the log may get is bounded before anything is executed; afterwards there is no way back.
  if ((flags & kWrite) && record_bytes_max(exec, queue, bytes) > options_.log.max_transaction_size)
    return exec.reply.error("ERR transaction exceeds wal.max_transaction_size");

  exec.in_transaction_ = true;
  exec.reply.array(queue.size());
  const CommandRow* const exec_row = exec.row;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    exec.row = queue[i].row;
    exec.words = words[i];
    exec.row->handler(exec);
    apply_pending(exec);
    if (pubsub_.monitored()) [[unlikely]]
      feed_monitors(exec.session, *exec.row, exec.words, exec.now_ms);
  }
  exec.row = exec_row;
  commit_pending(exec);
}

}  // namespace kimdb::database
