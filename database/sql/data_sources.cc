#include "database/sql/data_sources.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/mutex.h"
#include "base/utf8.h"
#include "database/sql/json_value.h"
#include "database/sql/sqlite.h"
#include "database/sql/timestamp.h"
#include "engine/collection_scan.h"
#include "engine/index_plan.h"
#include "engine/index_scan.h"
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

// The entry under a key as the statement sees it.
const engine::Entry* find_entry(Execution& execution, std::uint8_t keyspace, std::string_view key) {
  if (execution.reads != nullptr) execution.reads->add_key(keyspace, key);
  if (execution.keys_before != nullptr)
    if (const auto changed = execution.keys_before->find(keyspace, key)) return *changed;
  const std::uint64_t hash = execution.engine.hash(key);
  engine::Partition& partition = execution.engine.partition_of(hash);
  MutexLock lock(partition.mutex());
  if (execution.view->is_outdated()) return nullptr;
  return partition.find_at(keyspace, key, hash, execution.view->lsn());
}

// Those that are there under what key_of() makes of the values, which are texts.
template <class KeyOf>
std::vector<const engine::Entry*> find_entries(Execution& execution, std::uint8_t keyspace,
                                               const std::vector<SqlValue>& values,
                                               KeyOf&& key_of) {
  std::vector<const engine::Entry*> entries;
  for (const SqlValue& value : values) {
    const engine::Entry* const entry = find_entry(execution, keyspace, key_of(value.bytes));
    if (entry != nullptr && !entry->expired(execution.now_ms)) entries.push_back(entry);
  }
  return entries;
}

// Keys of a keyspace, from their beginnings.
struct Part {
  std::uint8_t keyspace = 0;
  std::string prefix;
};

// Entries that a scan of a part gives, with what the transaction has changed laid over them, or
// these.
template <class Scan>
class EntryRows : public SourceRows {
 public:
  EntryRows(Execution& execution, Scan scan, Part part)
      : execution_(execution), scan_(std::move(scan)), part_(std::move(part)) {
    if (execution.reads != nullptr) execution.reads->add_range(part_.keyspace, part_.prefix);
  }
  EntryRows(Execution& execution, std::vector<const engine::Entry*> entries)
      : execution_(execution), entries_(std::move(entries)) {}

  bool at_end() const override { return position_ == entries_.size(); }
  bool next() override { return ++position_ < entries_.size() || fill(); }
  // Under the statement's view it stays where it is.
  std::int64_t id() const override {
    return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(&entry()));
  }

  // More of them; false where there is an error.
  bool fill() {
    entries_.clear();
    position_ = 0;
    const KeyChanges* const changes = execution_.keys_before;
    const auto add = [&](const engine::Entry& entry) {
      if (!entry.expired(execution_.now_ms)) entries_.push_back(&entry);
    };
    const auto visit = [&](const engine::Entry& entry) {
      if (changes == nullptr || !changes->find(part_.keyspace, entry.key())) add(entry);
      return true;
    };
    while (scan_ && entries_.empty())
      if (!scan_->step(visit)) {
        if (is_useless(*scan_)) execution_.needs_view = true;  // begun again
        scan_.reset();
        if (changes != nullptr) changes->for_each_with_prefix(part_.keyspace, part_.prefix, add);
      }
    return !execution_.needs_view && !execution_.fails_where_outdated();
  }

 protected:
  const engine::Entry& entry() const { return *entries_[position_]; }

 private:
  static bool is_useless(const Scan& scan) {
    if constexpr (requires { scan.is_useless(); }) return scan.is_useless();
    return false;
  }

  Execution& execution_;
  std::optional<Scan> scan_;
  Part part_;
  std::vector<const engine::Entry*> entries_;
  std::size_t position_ = 0;
};

// --- collections ---

// The value that a path of names leads to; nothing where it leads through an array, or nowhere.
std::optional<engine::JsonElement> value_at(engine::JsonElement element,
                                            const engine::FieldPath& path) {
  for (const std::string& name : path)
    if (!element.is_object() || element.at_key(name).get(element) != simdjson::SUCCESS)
      return std::nullopt;
  return element;
}

// All documents, or those that an index leads to.
class DocumentScan {
 public:
  explicit DocumentScan(engine::CollectionScan all) : all_(std::move(all)) {}
  DocumentScan(engine::Engine& engine, const engine::ReadView& view, engine::IndexPlan plan)
      : plan_(std::make_unique<engine::IndexPlan>(std::move(plan))) {
    by_index_.emplace(engine, view, *plan_);
  }

