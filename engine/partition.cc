#include "engine/partition.h"

#include "base/check.h"

namespace kimdb::engine {

namespace {

// What one change frees of the undo list at most. More than it can have added, so the list shrinks;
// few enough to cost a writer little when an old reader has gone.
constexpr std::size_t kPrunedByChange = 8;
constexpr std::size_t kPrunedAtOnce = 1024;

// A change leaves at most one outdated item in the expiry queue (a flush more). Inspecting three
// while at least half are outdated drops more than that.
constexpr std::size_t kInspectedByChange = 3;

}  // namespace

void Partition::apply(const ApplyContext& context, const Operation& operation) {
  // A snapshot's entries come in the order of their hashes.
  last_lsn_ = std::max(last_lsn_, context.lsn);
  writes_.store(writes_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  switch (operation.kind) {
    case OperationKind::put:
      put(context, operation);
      break;
    case OperationKind::remove:
      remove(context, operation);
      break;
    case OperationKind::set_expiry:
      set_expiry(context, operation);
      break;
    case OperationKind::write_range:
      write_range(context, operation);
      break;
    case OperationKind::flush:
      if (operation.keyspace != kEveryKeyspace) {
        flush(context, operation.keyspace);
      } else {
        for (std::uint8_t number = 0; number < kKeyKeyspaces; ++number) flush(context, number);
      }
      break;
    case OperationKind::request:
      requests_.add(operation.key, operation.number, context.lsn, operation.value);
      break;
    case OperationKind::forget:
      requests_.forget(operation.key);
      break;
    case OperationKind::dropped:
      requests_.mark_dropped(operation.key, operation.number);
      break;
  }
  if (!undo_.empty()) undo_.prune(context.horizon, kPrunedByChange);
  if (!expiry_.empty()) tidy_expiry();
  update_memory();
}

template <class Change>
auto Partition::change_table(Keyspace& space, Change&& change) {
  const std::size_t before = space.table.memory();
  auto result = change(space.table);
  memory_held_ += static_cast<std::int64_t>(space.table.memory() - before);
  return result;
}

void Partition::put(const ApplyContext& context, const Operation& o) {
  Keyspace& space = keyspace(o.keyspace);
  const Entry::Fields fields{.lsn = context.lsn,
                             .key = o.key,
                             .value = o.value,
                             .expires_at = o.expires_at,
                             .keep_accessed = context.keep_accessed,
                             .accessed = context.accessed};
  Entry* old = space.table.find(o.key, o.hash);
  // A collection has to see both.
  if (old != nullptr && context.lsn <= context.horizon && !has_collections(o.keyspace)) {
    const std::int64_t expired_at = old->expires_at();
    if (old->overwrite(fields)) {
      if (o.expires_at != expired_at) {
        note_unexpiring(space);
        note_expiry(space, o.keyspace, o.expires_at, o.hash);
      }
      return;
    }
  }
  replace(context, space, o, Entry::make(fields), old);
}

void Partition::remove(const ApplyContext& context, const Operation& o) {
  last_removed_lsn_ = std::max(last_removed_lsn_, context.lsn);
  if (keyspaces_[o.keyspace] == nullptr) return;
  Keyspace& space = *keyspaces_[o.keyspace];
  EntryPointer removed =
      change_table(space, [&](EntryTable& table) { return table.remove(o.key, o.hash); });
  if (!removed) return;  // replayed over a snapshot that was copied after the removal
  if (has_collections(o.keyspace)) collections_of(o.keyspace).replace(removed.get(), nullptr);
  if (removed->expires_at() != 0) note_unexpiring(space);
  retire(context, o.keyspace, o.key, o.hash, std::move(removed));
}

void Partition::set_expiry(const ApplyContext& context, const Operation& o) {
  Keyspace& space = keyspace(o.keyspace);
  Entry* old = space.table.find(o.key, o.hash);
  if (old == nullptr) return;  // as in remove()
  replace(context, space, o,
          Entry::make({.lsn = context.lsn,
                       .key = o.key,
                       .value = old->value(),
                       .expires_at = o.expires_at,
                       .keep_accessed = context.keep_accessed,
                       .accessed = context.accessed}),
          old);
}

void Partition::write_range(const ApplyContext& context, const Operation& o) {
  Keyspace& space = keyspace(o.keyspace);
  Entry* old = space.table.find(o.key, o.hash);
  const std::string_view before = old == nullptr ? std::string_view() : old->value();
  const std::size_t end = o.number + o.value.size();
  EntryPointer entry = Entry::allocate({.lsn = context.lsn,
                                        .key = o.key,
                                        .value = {},
                                        .expires_at = old == nullptr ? 0 : old->expires_at(),
                                        .keep_accessed = context.keep_accessed,
                                        .accessed = context.accessed},
                                       std::max(before.size(), end));
  char* value = entry->value_data();
  if (!before.empty()) std::memcpy(value, before.data(), before.size());
  if (o.number > before.size()) std::memset(value + before.size(), 0, o.number - before.size());
  if (!o.value.empty()) std::memcpy(value + o.number, o.value.data(), o.value.size());
  replace(context, space, o, std::move(entry), old);
}

void Partition::flush(const ApplyContext& context, std::uint8_t number) {
  if (keyspaces_[number] == nullptr) return;
  last_removed_lsn_ = std::max(last_removed_lsn_, context.lsn);
  Keyspace& space = *keyspaces_[number];
  const bool keep = context.lsn > context.horizon;
  for (auto position = EntryTable::kBegin; position < EntryTable::kEnd;) {
    std::vector<Entry*> group;
    position = space.table.walk_group(position, [&](Entry* entry) {
      if (keep)
        group.push_back(entry);
      else
        memory_held_ -= static_cast<std::int64_t>(entry->memory());
    });
    for (Entry* entry : group) {
      const std::uint64_t hash = hasher_(entry->key());
      retire(context, number, {}, hash, change_table(space, [&](EntryTable& table) {
               return table.remove(entry->key(), hash);
             }));
    }
  }
  memory_held_ -= static_cast<std::int64_t>(space.table.memory());
  expiring_ -= space.expiring;
  keyspaces_[number] = nullptr;
}

void Partition::restore_flush(const ApplyContext& context, std::uint8_t number) {
  for (std::uint8_t i = 0; i < kKeyspaces; ++i) {
    const bool flushed = number == kEveryKeyspace ? i < kKeyKeyspaces : i == number;
    if (keyspaces_[i] == nullptr || !flushed) continue;
    std::vector<std::string> earlier;
    const EntryTable& table_before = keyspaces_[i]->table;
    for (auto position = EntryTable::kBegin; position < EntryTable::kEnd;)
      position = table_before.walk_group(position, [&](const Entry* entry) {
        if (entry->lsn() <= context.lsn) earlier.emplace_back(entry->key());
      });
    if (earlier.size() == table_before.size()) {
      flush(context, i);
    } else {
      for (const std::string& key : earlier)
        remove(context,
               {.kind = OperationKind::remove, .keyspace = i, .key = key, .hash = hasher_(key)});
    }
  }
  last_lsn_ = std::max(last_lsn_, context.lsn);
  last_removed_lsn_ = std::max(last_removed_lsn_, context.lsn);
  if (!expiry_.empty()) tidy_expiry();
  update_memory();
}

// Puts the entry into the table: in the place of `old`, which find() gave, or as a new one.
void Partition::replace(const ApplyContext& context, Keyspace& space, const Operation& o,
                        EntryPointer entry, Entry* old) {
  memory_held_ += static_cast<std::int64_t>(entry->memory());
  const std::int64_t expires_at = entry->expires_at();
  const std::int64_t expired_at = old == nullptr ? 0 : old->expires_at();
  if (has_collections(o.keyspace)) collections_of(o.keyspace).replace(old, entry.get());
  if (old != nullptr) {
    retire(context, o.keyspace, o.key, o.hash, space.table.put(std::move(entry), o.hash));
  } else {
    change_table(space, [&](EntryTable& table) {
      table.insert(std::move(entry), o.hash);
      return true;
    });
    if (context.lsn > context.horizon) retire(context, o.keyspace, o.key, o.hash, nullptr);
  }
  if (expires_at == expired_at) return;
  if (expired_at != 0) note_unexpiring(space);
  if (expires_at != 0) note_expiry(space, o.keyspace, expires_at, o.hash);
}

// The old version (or the fact that there was none) goes to the undo list where somebody may need
// it, else away.
void Partition::retire(const ApplyContext& context, std::uint8_t number, std::string_view key,
                       std::uint64_t hash, EntryPointer old) {
  if (old) memory_held_ -= static_cast<std::int64_t>(old->memory());
  if (context.lsn > context.horizon) undo_.add(context.lsn, number, key, hash, std::move(old));
}

void Partition::settle(const Operation& o, Lsn lsn) {
  if (last_lsn_ == kOwnRecord) last_lsn_ = lsn;
  if (last_removed_lsn_ == kOwnRecord) last_removed_lsn_ = lsn;
  undo_.settle(kOwnRecord, lsn);
  if (o.kind == OperationKind::request || o.kind == OperationKind::forget) {
    requests_.settle(o.key, kOwnRecord, lsn);
  } else if (o.kind != OperationKind::flush) {
    Entry* entry = find(o.keyspace, o.key, o.hash);
    if (entry != nullptr && entry->lsn() == kOwnRecord) entry->set_lsn(lsn);
  }
}

void Partition::replace_state(Partition& other, Lsn lsn) {
  std::swap(keyspaces_, other.keyspaces_);
  std::swap(undo_, other.undo_);
  std::swap(expiry_, other.expiry_);
  std::swap(expiring_, other.expiring_);
  std::swap(requests_, other.requests_);
  std::swap(collections_, other.collections_);
  std::swap(tables_, other.tables_);
  std::swap(memory_held_, other.memory_held_);
  last_lsn_ = last_removed_lsn_ = lsn;
  next_expiry_.store(other.next_expiry_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  writes_.fetch_add(1, std::memory_order_relaxed);
  update_memory();
}

bool Partition::prune_undo(Lsn horizon) {
  const bool more = undo_.prune(horizon, kPrunedAtOnce);
  update_memory();
  return more;
}

const Entry* Partition::find_at(std::uint8_t number, std::string_view key, std::uint64_t hash,
                                Lsn lsn) const {
  const Entry* current = find(number, key, hash);
  if (current != nullptr && current->lsn() <= lsn) return current;
  return undo_.find(number, key, hash, lsn).value_or(nullptr);
}

std::size_t Partition::size(std::uint8_t number) const {
  return keyspaces_[number] == nullptr ? 0 : keyspaces_[number]->table.size();
}

std::size_t Partition::expiring(std::uint8_t number) const {
  return keyspaces_[number] == nullptr ? 0 : keyspaces_[number]->expiring;
}

const EntryTable* Partition::table(std::uint8_t number) const {
  return keyspaces_[number] == nullptr ? nullptr : &keyspaces_[number]->table;
}

std::optional<Partition::Expired> Partition::next_expired(std::int64_t now_ms) {
  while (!expiry_.empty() && expiry_.first().expires_at <= now_ms) {
    const ExpiryQueue::Item item = expiry_.first();
    const Keyspace* space = keyspaces_[item.keyspace].get();
    const Entry* entry =
        space == nullptr ? nullptr : space->table.find_hash(item.hash, [&](const Entry& candidate) {
          return candidate.expires_at() != 0 && candidate.expires_at() <= now_ms;
        });
    if (entry != nullptr) return Expired{item.keyspace, entry, item.hash};
    expiry_.pop();  // the entry is gone, or has another time by now
  }
  next_expiry_.store(expiry_.empty() ? INT64_MAX : expiry_.first().expires_at,
                     std::memory_order_relaxed);
  return std::nullopt;
}

void Partition::note_expiry(Keyspace& space, std::uint8_t number, std::int64_t expires_at,
                            std::uint64_t hash) {
  ++space.expiring;
  ++expiring_;
  expiry_.push({expires_at, hash, number});
  next_expiry_.store(expiry_.first().expires_at, std::memory_order_relaxed);
}

void Partition::note_unexpiring(Keyspace& space) {
  --space.expiring;
  --expiring_;
}

// Keeps the outdated items fewer than those that count. Call with every entry in its table.
void Partition::tidy_expiry() {
  if (expiring_ == 0) {
    expiry_.clear();
  } else if (expiry_.size() > 2 * expiring_ + 64) {
    expiry_.inspect(kInspectedByChange, [&](const ExpiryQueue::Item& item) {
      const EntryTable* entries = table(item.keyspace);
      return entries != nullptr && entries->find_hash(item.hash, [&](const Entry& entry) {
        return entry.expires_at() == item.expires_at;
      }) != nullptr;
    });
  } else {
    return;
  }
  next_expiry_.store(expiry_.empty() ? INT64_MAX : expiry_.first().expires_at,
                     std::memory_order_relaxed);
}

Partition::Keyspace& Partition::keyspace(std::uint8_t number) {
  KIMDB_CHECK(number < kKeyspaces);
  auto& space = keyspaces_[number];
  if (space == nullptr) space = std::make_unique<Keyspace>(hasher_, skip_bits_);
  return *space;
}

void Partition::update_memory() {
  memory_.store(memory_held_ + static_cast<std::int64_t>(undo_.memory() + requests_.memory() +
                                                         expiry_.memory() + collections_.memory() +
                                                         tables_.memory()),
                std::memory_order_relaxed);
}

}  // namespace kimdb::engine
