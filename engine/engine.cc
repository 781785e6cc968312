#include "engine/engine.h"

#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "engine/row_key.h"

namespace kimdb::engine {

struct Generation {
  std::atomic<bool> outdated{false};
  std::unique_ptr<Engine> replaced;  // once outdated, what was there
  std::multiset<Lsn> views;          // open ones; with the engine's readers_mutex_
};

Engine::Engine(const EngineOptions& options)
    : hasher_(options.hash_seed),
      partition_bits_(static_cast<unsigned>(std::countr_zero(options.partitions))),
      generation_(std::make_shared<Generation>()) {
  KIMDB_CHECK(std::has_single_bit(options.partitions) && options.partitions <= kPartitionsMax);
  for (std::size_t i = 0; i < options.partitions; ++i)
    partitions_.push_back(std::make_unique<Partition>(hasher_, partition_bits_));
}

Engine::~Engine() = default;

std::uint64_t Engine::in_partition_of_group(std::uint64_t hash, std::string_view key) const {
  if (partition_bits_ == 0) return hash;
  const auto group = row_group(key);
  if (!group) return hash;
  char bytes[sizeof group->table + sizeof group->number];
  std::memcpy(bytes, &group->table, sizeof group->table);
  std::memcpy(bytes + sizeof group->table, &group->number, sizeof group->number);
  const std::uint64_t first = ~std::uint64_t{0} << (64 - partition_bits_);
  return (hasher_({bytes, sizeof bytes}) & first) | (hash & ~first);
}

ApplyContext Engine::context(Lsn lsn) const {
  return {.lsn = lsn,
          .horizon = horizon(),
          .keep_accessed = keep_accessed_.load(std::memory_order_relaxed),
          .accessed = access_time()};
}

void Engine::prefetch(std::uint8_t keyspace, std::uint64_t hash) {
  Partition& partition = partition_of(hash);
  if (!partition.mutex().try_lock()) return;
  partition.prefetch(keyspace, hash);
  partition.mutex().unlock();
}

void Engine::prefetch_entry(std::uint8_t keyspace, std::uint64_t hash) {
  Partition& partition = partition_of(hash);
  if (!partition.mutex().try_lock()) return;
  partition.prefetch_entry(keyspace, hash);
  partition.mutex().unlock();
}

void Engine::find(std::uint8_t keyspace, const ReadView& view, std::span<KeyLookup> lookups) {
  std::vector<KeyLookup*> first(partitions_.size());
  for (KeyLookup& lookup : lookups) {
    lookup.entry = nullptr;
    lookup.is_current = false;
    lookup.hash = hash(keyspace, lookup.key);
    lookup.next = std::exchange(first[partition_index(lookup.hash)], &lookup);
  }
  const auto for_each = [&](auto&& visit) {
    for (std::size_t i = 0; i < first.size(); ++i) {
      if (first[i] == nullptr) continue;
      Partition& partition = *partitions_[i];
      MutexLock lock(partition.mutex());
      for (KeyLookup* lookup = first[i]; lookup != nullptr; lookup = lookup->next)
        visit(partition, *lookup);
    }
  };
  for_each([&](const Partition& partition, const KeyLookup& lookup) {
    partition.prefetch(keyspace, lookup.hash);
  });
  for_each([&](const Partition& partition, const KeyLookup& lookup) {
    partition.prefetch_entry(keyspace, lookup.hash);
  });
  for_each([&](const Partition& partition, KeyLookup& lookup) {
    if (view.is_outdated()) return;
    const Entry* const current = partition.find(keyspace, lookup.key, lookup.hash);
    lookup.is_current = current != nullptr && current->lsn() <= view.lsn();
    lookup.entry = lookup.is_current ? current
                                     : partition.undo()
                                           .find(keyspace, lookup.key, lookup.hash, view.lsn())
                                           .value_or(nullptr);
  });
}

void Engine::apply(Lsn lsn, const Operation& operation) {
  if (operation.kind == OperationKind::flush) {
    for (auto& partition : partitions_) partition->apply(context(lsn), operation);
  } else {
    partition_of(operation.hash).apply(context(lsn), operation);
    if (operation.keyspace == kIndexes || operation.keyspace == kSchemas) [[unlikely]]
      catalog_changes_.fetch_add(1, std::memory_order_release);
  }
}

void Engine::settle(Lsn lsn, const Operation& operation) {
  if (operation.kind == OperationKind::flush) {
    for (auto& partition : partitions_) partition->settle(operation, lsn);
  } else {
    partition_of(operation.hash).settle(operation, lsn);
  }
}

Status Engine::restore(Lsn lsn, std::string_view mutation) {
  while (!mutation.empty()) {
    auto operation = take_operation(mutation);
    if (!operation) return std::move(operation).error();
    operation->hash = hash(operation->keyspace, operation->key);
    restore(lsn, *operation);
  }
  return {};
}

void Engine::restore(Lsn lsn, const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::put:
    case OperationKind::remove:
    case OperationKind::set_expiry:
    case OperationKind::write_range: {
      const Entry* entry =
          partition_of(operation.hash).find(operation.keyspace, operation.key, operation.hash);
      if (entry != nullptr && entry->lsn() > lsn) return;
      break;
    }
    case OperationKind::flush:
      for (auto& partition : partitions_)
        partition->restore_flush(context(lsn), operation.keyspace);
      return;
    default:
      break;
  }
  apply(lsn, operation);
}

