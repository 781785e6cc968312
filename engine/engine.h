// The state in memory: partitions of keyspaces, changed only by Mutations.
//
// Engine reads no clock, draws no random number and does no I/O; the same Mutations in the same
// order give the same state anywhere. Database (the commit pipeline) owns it, orders changes by the
// partitions' locks and the log, and decides what is expired or evicted.
//
// Readers of an older state register (ReadView); as long as one is there, versions replaced after
// its LSN are kept in the partitions' undo lists. Without readers nothing is kept.
//
// Recovery may apply a Mutation to a state that holds some of its effects already (a snapshot
// copied while writes went on): restore() skips an operation where the entry carries a later LSN.
// As every operation done twice equals it done once, and every record from the snapshot's first
// section on is applied in order, the end is exact.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/lsn.h"
#include "base/mutex.h"
#include "base/result.h"
#include "engine/partition.h"

namespace kimdb::engine {

constexpr std::size_t kPartitionsMax = std::size_t{1} << EntryTable::kSkipBitsMax;

struct EngineOptions {
  std::size_t partitions = 64;  // a power of two, at most kPartitionsMax
  std::uint64_t hash_seed = 0;  // random for each process
};

class Engine;
struct Generation;  // what the engine held between two calls of replace_state()

// A registered reader: the state as of lsn() can be read from every partition while it lives. The
// entries of that state, once found, can be read without any lock.
class ReadView {
 public:
  ReadView(ReadView&& other) noexcept = default;
  ReadView& operator=(ReadView&&) = delete;
  ~ReadView();

  Lsn lsn() const { return lsn_; }
  // The engine's state was replaced (Engine::replace_state): what is found from now on is no part
  // of this one. Entries found before stay. Does not change while a partition's lock is held.
  bool is_outdated() const;

 private:
  friend class Engine;
  ReadView(Engine* engine, Lsn lsn, std::shared_ptr<Generation> generation)
      : engine_(engine), lsn_(lsn), generation_(std::move(generation)) {}

  Engine* engine_;
  Lsn lsn_;
  std::shared_ptr<Generation> generation_;  // null: moved from
};

// One of many keys that are looked up together.
struct KeyLookup {
  std::string key;
  const Entry* entry = nullptr;  // what was found
  bool is_current = false;       // was found, and not replaced since
  std::uint64_t hash = 0;        // Engine's
  KeyLookup* next = nullptr;     // Engine's: the next one in the same partition
};

class Engine {
 public:
  explicit Engine(const EngineOptions& options);
  ~Engine();

  // Of a key in any keyspace but kRows.
  std::uint64_t hash(std::string_view key) const { return hasher_(key); }
  // The same in any keyspace: its first bits choose the partition, which rows of a group share
  // (engine/row_key.h).
  std::uint64_t hash(std::uint8_t keyspace, std::string_view key) const {
    const std::uint64_t hash = hasher_(key);
    return keyspace == kRows ? in_partition_of_group(hash, key) : hash;
  }
  std::size_t partition_count() const { return partitions_.size(); }
  std::size_t partition_index(std::uint64_t hash) const {
    return partition_bits_ == 0 ? 0 : static_cast<std::size_t>(hash >> (64 - partition_bits_));
  }
  Partition& partition(std::size_t index) { return *partitions_[index]; }
  const Partition& partition(std::size_t index) const { return *partitions_[index]; }
  Partition& partition_of(std::uint64_t hash) { return *partitions_[partition_index(hash)]; }

  // Brings what find() in the key's partition will read into the cache: for callers with many keys,
  // who first call the one for all of them, then the other. Hints: a partition that is locked is
  // left alone.
  void prefetch(std::uint8_t keyspace, std::uint64_t hash);
  void prefetch_entry(std::uint8_t keyspace, std::uint64_t hash);

  // Finds the entries of many keys in the view's state; those who wait for memory wait together,
  // and a partition is locked a few times only. Finds nothing where the view is outdated.
  void find(std::uint8_t keyspace, const ReadView& view, std::span<KeyLookup> lookups);

  // Applies one operation of a record; the caller holds the lock of its partition (flush: of all
  // partitions). `operation.hash` is set.
  void apply(Lsn lsn, const Operation& operation);
  // For a record that draws its LSN last (a transaction): apply each operation with kOwnRecord,
  // then settle each.
  void settle(Lsn lsn, const Operation& operation);

  // Recovery: decodes the record and applies what the state does not hold yet. Takes no lock: one
  // thread for each partition at most.
  Status restore(Lsn lsn, std::string_view mutation);
  // The same for one operation, its hash set.
  void restore(Lsn lsn, const Operation& operation);

