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

}  // namespace

// The changes are applied command by command, so that each sees those before it, and get their LSN
// together at the end. Nobody sees the state between: all partitions concerned stay locked.
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
  if ((flags & kWrite) || exec.numbered()) {
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
    for (std::size_t i = 0; i < queue.size(); ++i) {
      for_each_key(*queue[i].row, words[i],
                   [&](std::string_view key) { locks.add(engine_.hash(key)); });
      for (const DocumentCall& call : queue[i].prepared.documents)
        locks.add(engine_.hash(call.key));
    }
  }
  locks.lock();
  for (const QueuedCommand& command : queue)
    lock_for_unique(exec, command.prepared.documents, locks);
  if (((flags & kWrite) || exec.numbered()) && is_slave())
    return exec.reply.error("EXECABORT Transaction discarded because of: " +
                            std::string(kReadOnly));
  if (exec.numbered() && answer_again(exec)) return;
  if (!unchanged(exec, watched)) return exec.reply.null_array();

  // The words were bounded as they were queued; what commands copy is, as they do it.
  exec.room_ = options_.log.max_transaction_size - bytes;
  exec.apply_at_once();
  exec.reply.array(queue.size());
  const CommandRow* const exec_row = exec.row;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    exec.row = queue[i].row;
    exec.words = words[i];
    exec.prepared = &queue[i].prepared;
    exec.row->handler(exec);
    exec.apply_pending();
    if (pubsub_.monitored()) [[unlikely]]
      feed_monitors(exec.session, *exec.row, exec.words, exec.now_ms);
  }
  exec.row = exec_row;
  commit(exec);
}

}  // namespace kimdb::database
