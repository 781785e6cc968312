#include "database/sql/data_sources.h"

#include <array>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "database/sql/timestamp.h"
#include "engine/collection_scan.h"
#include "engine/key_scan.h"

namespace kimdb::database::sql {

using engine::SqlValue;

namespace {

SqlValue time_value(std::int64_t unix_ms, std::string& kept) {
  kept.clear();
  append_timestamp(kept, unix_ms);
  return SqlValue::text(kept);
}

// A statement that reads entries has to have a view, under which they stay where they are.
bool has_view(Execution& execution) {
  if (execution.view == nullptr) execution.needs_view = true;
  return execution.view != nullptr;
}

// The entry under a key as of the statement's view.
const engine::Entry* find_entry(Execution& execution, std::uint8_t keyspace, std::string_view key) {
  const std::uint64_t hash = execution.engine.hash(key);
  engine::Partition& partition = execution.engine.partition_of(hash);
  MutexLock lock(partition.mutex());
  if (execution.view->is_outdated()) return nullptr;
  return partition.find_at(keyspace, key, hash, execution.view->lsn());
}

// Entries that a scan gives, or one.
template <class Scan>
class EntryRows : public SourceRows {
 public:
  EntryRows(Execution& execution, Scan scan) : execution_(execution), scan_(std::move(scan)) {}
  EntryRows(Execution& execution, const engine::Entry* only) : execution_(execution) {
    if (only != nullptr) entries_.push_back(only);
  }

  bool at_end() const override { return position_ == entries_.size(); }
  bool next() override { return ++position_ < entries_.size() || fill(); }

  // More of them; false where there is an error.
  bool fill() {
    entries_.clear();
    position_ = 0;
    const auto visit = [&](const engine::Entry& entry) {
      if (!entry.expired(execution_.now_ms)) entries_.push_back(&entry);
      return true;
    };
    while (scan_ && entries_.empty())
      if (!scan_->step(visit)) scan_.reset();
    return !execution_.fails_where_outdated();
  }

 protected:
  const engine::Entry& entry() const { return *entries_[position_]; }

 private:
  Execution& execution_;
  std::optional<Scan> scan_;
  std::vector<const engine::Entry*> entries_;
  std::size_t position_ = 0;
};

// --- collections ---

class DocumentRows final : public EntryRows<engine::CollectionScan> {
 public:
  using EntryRows::EntryRows;

  SqlValue column(std::size_t number) override {
    const std::string_view id = engine::document_id(entry());
    const engine::Document document = engine::read_document(entry().value());
    switch (number) {
      case 0:
        return SqlValue::text(id);
      case 1:
        return SqlValue::text(document.body);
      case 2:
        return SqlValue::of(static_cast<std::int64_t>(document.version));
      default:
        return time_value(number == 3 ? document.created_at : document.updated_at, kept_);
    }
  }

 private:
  std::string kept_;
};

class CollectionSource final : public Source {
 public:
  CollectionSource(engine::Engine& engine, std::string collection)
      : engine_(engine), collection_(std::move(collection)) {}

  std::string_view name() const override { return collection_; }
  std::string declaration() const override {
    return "CREATE TABLE x(id TEXT, data JSON TEXT, version BIGINT, created_at TIMESTAMP TEXT "
           "COLLATE timestamp, updated_at TIMESTAMP TEXT COLLATE timestamp)";
  }
  double row_count() override {
    std::size_t rows = 0;
    for (std::size_t i = 0; i < engine_.partition_count(); ++i) {
      engine::Partition& partition = engine_.partition(i);
      MutexLock lock(partition.mutex());
      const auto* found = partition.collections(engine::kDocuments).find(collection_);
      if (found != nullptr) rows += found->entries().size();
    }
    return static_cast<double>(rows);
  }
  bool finds_by_first_column() const override { return true; }

  std::unique_ptr<SourceRows> begin(Execution& execution, const std::string_view* id) override {
    if (!has_view(execution)) return nullptr;
    if (id != nullptr)
      return std::make_unique<DocumentRows>(
          execution,
          find_entry(execution, engine::kDocuments, engine::document_key(collection_, *id)));
    auto rows = std::make_unique<DocumentRows>(
        execution,
        engine::CollectionScan(engine_, *execution.view, engine::kDocuments, collection_));
    if (!rows->fill()) return nullptr;
    return rows;
  }

 private:
  engine::Engine& engine_;
  const std::string collection_;
};

// --- keys ---

constexpr std::uint8_t kKeys = 0;  // the keyspace

class KeyRows final : public EntryRows<engine::KeyScan> {
 public:
  using EntryRows::EntryRows;

  SqlValue column(std::size_t number) override {
    switch (number) {
      case 0:
        return SqlValue::text(entry().key());
      case 1:
        return SqlValue::text(entry().value());
      default:
        if (entry().expires_at() == 0) return {};
        return time_value(entry().expires_at(), kept_);
    }
  }

 private:
  std::string kept_;
};

class KeySource final : public Source {
 public:
  explicit KeySource(engine::Engine& engine) : engine_(engine) {}

  std::string_view name() const override { return "kv"; }
  std::string declaration() const override {
    return "CREATE TABLE x(key TEXT, value TEXT, expires_at TIMESTAMP TEXT COLLATE timestamp)";
  }
  double row_count() override {
    std::size_t rows = 0;
    for (std::size_t i = 0; i < engine_.partition_count(); ++i) {
      MutexLock lock(engine_.partition(i).mutex());
      rows += engine_.partition(i).size(kKeys);
    }
    return static_cast<double>(rows);
  }
  bool finds_by_first_column() const override { return true; }

  std::unique_ptr<SourceRows> begin(Execution& execution, const std::string_view* key) override {
    if (!has_view(execution)) return nullptr;
    if (key != nullptr) {
      const engine::Entry* entry = find_entry(execution, kKeys, *key);
      if (entry != nullptr && entry->expired(execution.now_ms)) entry = nullptr;
      return std::make_unique<KeyRows>(execution, entry);
    }
    auto rows =
        std::make_unique<KeyRows>(execution, engine::KeyScan(engine_, *execution.view, kKeys));
    if (!rows->fill()) return nullptr;
    return rows;
  }

 private:
  engine::Engine& engine_;
};

}  // namespace

std::unique_ptr<Source> collection_source(engine::Engine& engine, std::string collection) {
  auto source = std::make_unique<CollectionSource>(engine, std::move(collection));
  if (source->row_count() == 0) return nullptr;
  return source;
}

std::unique_ptr<Source> key_source(engine::Engine& engine) {
  return std::make_unique<KeySource>(engine);
}

}  // namespace kimdb::database::sql
