// The indexes of collections and of typed tables: made, removed, and kept as the catalogs say,
// which are the keyspaces kIndexes (engine/index.h) and kSchemas (engine/schema.h).
//
// An index is made while writes go on: from its definition on, documents stand in it as they
// change; those that were there before are added in steps. Queries use it once it is complete. Then
// its record is logged; a slave, a recovery, or a copy of a master's data finds the record and does
// the same.
//
// Thread-safe; nobody who holds a partition's lock may call it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/lsn.h"
#include "base/mutex.h"
#include "base/result.h"
#include "engine/index.h"

namespace kimdb::database {

class Context;
class Database;

struct IndexStatus {
  engine::IndexDefinition definition;
  std::size_t keys = 0;
  std::size_t bytes = 0;
  bool complete = false;
};

class Indexes {
 public:
  explicit Indexes(Database& database) : database_(database) {}

  // Gives the LSN of its record. An error, and no index, where there is one of that name, a
  // document has too many keys, or two have the same one in a unique index.
  Result<Lsn> create(const engine::IndexDefinition& definition);
  // The same with a record that write() writes: of a typed table's schema.
  using Write = std::function<Result<Lsn>()>;
  Result<Lsn> create(const engine::IndexDefinition& definition, const Write& write);
  Result<Lsn> drop(std::string_view collection, std::string_view name);
  std::vector<IndexStatus> list(std::string_view collection);
  // Makes the partitions' indexes those of the catalog, where it has changed or partitions were
  // exchanged; returns when all of them are complete.
  void keep_up();
  // For the database's background work: the same, where nobody is at it already.
  void keep_up_if_idle();

 private:
  std::vector<engine::IndexDefinition> read_catalog(std::string_view collection = {});
  std::vector<engine::IndexDefinition> read_catalogs();  // of collections and typed tables
  void add(const engine::IndexPointer& index);
  void fill(engine::Index& index);
  void remove(const engine::IndexPointer& index);
  static Status check(const engine::Index& index);
  void keep_up_locked() REQUIRES(mutex_);
  Status check_room(const engine::IndexDefinition& definition);
  Result<Lsn> make(const engine::IndexDefinition& definition, const Write& write);
  // Calls change(), which changes the catalog itself.
  template <class Change>
  Result<Lsn> change_catalog(Change&& change) REQUIRES(mutex_);
  // The one that stands for this definition, as it is or as it was.
  engine::IndexPointer find(const engine::IndexDefinition& wanted) REQUIRES(mutex_);

  Database& database_;
  Mutex mutex_;  // one change after the other
  engine::IndexList indexes_ GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> seen_changes_{0};
  std::atomic<bool> making_{false};
};

}  // namespace kimdb::database
