// What holds between rows: unique indexes and foreign keys. Looked at when a statement ends, so
// that its error comes with it, and again by the commit, whose locks make it sure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "database/read_set.h"
#include "database/sql/catalog.h"
#include "database/sql/write_set.h"
#include "engine/engine.h"

namespace kimdb::database::sql {

class Constraints {
 public:
  // `before`: what the transaction has changed before `changes`; null: nothing. `locked`: the
  // caller holds all partitions' locks. `reads`: takes what was looked at; null: nobody asks.
  Constraints(engine::Engine& engine, const CatalogState& catalog, const WriteSet& changes,
              const WriteSet* before, bool locked, ReadSet* reads = nullptr)
      : engine_(engine),
        catalog_(catalog),
        changes_(changes),
        before_(before),
        locked_(locked),
        reads_(reads) {}

  // Whether any change has to do with them: the commit has to lock all partitions.
  static bool concern(const CatalogState& catalog, const WriteSet& changes);
  // already_exists where a unique key is taken, invalid_argument where a row would refer to
  // nothing, unavailable where an index is not whole yet.
  Status check() const;
  // The key of a row, none of the changes', for which check() has failed: it refers to one that
  // goes, and a foreign key says what may become of it. Empty: none.
  const std::string& missed_reference() const { return missed_reference_; }
  // The key of a row, not `except`, that stands under this key of the table's how manieth unique
  // index, from 0; empty: there is none.
  Result<std::string> holder_of(const TypedTable& table, std::size_t unique_index,
                                std::string_view unique_key, std::string_view except) const;

 private:
  using Change = WriteSet::Changes::value_type;

  Status check_unique(const Change& change) const;
  Status check_parents(const Change& change) const;
  Status check_children(const Change& change) const;
  Result<std::string> holder(const TypedTable& table, const engine::TableIndex& index,
                             std::size_t unique_index, std::string_view unique_key,
                             std::string_view except) const;
  // Calls look() with the partition's lock.
  template <class Look>
  auto with_lock(engine::Partition& partition, Look&& look) const NO_THREAD_SAFETY_ANALYSIS {
    if (!locked_) partition.mutex().lock();
    auto seen = look();
    if (!locked_) partition.mutex().unlock();
    return seen;
  }
  // What `changes` and `before` say of a key; null: nothing.
  const WriteSet::Change* changed(std::string_view key) const;
  // The row under a key, with the changes laid over what is current.
  std::optional<std::string> row_of(std::string_view key) const;
  std::optional<std::string> current_row(std::string_view key) const;
  engine::IndexPointer index_of(const TypedTable& table, const engine::TableIndex& index) const;
  Result<bool> has_row(const TypedTable& table, const std::vector<std::uint32_t>& places,
                       const std::vector<engine::SqlValue>& values) const;
  const std::unordered_set<std::string>& changed_references(const TypedTable& child,
                                                            const engine::ForeignKey& key) const;
  // Whether a row of `child` refers to a row with these values; its key where it is none of the
  // changes'.
  struct Child {
    bool exists = false;
    std::string unchanged;
  };
  Result<Child> find_child(const TypedTable& child, const engine::ForeignKey& key,
                           const std::vector<engine::SqlValue>& values) const;

  engine::Engine& engine_;
  const CatalogState& catalog_;
  const WriteSet& changes_;
  const WriteSet* const before_;
  const bool locked_;
  ReadSet* const reads_;
  mutable std::string missed_reference_;
  mutable std::map<const engine::ForeignKey*, std::unordered_set<std::string>> changed_references_;
};

// The error of a row whose key is taken in a unique index.
Error duplicate_in(const engine::TableSchema& schema, const engine::TableIndex& index,
                   const std::vector<engine::SqlValue>& values);

// The places of the columns that a foreign key refers to.
std::vector<std::uint32_t> referenced_places(const engine::TableSchema& parent,
                                             const engine::ForeignKey& key);
// All columns of a row by their places; the values are views into its bytes.
std::vector<engine::SqlValue> values_of(const TypedTable& table, std::string_view bytes);
std::vector<engine::SqlValue> at_places(const std::vector<engine::SqlValue>& values,
                                        const std::vector<std::uint32_t>& places);
bool any_null(const std::vector<engine::SqlValue>& values);
// As they stand in the key of an index.
std::string key_parts(const std::vector<engine::SqlValue>& values,
                      const std::vector<bool>& descending);

// The index that leads from a foreign key's columns to the rows: its columns begin with them.
const engine::TableIndex* index_for(const engine::TableSchema& schema,
                                    const engine::ForeignKey& key);

}  // namespace kimdb::database::sql
