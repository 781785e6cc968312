// Numbers that rows get: what AUTO_INCREMENT gives, and the keys of rows without a primary key.
//
// None is given twice for a table, whatever was deleted since and however the server ended: its
// counter lies in the keyspace kCounters, under the table's number in decimal, and says below which
// number all may have been given. It is written once for many of them; those between are lost with
// the process. Under "0" numbers of tables are counted.
//
// Thread-safe; nobody who holds a partition's lock may call it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/mutex.h"
#include "base/result.h"
#include "database/sql/catalog.h"

namespace kimdb::database {
class Database;
}

namespace kimdb::database::sql {

inline std::string counter_key(std::uint32_t table) { return std::to_string(table); }

class RowNumbers {
 public:
  explicit RowNumbers(Database& database) : database_(database) {}

  // An error where the counter cannot be written, or all were given.
  Result<std::int64_t> next(const TypedTable& table);
  // This number was given by a statement: from now on those above it are.
  Status raise(const TypedTable& table, std::int64_t number);
  // The table is gone.
  void forget(std::uint32_t table);
  // A number for a new table.
  Result<std::uint32_t> next_table();

 private:
  struct Counter {
    std::int64_t next = 0;
    std::int64_t end = 0;  // of those that may be given without writing
  };
  Result<Counter*> counter(std::uint32_t table) REQUIRES(mutex_);
  Status reserve(std::uint32_t table, Counter& counter, std::int64_t end) REQUIRES(mutex_);

  Database& database_;
  Mutex mutex_;
  std::map<std::uint32_t, Counter> counters_ GUARDED_BY(mutex_);  // 0: of tables
  // Where they were read; another node may have gone on since.
  std::uint64_t of_term_ GUARDED_BY(mutex_) = 0;
};

}  // namespace kimdb::database::sql