  // Puts another engine's state in the place of this one's, whose indexes are retired; the caller
  // holds all partitions' locks. `other` has the same options and nobody else. `lsn`: what readers
  // of the new state depend on. The old state lives on as long as what is given back, or a view of
  // it, does: let go of it without a lock, since that takes time.
  [[nodiscard]] std::shared_ptr<const void> replace_state(std::unique_ptr<Engine> other, Lsn lsn);
  // Rises when the definitions of indexes (kIndexes) or typed tables (kSchemas) change, or the
  // state was replaced.
  std::uint64_t catalog_changes() const { return catalog_changes_.load(std::memory_order_acquire); }
  // Counts calls of replace_state().
  std::uint64_t replacements() const { return replacements_.load(std::memory_order_acquire); }

  // `last_lsn` gives the highest LSN drawn when called. Takes every partition's lock once.
  template <class LastLsn>
  ReadView open_view(LastLsn&& last_lsn);

  // Calls visit(const Entry&) for each entry of the keyspace, partition by partition, whose lock it
  // takes: for small keyspaces.
  template <class Visit>
  void for_each_entry(std::uint8_t keyspace, Visit&& visit);

  // A view of an earlier state; nothing where that is no longer held: no view is open that was
  // opened then, or before.
  std::optional<ReadView> open_view_at(Lsn lsn);

  // Returns when every change has been made whose LSN was drawn before. Takes every partition's
  // lock once.
  void await_writers() { pass_all_locks(); }

  // Frees old versions that nobody needs any more; in steps, each well below a millisecond under a
  // partition's lock. For the owner to call from time to time after a view was closed: without it,
  // each change frees a few.
  void prune();
  Lsn horizon() const { return horizon_.load(std::memory_order_acquire); }

  // Access times of entries, for allkeys-lru: seconds of any clock, set by the owner from time to
  // time.
  void keep_accessed(bool keep) { keep_accessed_.store(keep, std::memory_order_relaxed); }
  void set_access_time(std::uint32_t seconds) {
    access_time_.store(seconds, std::memory_order_relaxed);
  }
  std::uint32_t access_time() const { return access_time_.load(std::memory_order_relaxed); }

  std::int64_t memory() const;  // bytes held by all partitions; sums counters, takes no lock
  // A sum over everything stored (keys, values, expiry times; not LSNs) that does not depend on
  // order or hash seed. Takes the partitions' locks one after the other.
  std::uint64_t digest();

 private:
  friend class ReadView;
  std::uint64_t in_partition_of_group(std::uint64_t hash, std::string_view key) const;
  ApplyContext context(Lsn lsn) const;
  std::shared_ptr<Generation> begin_registration(Lsn lower_bound);
  ReadView finish_registration(Lsn lower_bound, Lsn lsn, std::shared_ptr<Generation> generation);
  void close_view(Lsn lsn, Generation& generation);
  void update_horizon() REQUIRES(readers_mutex_);
  Lsn pass_all_locks();  // the highest LSN of a change that is there

  Hasher hasher_;
  unsigned partition_bits_;
  std::vector<std::unique_ptr<Partition>> partitions_;
  std::atomic<Lsn> horizon_{~Lsn{0}};
  std::atomic<std::uint64_t> catalog_changes_{0};
  std::atomic<std::uint64_t> replacements_{0};
  std::atomic<bool> keep_accessed_{false};
  std::atomic<std::uint32_t> access_time_{0};

  Mutex readers_mutex_;
  std::multiset<Lsn> readers_ GUARDED_BY(readers_mutex_);
  std::shared_ptr<Generation> generation_ GUARDED_BY(readers_mutex_);
};

template <class Visit>
void Engine::for_each_entry(std::uint8_t keyspace, Visit&& visit) {
  for (const auto& partition : partitions_) {
    MutexLock lock(partition->mutex());
    const EntryTable* table = partition->table(keyspace);
    for (auto position = EntryTable::kBegin; table != nullptr && position < EntryTable::kEnd;)
      position = table->walk_group(position, [&](const Entry* entry) { visit(*entry); });
  }
}

template <class LastLsn>
ReadView Engine::open_view(LastLsn&& last_lsn) {
  // Register first, with a lower bound; once every writer that might not have seen the registration
  // has left its partition, the LSN drawn last is one whose state will be kept.
  const Lsn lower_bound = last_lsn();
  auto generation = begin_registration(lower_bound);
  // What is there is seen, also where the caller does not count it yet (a slave's applied LSN).
  const Lsn there = pass_all_locks();
  return finish_registration(lower_bound, std::max(there, last_lsn()), std::move(generation));
}

}  // namespace kimdb::engine
