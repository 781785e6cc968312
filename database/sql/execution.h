// One statement while it runs: what its virtual tables read and change. One thread.
//
// A statement reads one state of the database: that of its transaction's view, or of a view of its
// own. It does without one as long as it looks up a single row, which is copied under its
// partition's lock; when it then looks for more it is begun again, with a view.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/lsn.h"
#include "base/mutex.h"
#include "base/result.h"
#include "database/key_changes.h"
#include "database/read_set.h"
#include "database/session.h"
#include "database/sql/catalog.h"
#include "database/sql/parser.h"
#include "database/sql/write_set.h"
#include "engine/engine.h"
#include "engine/entry.h"

namespace kimdb::database::sql {

// Of a transaction: somebody else was faster.
Error write_conflict();

class RowCursor;
class StatementMemory;
class Upsert;

struct CopiedRow {
  std::string key;
  std::string row;
  Lsn lsn = 0;
};

// A row that a statement has found. It stays where it is until the statement has ended, so that its
// address can be the rowid that SQLite hands back when the row is to be changed; the lowest bits
// say what lies there.
class FoundRow {
 public:
  FoundRow() = default;
  explicit FoundRow(const engine::Entry& entry) : FoundRow(&entry, kEntry) {}
  explicit FoundRow(const WriteSet::Changes::value_type& change) : FoundRow(&change, kChange) {}
  explicit FoundRow(const CopiedRow& copied) : FoundRow(&copied, kCopied) {}
  static FoundRow of_id(std::int64_t id) {
    FoundRow row;
    row.tagged_ = static_cast<std::uintptr_t>(id);
    return row;
  }

  std::int64_t id() const { return static_cast<std::int64_t>(tagged_); }
  std::string_view key() const;
  std::string_view bytes() const {
    return tag() == kEntry ? as<engine::Entry>().value() : bytes_of_other();
  }
  // Brings an entry into the cache, and of others what lies there: to ask which it is takes longer.
  void prefetch() const {
    if (tagged_ != 0) as<engine::Entry>().prefetch();
  }
  // Of the row that the database has, 0 where it has none.
  Lsn lsn() const;

 private:
  enum Tag : std::uintptr_t { kEntry = 0, kChange = 1, kCopied = 2, kMask = 3 };
  template <class T>
  FoundRow(const T* pointer, Tag tag) : tagged_(reinterpret_cast<std::uintptr_t>(pointer) | tag) {
    static_assert(alignof(T) > kMask);
  }
  template <class T>
  const T& as() const {
    return *reinterpret_cast<const T*>(tagged_ & ~std::uintptr_t{kMask});
  }
  std::string_view bytes_of_other() const;
  Tag tag() const { return static_cast<Tag>(tagged_ & kMask); }

