#include "database/sql/commit.h"

#include <vector>

#include "database/database.h"
#include "database/lock_set.h"
#include "database/sql/constraints.h"

namespace kimdb::database::sql {

namespace {

constexpr std::size_t kAhead = 8;

class Commit {
 public:
  Commit(Database& database, const WriteSet& changes)
      : database_(database),
        changes_(changes),
        catalog_(database.catalog().current()),
        constrained_(Constraints::concern(*catalog_, changes)),
        locks_(database.engine()) {}

  Result<Committed> run() {
    add_operations();
    add_locks();
    Committed committed;
    const auto validate = [&]() -> Result<bool> {
      if (committed.conflict = !is_current(); committed.conflict) return false;
      if (!constrained_) return true;
      KIMDB_RETURN_IF_ERROR(
          Constraints(database_.engine(), *catalog_, changes_, nullptr, true).check());
      return true;
    };
    auto lsn = database_.write_many(operations_, locks_, validate);
    if (!lsn) return std::move(lsn).error();
    committed.lsn = *lsn;
    return committed;
  }

 private:
  struct Absent {
    std::string_view key;
    std::uint64_t hash;
  };

  void add_operations() {
    for (const auto& [key, change] : changes_.changes()) {
      if (tables_.empty() || tables_.back() != change.table.get())
        tables_.push_back(change.table.get());
      // A row that the transaction has made and removed leaves no record. But the constraints were
      // checked as if there were none under its key, so nobody else may have made one.
      if (!change.row && change.replaces == 0) {
        absent_.push_back({key, database_.engine().hash(engine::kRows, key)});
        continue;
      }
      operations_.push_back(
          {.kind = change.row ? engine::OperationKind::put : engine::OperationKind::remove,
           .keyspace = engine::kRows,
           .replaces = change.replaces,
           .key = key,
           .value = change.row ? std::string_view(*change.row) : "",
           .hash = database_.engine().hash(engine::kRows, key)});
    }
  }

  void add_locks() {
    if (constrained_) return locks_.add_all();
    for (const engine::Operation& operation : operations_) locks_.add(operation.hash);
    for (const Absent& row : absent_) locks_.add(row.hash);
    for (const TypedTable* table : tables_)
      locks_.add(database_.engine().hash(engine::schema_key(table->schema().name)));
  }

  // Whether rows and schemas are those that were read. The locks are held.
  bool is_current() const {
    for (const TypedTable* table : tables_) {
      const std::string key = engine::schema_key(table->schema().name);
      const std::uint64_t hash = database_.engine().hash(engine::kSchemas, key);
      if (version_of(engine::kSchemas, key, hash) != table->lsn()) return false;
    }
    for (const Absent& row : absent_)
      if (version_of(engine::kRows, row.key, row.hash) != 0) return false;
    // Rows lie anywhere in memory: what will be read is called for before.
    for (std::size_t i = 0; i < operations_.size() + 2 * kAhead; ++i) {
      if (i < operations_.size())
        partition_of(operations_[i]).prefetch(engine::kRows, operations_[i].hash);
      if (i >= kAhead && i - kAhead < operations_.size())
        partition_of(operations_[i - kAhead])
            .prefetch_entry(engine::kRows, operations_[i - kAhead].hash);
      if (i < 2 * kAhead) continue;
      const engine::Operation& operation = operations_[i - 2 * kAhead];
      if (version_of(engine::kRows, operation.key, operation.hash) != operation.replaces)
        return false;
    }
    return true;
  }

  engine::Partition& partition_of(const engine::Operation& operation) const {
    return database_.engine().partition_of(operation.hash);
  }
  Lsn version_of(std::uint8_t keyspace, std::string_view key, std::uint64_t hash) const {
    const engine::Entry* entry = database_.engine().partition_of(hash).find(keyspace, key, hash);
    return entry == nullptr ? 0 : entry->lsn();
  }

  Database& database_;
  const WriteSet& changes_;
  const CatalogPointer catalog_;
  const bool constrained_;
  LockSet locks_;
  std::vector<const TypedTable*> tables_;
  std::vector<engine::Operation> operations_;
  std::vector<Absent> absent_;
};

}  // namespace

Result<Committed> commit(Database& database, const WriteSet& changes) {
  if (changes.empty()) return Committed{};
  return Commit(database, changes).run();
}

}  // namespace kimdb::database::sql