  template <class Visit>
  bool step(Visit&& visit) {
    return all_ ? all_->step(visit) : by_index_->step(visit);
  }
  // The index was dropped meanwhile, or lacks documents: what was found says nothing.
  bool is_useless() const {
    return plan_ != nullptr && (plan_->index->retired() || plan_->index->refused_some());
  }

 private:
  std::optional<engine::CollectionScan> all_;
  std::unique_ptr<engine::IndexPlan> plan_;
  std::optional<engine::IndexScan> by_index_;
};

// Columns that every collection has; the fields of its indexes follow.
enum : std::size_t { kId, kData, kVersion, kCreatedAt, kUpdatedAt, kFields };

class DocumentRows final : public EntryRows<DocumentScan> {
 public:
  DocumentRows(Execution& execution, DocumentScan scan, Part part,
               const std::vector<engine::FieldPath>& fields)
      : EntryRows(execution, std::move(scan), std::move(part)), fields_(fields) {}
  DocumentRows(Execution& execution, std::vector<const engine::Entry*> entries,
               const std::vector<engine::FieldPath>& fields)
      : EntryRows(execution, std::move(entries)), fields_(fields) {}

  SqlValue column(std::size_t number) override {
    const std::string_view id = engine::document_id(entry());
    const engine::Document document = engine::read_document(entry().value());
    switch (number) {
      case kId:
        return SqlValue::text(id);
      case kData:
        return SqlValue::text(document.body);
      case kVersion:
        return SqlValue::of(static_cast<std::int64_t>(document.version));
      case kCreatedAt:
        return time_value(document.created_at, kept_);
      case kUpdatedAt:
        return time_value(document.updated_at, kept_);
      default:
        return field(fields_[number - kFields], document);
    }
  }

 private:
  SqlValue field(const engine::FieldPath& path, const engine::Document& document) {
    if (read_ != &entry()) {
      read_ = reader_.read(document.body, body_) ? &entry() : nullptr;
      if (read_ == nullptr) return {};
    }
    const auto value = value_at(body_, path);
    return value ? value_of_json(*value, kept_) : SqlValue();
  }

  const std::vector<engine::FieldPath>& fields_;
  engine::JsonReader reader_;
  engine::JsonElement body_;
  const engine::Entry* read_ = nullptr;  // the one that body_ is of
  std::string kept_;
};

class CollectionSource final : public Source {
 public:
  CollectionSource(engine::Engine& engine, std::string collection)
      : engine_(engine), collection_(std::move(collection)) {
    std::vector<engine::IndexDefinition> definitions;
    engine.for_each_entry(engine::kIndexes, [&](const engine::Entry& entry) {
      auto definition = engine::read_index(entry.key(), entry.value());
      if (definition && definition->collection == collection_)
        definitions.push_back(*std::move(definition));
    });
    for (const engine::IndexDefinition& definition : definitions)
      for (const engine::SortField& field : definition.order) add_field(field.path, definitions);
  }