std::shared_ptr<const void> Engine::replace_state(std::unique_ptr<Engine> other, Lsn lsn) {
  KIMDB_CHECK(partition_count() == other->partition_count() && hash({}) == other->hash({}));
  // They point to what goes away.
  for (const std::uint8_t keyspace : {kDocuments, kRows})
    partitions_[0]->collections(keyspace).for_each_index(
        [](const IndexPointer& index) { index->retire(); });
  for (std::size_t i = 0; i < partitions_.size(); ++i)
    partitions_[i]->replace_state(*other->partitions_[i], lsn);
  replacements_.fetch_add(1, std::memory_order_release);
  catalog_changes_.fetch_add(1, std::memory_order_release);
  MutexLock lock(readers_mutex_);
  const auto before = std::exchange(generation_, std::make_shared<Generation>());
  before->replaced = std::move(other);
  before->outdated.store(true, std::memory_order_release);
  return before;
}

std::shared_ptr<Generation> Engine::begin_registration(Lsn lower_bound) {
  MutexLock lock(readers_mutex_);
  readers_.insert(lower_bound);
  update_horizon();
  return generation_;
}

ReadView Engine::finish_registration(Lsn lower_bound, Lsn lsn,
                                     std::shared_ptr<Generation> generation) {
  MutexLock lock(readers_mutex_);
  readers_.erase(readers_.find(lower_bound));
  readers_.insert(lsn);
  generation->views.insert(lsn);
  update_horizon();
  return {this, lsn, std::move(generation)};
}

std::optional<ReadView> Engine::open_view_at(Lsn lsn) {
  MutexLock lock(readers_mutex_);
  // Since the first view was opened, all that was replaced is kept.
  if (generation_->views.empty() || *generation_->views.begin() > lsn) return std::nullopt;
  readers_.insert(lsn);
  generation_->views.insert(lsn);
  return ReadView(this, lsn, generation_);
}

void Engine::close_view(Lsn lsn, Generation& generation) {
  MutexLock lock(readers_mutex_);
  generation.views.erase(generation.views.find(lsn));
  readers_.erase(readers_.find(lsn));
  update_horizon();
}

ReadView::~ReadView() {
  if (generation_ != nullptr) engine_->close_view(lsn_, *generation_);
}

bool ReadView::is_outdated() const { return generation_->outdated.load(std::memory_order_acquire); }

void Engine::update_horizon() {
  horizon_.store(readers_.empty() ? ~Lsn{0} : *readers_.begin(), std::memory_order_release);
}

Lsn Engine::pass_all_locks() {
  Lsn last = 0;
  for (auto& partition : partitions_) {
    MutexLock lock(partition->mutex());
    last = std::max(last, partition->last_lsn());
  }
  return last;
}

void Engine::prune() {
  for (auto& partition : partitions_) {
    for (bool more = true; more;) {
      MutexLock lock(partition->mutex());
      more = partition->prune_undo(horizon());
    }
  }
}

std::int64_t Engine::memory() const {
  std::int64_t sum = 0;
  for (const auto& partition : partitions_) sum += partition->memory();
  return sum;
}

std::uint64_t Engine::digest() {
  constexpr std::uint64_t kSeed = 0x6b696d6462;  // the same in every process
  std::uint64_t sum = 0;
  for (auto& partition : partitions_) {
    MutexLock lock(partition->mutex());
    for (std::uint8_t keyspace = 0; keyspace < kKeyspaces; ++keyspace) {
      const EntryTable* table = partition->table(keyspace);
      for (auto position = EntryTable::kBegin; table != nullptr && position < EntryTable::kEnd;)
        position = table->walk_group(position, [&](const Entry* entry) {
          const std::string_view key = entry->key(), value = entry->value();
          const std::uint64_t parts[3] = {
              XXH3_64bits_withSeed(key.data(), key.size(), kSeed + keyspace),
              XXH3_64bits_withSeed(value.data(), value.size(), kSeed),
              static_cast<std::uint64_t>(entry->expires_at())};
          sum += XXH3_64bits_withSeed(parts, sizeof parts, kSeed);
        });
    }
  }
  return sum;
}

}  // namespace kimdb::engine
