#include "database/context.h"

#include "database/database.h"
#include "database/sql/transaction.h"

namespace kimdb::database {

std::uint64_t Context::hash_of(std::string_view key) {
  // The dispatcher has hashed the first key already, and most commands ask for the same one again.
  if (key.data() != hashed_key_.data() || key.size() != hashed_key_.size() ||
      key.data() == nullptr) {
    hash_ = database.engine().hash(key);
    hashed_key_ = key;
  }
  return hash_;
}

const engine::Entry* Context::find(std::string_view key) { return find(session.keyspace, key); }

const engine::Entry* Context::find(std::uint8_t keyspace, std::string_view key) {
  if (at_once_) apply_pending();
  if (transaction_ != nullptr) [[unlikely]]
    return find_in_transaction(keyspace, key);
  const std::uint64_t hash = hash_of(key);
  engine::Engine& engine = database.engine();
  engine::Partition& partition = engine.partition_of(hash);
  engine::Entry* entry = partition.find(keyspace, key, hash);
  if (entry == nullptr) {
    depends_on(partition.last_removed_lsn());
    return nullptr;
  }
  depends_on(entry->lsn());
  if (entry->expired(now_ms)) return nullptr;
  found_ = true;
  if (entry->keeps_accessed() && entry->accessed() != engine.access_time())
    entry->set_accessed(engine.access_time());
  return entry;
}

const engine::Entry* Context::find_in_transaction(std::uint8_t keyspace, std::string_view key) {
  depends_on(transaction_->view.lsn());
  if (transaction_->reads) transaction_->reads->add_key(keyspace, key);
  const auto changed = transaction_->keys.find(keyspace, key);
  const engine::Entry* entry = changed ? *changed : entry_in_view(keyspace, key);
  if (entry == nullptr || entry->expired(now_ms)) return nullptr;
  found_ = true;
  return entry;
}

const engine::Entry* Context::entry_in_view(std::uint8_t keyspace, std::string_view key) {
  const std::uint64_t hash = hash_of(key);
  return database.engine().partition_of(hash).find_at(keyspace, key, hash,
                                                      transaction_->view.lsn());
}

engine::Partition& Context::partition_at(std::size_t index) {
  return database.engine().partition(index);
}

void Context::apply_pending() {
  for (; applied_ < operations_.size() && transaction_ != nullptr; ++applied_) {
    const engine::Operation& operation = operations_[applied_];
    transaction_->keys.apply(operation, entry_in_view(operation.keyspace, operation.key), now_ms);
  }
  for (; applied_ < operations_.size(); ++applied_)
    database.engine().apply(engine::kOwnRecord, operations_[applied_]);
}

bool Context::take_room(std::size_t bytes) {
  if (try_room(bytes)) return true;
  reply.error("ERR value exceeds wal.max_transaction_size");
  return false;
}

engine::Operation& Context::add(engine::OperationKind kind, std::uint8_t keyspace,
                                std::string_view key) {
  if (at_once_) apply_pending();
  const std::uint64_t hash = hash_of(key);
  engine::Operation operation{.kind = kind, .keyspace = keyspace, .key = key, .hash = hash};
  if (transaction_ != nullptr) return operations_.emplace_back(operation);  // COMMIT says the rest
  // Two or three at most, or they would be applied at once.
  const auto own = std::find_if(operations_.begin() + static_cast<std::ptrdiff_t>(applied_),
                                operations_.end(), [&](const engine::Operation& before) {
                                  return before.keyspace == keyspace && before.key == key;
                                });
  if (own != operations_.end()) {
    operation.replaces = engine::kOwnRecord;
  } else if (const engine::Entry* entry =
                 database.engine().partition_of(hash).find(keyspace, key, hash)) {
    operation.replaces = entry->lsn();
  }
  return operations_.emplace_back(operation);
}

void Context::put(std::uint8_t keyspace, std::string_view key, std::string_view value,
                  std::int64_t expires_at) {
  engine::Operation& operation = add(engine::OperationKind::put, keyspace, key);
  operation.value = value;
  operation.expires_at = expires_at;
}

void Context::remove(std::uint8_t keyspace, std::string_view key, engine::RemoveReason reason) {
  add(engine::OperationKind::remove, keyspace, key).reason = reason;
}

void Context::set_expiry(std::string_view key, std::int64_t expires_at) {
  add(engine::OperationKind::set_expiry, session.keyspace, key).expires_at = expires_at;
}

void Context::write_range(std::string_view key, std::uint64_t offset, std::string_view bytes) {
  engine::Operation& operation = add(engine::OperationKind::write_range, session.keyspace, key);
  operation.number = offset;
  operation.value = bytes;
}

void Context::flush(std::uint8_t keyspace) {
  operations_.push_back({.kind = engine::OperationKind::flush, .keyspace = keyspace});
}

}  // namespace kimdb::database