  std::string_view name() const override { return collection_; }
  std::string declaration() const override {
    std::string sql =
        "CREATE TABLE x(id TEXT, data JSON TEXT, version BIGINT, created_at TIMESTAMP TEXT COLLATE "
        "timestamp, updated_at TIMESTAMP TEXT COLLATE timestamp";
    for (const std::string& field : names_) sql += ", " + quoted_name(field);
    return sql + ")";
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
  bool finds_by(std::size_t column) const override {
    if (column == kId) return true;
    return column >= kFields && leads_an_index_[column - kFields];
  }

  std::unique_ptr<SourceRows> begin(Execution& execution,
                                    const std::optional<Sought>& sought) override {
    if (!has_view(execution)) return nullptr;
    if (sought && sought->column == kId)
      return std::make_unique<DocumentRows>(
          execution,
          find_entries(execution, engine::kDocuments, sought->values,
                       [&](std::string_view id) { return engine::document_key(collection_, id); }),
          fields_);
    if (sought && sought->values.empty())
      return std::make_unique<DocumentRows>(execution, std::vector<const engine::Entry*>(),
                                            fields_);
    std::optional<engine::IndexPlan> plan;
    if (sought) plan = plan_for(*sought);
    auto rows = std::make_unique<DocumentRows>(
        execution,
        plan ? DocumentScan(engine_, *execution.view, std::move(*plan))
             : DocumentScan(engine::CollectionScan(engine_, *execution.view, engine::kDocuments,
                                                   collection_)),
        Part{engine::kDocuments, engine::document_key(collection_, "")}, fields_);
    if (!rows->fill()) return nullptr;
    return rows;
  }

 private:
  void add_field(const engine::FieldPath& path,
                 const std::vector<engine::IndexDefinition>& definitions) {
    std::string name;
    for (const std::string& part : path) name += (name.empty() ? "" : ".") + part;
    const auto is_same = [&](const std::string& other) {
      return equals_ignoring_case(name, other);
    };
    // Names of columns differ not only in capital letters; these are taken.
    constexpr std::string_view kTaken[] = {"id", "data", "version", "created_at", "updated_at"};
    if (std::any_of(std::begin(kTaken), std::end(kTaken),
                    [&](std::string_view taken) { return equals_ignoring_case(name, taken); }) ||
        std::any_of(names_.begin(), names_.end(), is_same))
      return;
    names_.push_back(std::move(name));
    fields_.push_back(path);
    leads_an_index_.push_back(std::any_of(
        definitions.begin(), definitions.end(), [&](const engine::IndexDefinition& definition) {
          return definition.order[0].path == path &&
                 (!definition.hash || definition.order.size() == 1);
        }));
  }

  // All texts: beside a column of numbers SQLite takes '30' for 30.
  static void add_texts(engine::IndexPlan& plan) {
    engine::KeyRange texts{"\x30", "\x40"};
    if (plan.index->definition().order[0].descending) texts = {"\xc0", "\xd0"};
    for (auto* ranges : {&plan.ranges, &plan.ranges_of_many}) {
      std::erase_if(*ranges, [&](const engine::KeyRange& range) {
        return range.begin >= texts.begin && range.begin < texts.end;
      });
      ranges->push_back(texts);
      std::sort(ranges->begin(), ranges->end(),
                [](const auto& a, const auto& b) { return a.begin < b.begin; });
    }
  }

  // An index that finds all documents in which SQLite takes the field for equal to one of the
  // values: nothing of 0 and 1, which false and true are as well, and of text that may be an
  // array's or an object's.
  std::optional<engine::IndexPlan> plan_for(const Sought& sought) const {
    const std::string& name = names_[sought.column - kFields];
    const bool has_number =
        std::any_of(sought.values.begin(), sought.values.end(),
                    [](const SqlValue& value) { return value.kind == SqlValue::Kind::integer; });
    std::string json = "{";
    append_json_string(json, name);
    json += ":{\"$in\":[";
    for (const SqlValue& value : sought.values) {
      if (json.back() != '[') json += ',';
      if (value.kind == SqlValue::Kind::text && !value.bytes.starts_with('[') &&
          !value.bytes.starts_with('{'))
        append_json_string(json, value.bytes);
      else if (value.kind == SqlValue::Kind::integer && value.integer != 0 && value.integer != 1)
        json += std::to_string(value.integer);
      else
        return std::nullopt;
    }
    const auto filter = engine::Filter::parse(json + "]}}");
    if (!filter) return std::nullopt;
    engine::IndexList indexes;
    {
      engine::Partition& partition = engine_.partition(0);  // every one knows them
      MutexLock lock(partition.mutex());
      indexes = partition.collections(engine::kDocuments).indexes(collection_);
    }
    if (has_number)
      std::erase_if(indexes, [](const auto& index) { return index->definition().hash; });
    auto plan = engine::plan_by_index(indexes, *filter, std::nullopt);
    if (plan && has_number) add_texts(*plan);
    return plan;
  }

  engine::Engine& engine_;
  const std::string collection_;
  std::vector<std::string> names_;
  std::vector<engine::FieldPath> fields_;
  std::vector<bool> leads_an_index_;
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
  bool finds_by(std::size_t column) const override { return column == 0; }

  std::unique_ptr<SourceRows> begin(Execution& execution,
                                    const std::optional<Sought>& sought) override {
    if (!has_view(execution)) return nullptr;
    if (sought)
      return std::make_unique<KeyRows>(
          execution,
          find_entries(execution, kKeys, sought->values, [](std::string_view key) { return key; }));
    auto rows = std::make_unique<KeyRows>(
        execution, engine::KeyScan(engine_, *execution.view, kKeys), Part{kKeys, {}});
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
