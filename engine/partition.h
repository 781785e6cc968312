// A partition: its share of every keyspace, and what belongs to it, behind one lock.
//
// Everything but mutex() and what is marked so wants the lock held. The partition changes only
// by apply(), which reads no clock, draws no random number and does no I/O. Owned by Engine.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/lsn.h"
#include "base/mutex.h"
#include "engine/collection.h"
#include "engine/entry_table.h"
#include "engine/expiry_queue.h"
#include "engine/mutation.h"
#include "engine/request_log.h"
#include "engine/undo.h"

namespace kimdb::engine {

// What apply() has to know besides the operation.
struct ApplyContext {
  Lsn lsn = 0;  // kOwnRecord: the record has no LSN yet, settle() will give it
  // Versions replaced at or below this LSN are needed by nobody.
  Lsn horizon = ~Lsn{0};
  bool keep_accessed = false;  // entries get an access time (engine.eviction: allkeys-lru)
  std::uint32_t accessed = 0;  // in seconds, any origin
};

class Partition {
 public:
  Partition(Hasher hasher, unsigned skip_bits) : hasher_(hasher), skip_bits_(skip_bits) {}

  Mutex& mutex() { return mutex_; }

  // The entry under the key, expired or not; null where there is none.
  Entry* find(std::uint8_t keyspace, std::string_view key, std::uint64_t hash) const {
    const Keyspace* space = keyspaces_[keyspace].get();
    return space == nullptr ? nullptr : space->table.find(key, hash);
  }
  // What find() would give as of an LSN that a registered reader holds. The entry is valid while
  // the lock is held.
  const Entry* find_at(std::uint8_t keyspace, std::string_view key, std::uint64_t hash,
                       Lsn lsn) const;

  void apply(const ApplyContext& context, const Operation& operation);
  // Recovery: a flush over a state that may hold later entries; those stay.
  void restore_flush(const ApplyContext& context, std::uint8_t keyspace);
  // Gives what was applied as kOwnRecord its LSN; once for each operation of the record.
  void settle(const Operation& operation, Lsn lsn);
  // Frees some of the old versions that nobody needs. True when more are left.
  bool prune_undo(Lsn horizon);

  // Swaps what is stored with `other`; the change, and what is gone by it, count as of `lsn`.
  void replace_state(Partition& other, Lsn lsn);

  Lsn last_lsn() const { return last_lsn_; }                  // of the last change here
  Lsn last_removed_lsn() const { return last_removed_lsn_; }  // of the last removal here

  // Of a keyspace that has some.
  const Collections& collections(std::uint8_t keyspace) const {
    return keyspace == kRows ? tables_ : collections_;
  }
  // Calls change(Collections&), which defines, fills or drops indexes.
  template <class Change>
  void change_indexes(std::uint8_t keyspace, Change&& change) {
    change(collections_of(keyspace));
    update_memory();
  }
  const RequestLog& requests() const { return requests_; }
  const UndoList& undo() const { return undo_; }
  std::size_t size(std::uint8_t keyspace) const;
  std::size_t expiring(std::uint8_t keyspace) const;     // entries with an expiry time
  const EntryTable* table(std::uint8_t keyspace) const;  // null where nothing ever was

  // The earliest entry that expires at or before `now_ms`, or null.
  struct Expired {
    std::uint8_t keyspace;
    const Entry* entry;
    std::uint64_t hash;
  };
  std::optional<Expired> next_expired(std::int64_t now_ms);

  // Brings what find() will read into the cache; first its group, then, when that has come, the
  // entries that may be the one.
  void prefetch(std::uint8_t keyspace, std::uint64_t hash) const {
    if (const Keyspace* space = keyspaces_[keyspace].get()) space->table.prefetch(hash);
  }
  void prefetch_entry(std::uint8_t keyspace, std::uint64_t hash) const {
    if (const Keyspace* space = keyspaces_[keyspace].get()) space->table.prefetch_entry(hash);
  }

  // Without the lock: bytes held, and a time before which nothing here expires (INT64_MAX: nothing
  // does).
  std::int64_t memory() const { return memory_.load(std::memory_order_relaxed); }
  std::int64_t next_expiry() const { return next_expiry_.load(std::memory_order_relaxed); }
  std::uint64_t writes() const { return writes_.load(std::memory_order_relaxed); }

 private:
  struct Keyspace {
    Keyspace(Hasher hasher, unsigned skip_bits) : table(hasher, skip_bits) {}
    EntryTable table;
    std::size_t expiring = 0;
  };

  Keyspace& keyspace(std::uint8_t number);
  Collections& collections_of(std::uint8_t keyspace) {
    return keyspace == kRows ? tables_ : collections_;
  }
  void put(const ApplyContext& context, const Operation& operation);
  void remove(const ApplyContext& context, const Operation& operation);
  void set_expiry(const ApplyContext& context, const Operation& operation);
  void write_range(const ApplyContext& context, const Operation& operation);
  void flush(const ApplyContext& context, std::uint8_t number);
  void replace(const ApplyContext& context, Keyspace& space, const Operation& operation,
               EntryPointer entry, Entry* old);
  void retire(const ApplyContext& context, std::uint8_t keyspace, std::string_view key,
              std::uint64_t hash, EntryPointer old);
  // An entry with this time came in; one with an expiry time went out.
  void note_expiry(Keyspace& space, std::uint8_t keyspace, std::int64_t expires_at,
                   std::uint64_t hash);
  void note_unexpiring(Keyspace& space);
  void tidy_expiry();
  // Calls change(table) and accounts for the memory of the table itself.
  template <class Change>
  auto change_table(Keyspace& space, Change&& change);
  void update_memory();

  alignas(64) Mutex mutex_;
  Hasher hasher_;
  unsigned skip_bits_;
  std::array<std::unique_ptr<Keyspace>, kKeyspaces> keyspaces_;
  UndoList undo_;
  ExpiryQueue expiry_;
  std::size_t expiring_ = 0;  // entries of all keyspaces with an expiry time
  RequestLog requests_;
  Collections collections_{kDocuments};
  Collections tables_{kRows};
  Lsn last_lsn_ = 0;
  Lsn last_removed_lsn_ = 0;
  std::int64_t memory_held_ = 0;  // by entries and tables
  // Written under the lock, read without it.
  std::atomic<std::int64_t> memory_{0};
  std::atomic<std::int64_t> next_expiry_{INT64_MAX};
  std::atomic<std::uint64_t> writes_{0};
};

}  // namespace kimdb::engine