  std::uintptr_t tagged_ = 0;
};

struct Execution {
  engine::Engine& engine;
  const CatalogState& catalog;
  // Null: none yet.
  const engine::ReadView* view = nullptr;
  // What the transaction has changed before; null: nothing.
  const WriteSet* before = nullptr;
  // The same of keys and documents.
  const KeyChanges* keys_before = nullptr;
  // Of a serializable transaction: what it reads goes in here. Null: nobody asks.
  ReadSet* reads = nullptr;
  bool writes = false;  // INSERT, REPLACE, UPDATE or DELETE
  WriteSet changes;     // what it has changed so far
  // Rows that were given other primary keys: put at the end of the statement, when those they take
  // the place of are gone.
  struct Moved {
    TypedTablePointer table;
    std::string from;
    std::string key;
    std::string row;
  };
  std::vector<Moved> moved;
  // Rows of tables that others refer to with ON DELETE or ON UPDATE: what follows from their change
  // is not done yet (database/sql/foreign_actions.h).
  struct ParentChange {
    TypedTablePointer table;
    std::string before;
    std::optional<std::string> after;  // none: it is removed
  };
  std::vector<ParentChange> parent_changes;
  // Of UPDATE OR …: rows and what they are to be, which is done one after the other at the end.
  struct Update {
    TypedTablePointer table;
    FoundRow row;
    std::vector<engine::SqlValue> given;  // of each visible column
    std::vector<bool> changed;            // which of them count
    std::deque<std::string> kept;         // their texts and bytes
    OnConflict on_conflict = OnConflict::refuse;
  };
  std::list<Update> updates;  // values in it are views into it
  std::span<const engine::SqlValue> parameters;
  // What an INSERT does about taken keys beside its OR …; null: nothing.
  const Upsert* upsert = nullptr;
  // OR … of the statement, and the same once a row has broken a constraint, which ended it.
  OnConflict on_conflict = OnConflict::refuse;
  OnConflict broken = OnConflict::refuse;
  // Rows that the statement itself has inserted, updated or removed, and those that followed from
  // foreign keys.
  std::size_t rows_changed = 0;
  std::size_t rows_followed = 0;
  // For RETURNING: those rows, by their keys, as they are then, or, removed, were.
  struct Returned {
    std::string key;
    std::string row;
  };
  bool returns = false;
  std::vector<Returned> returned;
  bool in_transaction = false;
  // An INSERT takes it that its keys are free; where one is not, the commit finds a conflict.
  bool trusts_keys = false;
  // Of an INSERT: which of the table's visible columns it names; null: all.
  const std::vector<bool>* named = nullptr;
  std::list<CopiedRow> copied;
  bool looked_up = false;
  std::int64_t now_ms = 0;  // Unix ms: keys that have expired by then are not seen
  bool is_admin = false;
  // Stopped, to be begun again with a view.
  bool needs_view = false;
  bool is_lost = false;  // lost_to_others()
  Lsn depends_on = 0;
  // Of the last row that was inserted its whole number: its key, or the one that nobody sees.
  std::optional<std::int64_t> last_number;
  // Of the statements before; null: of none.
  const SqlCounts* counted = nullptr;
  // For EXPLAIN ANALYZE, by the path in words: how often it was gone, and what it led to.
  struct Access {
    std::uint64_t begun = 0;
    std::uint64_t rows = 0;
  };
  bool counts = false;
  std::map<std::string, Access> accesses;
  // Counts that the path is begun; null where nothing is counted.
  Access* begin_access(std::string_view path);
  // The column that SQLite has read last (KeyBatch); null: none.
  struct LastRead {
    const RowCursor* rows = nullptr;
    std::uint32_t place = 0;
  };
  LastRead last_read;
  void forget(const RowCursor& rows) {
    if (last_read.rows == &rows) last_read = {};
  }
  // When the statement has to end (0: never), and whether anybody still waits for it. Null: nobody
  // says so.
  Clock* clock = nullptr;
  std::int64_t deadline_ns = 0;
  const std::atomic<bool>* closed = nullptr;
  enum class Stopped : std::uint8_t { no, deadline, closed } stopped = Stopped::no;
  StatementMemory* memory = nullptr;
  // Whether it has to end now.
  bool must_stop();
  // After must_stop() was true.
  Error why_stopped() const;
  // True, and an error, where what is found is no part of the view any more.
  bool fails_where_outdated();
  // Why a virtual table has stopped the statement.
  std::optional<Error> error;

  void reads_key(std::string_view key) {
    if (reads != nullptr) reads->add_key(engine::kRows, key);
  }
  void saw(Lsn lsn) { depends_on = lsn > depends_on ? lsn : depends_on; }
  // The row that the statement sees under the key, without what it has changed itself; null id:
  // there is none.
  FoundRow find(std::string_view key);
  // The same of what the transaction has changed before; nothing where it left the key alone.
  std::optional<FoundRow> changed_before(std::string_view key) const;
  // Calls read(row) with the bytes of that row, which stay while it runs; false where there is
  // none.
  template <class Read>
  bool read_row(std::string_view key, Read&& read);
  // Of that row: its LSN (FoundRow::lsn); nothing where there is none.
  std::optional<Lsn> version_of(std::string_view key);
  // Whether the row that the statement sees under the key is the one that stands there now.
  bool sees_current(std::string_view key);
  // A row that others have changed since the statement's state: the error of a transaction, else
  // the statement is begun again.
  Status lost_to_others();
  // What find() gives, or what the statement itself has made of the row.
  FoundRow find_now(std::string_view key);
  // What find() gives, for a statement that reads by keys: false where it has to be begun again.
  bool look_up(std::string_view key, FoundRow& found);

 private:
  template <class Visit>
  bool visit_current(std::string_view key, Visit&& visit);
};

// Without a view.
template <class Visit>
bool Execution::visit_current(std::string_view key, Visit&& visit) {
  const std::uint64_t hash = engine.hash(engine::kRows, key);
  engine::Partition& partition = engine.partition_of(hash);
  MutexLock lock(partition.mutex());
  const engine::Entry* entry = partition.find(engine::kRows, key, hash);
  saw(entry == nullptr ? partition.last_removed_lsn() : entry->lsn());
  if (entry != nullptr) visit(*entry);
  return entry != nullptr;
}

template <class Read>
bool Execution::read_row(std::string_view key, Read&& read) {
  if (view == nullptr && before == nullptr)
    return visit_current(key, [&](const engine::Entry& entry) { read(entry.value()); });
  const FoundRow row = find(key);
  if (row.id() != 0) read(row.bytes());
  return row.id() != 0;
}

}  // namespace kimdb::database::sql
