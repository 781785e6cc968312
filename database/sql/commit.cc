#include "database/sql/commit.h"

#include <algorithm>
#include <vector>

#include "database/database.h"
#include "database/document_indexes.h"
#include "database/lock_set.h"
#include "database/sql/constraints.h"

namespace kimdb::database::sql {

namespace {

constexpr std::size_t kAhead = 8;

class Commit {
 public:
  // `transaction`: null for a statement of its own, which changes rows alone.
  Commit(Database& database, const WriteSet& rows, const Transaction* transaction)
      : database_(database),
        rows_(rows),
        transaction_(transaction),
        catalog_(database.catalog().current()),
        constrained_(Constraints::concern(*catalog_, rows)),
        locks_(database.engine()) {}

  Result<Committed> run() {
    add_rows();
    if (transaction_ != nullptr) add_keys();
    add_locks();
    Committed committed;
    const auto validate = [&]() -> Result<bool> {
      if (committed.conflict = !is_current(); committed.conflict) return false;
      if (constrained_) {
        const Constraints constraints(database_.engine(), *catalog_, rows_, nullptr, true);
        Status holds = constraints.check();
        // A reference that the statement saw nothing of has come since.
        committed.conflict = !holds && !constraints.missed_reference().empty();
        if (committed.conflict) return false;
        if (!holds) return std::move(holds).error();
      }
      KIMDB_RETURN_IF_ERROR(check_documents());
      return true;
    };
    auto lsn = database_.write_many(operations_, locks_, validate);
    if (!lsn) return std::move(lsn).error();
    committed.lsn = *lsn;
    return committed;
  }

 private:
  // A key that was made and removed again leaves no record. But the constraints were checked as if
  // there were nothing under it, so nobody else may have put anything there.
  struct Absent {
    std::uint8_t keyspace;
    std::string_view key;
    std::uint64_t hash;
  };

  void add_rows() {
    for (const auto& [key, change] : rows_.changes()) {
      if (tables_.empty() || tables_.back() != change.table.get())
        tables_.push_back(change.table.get());
      add(engine::kRows, key, change.replaces,
          change.row ? std::optional<std::string_view>(*change.row) : std::nullopt);
    }
  }

  void add_keys() {
    transaction_->keys.for_each([&](std::uint8_t keyspace, std::string_view key,
                                    const KeyChanges::Base& base, const engine::Entry* entry) {
      const std::size_t before = operations_.size();
      add(keyspace, key, base.lsn, entry == nullptr ? std::nullopt : std::optional(entry->value()));
      if (operations_.size() == before) return;
      if (entry != nullptr) operations_.back().expires_at = entry->expires_at();
      if (base.expired) may_be_gone_.push_back(before);
      if (keyspace == engine::kDocuments)
        documents_[key] = entry == nullptr
                              ? std::nullopt
                              : std::optional(engine::read_document(entry->value()).body);
    });
  }

  void add(std::uint8_t keyspace, std::string_view key, Lsn replaces,
           std::optional<std::string_view> value) {
    const std::uint64_t hash = database_.engine().hash(keyspace, key);
    if (!value && replaces == 0) return absent_.push_back({keyspace, key, hash});
    operations_.push_back(
        {.kind = value ? engine::OperationKind::put : engine::OperationKind::remove,
         .keyspace = keyspace,
         .replaces = replaces,
         .key = key,
         .value = value.value_or(""),
         .hash = hash});
  }

  void add_locks() {
    // An index may be there that no document of ours is in.
    if (constrained_ || !documents_.empty() || (transaction_ != nullptr && transaction_->reads))
      return locks_.add_all();
    for (const engine::Operation& operation : operations_) locks_.add(operation.hash);
    for (const Absent& absent : absent_) locks_.add(absent.hash);
    for (const TypedTable* table : tables_)
      locks_.add(database_.engine().hash(engine::schema_key(table->schema().name)));
  }

  // Whether rows, keys and schemas are those that were read. The locks are held.
  bool is_current() {
    for (const TypedTable* table : tables_) {
      const std::string key = engine::schema_key(table->schema().name);
      const std::uint64_t hash = database_.engine().hash(engine::kSchemas, key);
      if (version_of(engine::kSchemas, key, hash) != table->lsn()) return false;
    }
    for (const Absent& absent : absent_)
      if (version_of(absent.keyspace, absent.key, absent.hash) != 0) return false;
    // What had expired when it was read may have been removed for that: it is as it was.
    for (const std::size_t place : may_be_gone_) {
      engine::Operation& operation = operations_[place];
      if (version_of(operation.keyspace, operation.key, operation.hash) == 0)
        operation.replaces = 0;
    }
    // Rows lie anywhere in memory: what will be read is called for before.
    for (std::size_t i = 0; i < operations_.size() + 2 * kAhead; ++i) {
      if (i < operations_.size())
        partition_of(operations_[i]).prefetch(operations_[i].keyspace, operations_[i].hash);
      if (i >= kAhead && i - kAhead < operations_.size())
        partition_of(operations_[i - kAhead])
            .prefetch_entry(operations_[i - kAhead].keyspace, operations_[i - kAhead].hash);
      if (i < 2 * kAhead) continue;
      const engine::Operation& operation = operations_[i - 2 * kAhead];
      if (version_of(operation.keyspace, operation.key, operation.hash) != operation.replaces)
        return false;
    }
    return transaction_ == nullptr || !transaction_->reads ||
           transaction_->reads->still_holds(database_.engine(), transaction_->view);
  }

  Status check_documents() const {
    const std::string refusal = index_refusal(
        database_.engine(), documents_,
        [&](std::string_view key) { return documents_.contains(key); }, [](const std::string&) {});
    if (refusal.empty()) return {};
    return Error{ErrorCode::already_exists, refusal};
  }

  engine::Partition& partition_of(const engine::Operation& operation) const {
    return database_.engine().partition_of(operation.hash);
  }
  Lsn version_of(std::uint8_t keyspace, std::string_view key, std::uint64_t hash) const {
    const engine::Entry* entry = database_.engine().partition_of(hash).find(keyspace, key, hash);
    return entry == nullptr ? 0 : entry->lsn();
  }

  Database& database_;
  const WriteSet& rows_;
  const Transaction* const transaction_;
  const CatalogPointer catalog_;
  const bool constrained_;
  LockSet locks_;
  std::vector<const TypedTable*> tables_;
  std::vector<engine::Operation> operations_;
  std::vector<Absent> absent_;
  std::vector<std::size_t> may_be_gone_;  // of operations_
  FinalDocuments documents_;
};

}  // namespace

Result<Committed> commit(Database& database, const WriteSet& rows) {
  if (rows.empty()) return Committed{};
  return Commit(database, rows, nullptr).run();
}

Result<Committed> commit(Database& database, const Transaction& transaction) {
  if (transaction.is_over()) return Committed{};
  return Commit(database, transaction.rows, &transaction).run();
}

}  // namespace kimdb::database::sql
