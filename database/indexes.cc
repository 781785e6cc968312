#include "database/indexes.h"

#include <algorithm>
#include <utility>

#include "database/database.h"

namespace kimdb::database {

namespace {

// Entries that are added under one lock: below a millisecond.
constexpr std::size_t kFillEntries = 256;

bool same_order(const engine::SortOrder& a, const engine::SortOrder& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.descending == y.descending; });
}

bool same(const engine::IndexDefinition& a, const engine::IndexDefinition& b) {
  return a.keyspace == b.keyspace && a.collection == b.collection && a.name == b.name &&
         (a.keyspace == engine::kRows ? a.columns == b.columns && same_order(a.order, b.order)
                                      : a.fields == b.fields) &&
         a.unique == b.unique && a.hash == b.hash;
}

std::string in_quotes(std::string_view id) { return "\"" + std::string(id) + "\""; }

// Calls change(Collections&) for each partition, under its lock.
template <class Change>
void for_each_partition(engine::Engine& engine, std::uint8_t keyspace, Change&& change) {
  for (std::size_t i = 0; i < engine.partition_count(); ++i) {
    MutexLock lock(engine.partition(i).mutex());
    engine.partition(i).change_indexes(keyspace, change);
  }
}

}  // namespace

std::vector<engine::IndexDefinition> Indexes::read_catalog(std::string_view collection) {
  std::vector<engine::IndexDefinition> definitions;
  database_.engine().for_each_entry(engine::kIndexes, [&](const engine::Entry& entry) {
    auto definition = engine::read_index(entry.key(), entry.value());
    if (!definition) return;  // of a later version, say
    if (collection.empty() || definition->collection == collection)
      definitions.push_back(std::move(*definition));
  });
  std::sort(definitions.begin(), definitions.end(), [](const auto& a, const auto& b) {
    return std::tie(a.collection, a.name) < std::tie(b.collection, b.name);
  });
  return definitions;
}

std::vector<engine::IndexDefinition> Indexes::read_catalogs() {
  std::vector<engine::IndexDefinition> definitions = read_catalog();
  for (const auto& [name, table] : database_.catalog().current()->tables)
    for (const engine::TableIndex& index : table->schema().indexes)
      definitions.push_back(table->definition_of(index));
  return definitions;
}

engine::IndexPointer Indexes::find(const engine::IndexDefinition& wanted) {
  for (const engine::IndexPointer& index : indexes_) {
    const engine::IndexDefinition& definition = index->definition();
    if (definition.keyspace == wanted.keyspace && definition.collection == wanted.collection &&
        definition.name == wanted.name)
      return index;
  }
  return nullptr;
}

// --- as the catalog says ---

void Indexes::keep_up() {
  MutexLock lock(mutex_);
  keep_up_locked();
}

void Indexes::keep_up_if_idle() {
  if (seen_changes_ == database_.engine().catalog_changes() || !mutex_.try_lock()) return;
  keep_up_locked();
  mutex_.unlock();
}

template <class Change>
Result<Lsn> Indexes::change_catalog(Change&& change) {
  const std::uint64_t before = database_.engine().catalog_changes();
  Result<Lsn> changed = change();
  // Its own change need not be looked at again.
  if (changed && seen_changes_ == before) seen_changes_ = before + 1;
  return changed;
}

void Indexes::keep_up_locked() {
  engine::Engine& engine = database_.engine();
  for (std::uint64_t changes; seen_changes_ != (changes = engine.catalog_changes());) {
    const std::vector<engine::IndexDefinition> wanted = read_catalogs();
    engine::IndexList gone;
    for (const engine::IndexPointer& index : indexes_)
      if (index->retired() || std::none_of(wanted.begin(), wanted.end(), [&](const auto& each) {
            return same(each, index->definition());
          }))
        gone.push_back(index);
    for (const engine::IndexPointer& index : gone) {
      remove(index);
      std::erase(indexes_, index);
    }
    for (const engine::IndexDefinition& definition : wanted) {
      if (find(definition) != nullptr) continue;
      indexes_.push_back(std::make_shared<engine::Index>(definition));
      add(indexes_.back());
    }
    for (const engine::IndexPointer& index : indexes_)
      if (!index->complete()) fill(*index);
    seen_changes_ = changes;
  }
}

void Indexes::add(const engine::IndexPointer& index) {
  for_each_partition(database_.engine(), index->definition().keyspace,
                     [&](engine::Collections& collections) { collections.add_index(index); });
}

void Indexes::remove(const engine::IndexPointer& index) {
  index->retire();
  for_each_partition(database_.engine(), index->definition().keyspace,
                     [&](engine::Collections& collections) { collections.remove_index(*index); });
}

void Indexes::fill(engine::Index& index) {
  engine::Engine& engine = database_.engine();
  for (std::size_t i = 0; i < engine.partition_count(); ++i) {
    std::string behind;
    for (bool complete = false; !complete;) {
      MutexLock lock(engine.partition(i).mutex());
      const std::uint8_t keyspace = index.definition().keyspace;
      engine.partition(i).change_indexes(keyspace, [&](engine::Collections& collections) {
        complete = collections.fill(index, behind, kFillEntries);
      });
    }
  }
  // Else the state was replaced meanwhile: the next round makes it anew.
  if (!index.retired()) index.set_complete();
}

// --- made and removed ---

Result<Lsn> Indexes::create(const engine::IndexDefinition& definition) {
  return create(definition, [&] {
    const std::string key = engine::index_key(definition);
    const std::string value = engine::encode_index(definition);
    return database_.write_one({.kind = engine::OperationKind::put,
                                .keyspace = engine::kIndexes,
                                .key = key,
                                .value = value});
  });
}

Result<Lsn> Indexes::create(const engine::IndexDefinition& definition, const Write& write) {
  // One at a time: a second one would only keep another worker from everything else.
  if (making_.exchange(true))
    return Error{ErrorCode::unavailable, "ERR another index is being made: try again"};
  Result<Lsn> made = make(definition, write);
  making_ = false;
  return made;
}

Status Indexes::check_room(const engine::IndexDefinition& definition) {
  std::size_t there = 0;
  for (const engine::IndexDefinition& each : read_catalogs()) {
    if (each.keyspace != definition.keyspace || each.collection != definition.collection) continue;
    ++there;
    if (each.name == definition.name)
      return Error{ErrorCode::invalid_argument,
                   "there is an index " + in_quotes(definition.name) + " already"};
  }
  if (there < engine::kIndexesMax) return {};
  return Error{ErrorCode::invalid_argument,
               (definition.keyspace == engine::kRows ? "a table" : "a collection") +
                   (" has at most " + std::to_string(engine::kIndexesMax) + " indexes")};
}

Result<Lsn> Indexes::make(const engine::IndexDefinition& definition, const Write& write) {
  MutexLock lock(mutex_);
  KIMDB_RETURN_IF_ERROR(check_room(definition));
  const auto index = std::make_shared<engine::Index>(definition);
  add(index);
  fill(*index);
  const auto record = [&]() -> Result<Lsn> {
    KIMDB_RETURN_IF_ERROR(check(*index));
    return write();
  };
  Result<Lsn> written = change_catalog(record);
  if (written)
    indexes_.push_back(index);
  else
    remove(index);
  return written;
}

Result<Lsn> Indexes::drop(std::string_view collection, std::string_view name) {
  MutexLock lock(mutex_);
  for (const engine::IndexDefinition& definition : read_catalog(collection)) {
    if (definition.name != name) continue;
    const std::string key = engine::index_key(definition);
    Result<Lsn> written = change_catalog([&] {
      return database_.write_one(
          {.kind = engine::OperationKind::remove, .keyspace = engine::kIndexes, .key = key});
    });
    const engine::IndexPointer index = find(definition);
    if (!written || index == nullptr) return written;
    remove(index);
    std::erase(indexes_, index);
    return written;
  }
  return Error{ErrorCode::not_found, "there is no index " + in_quotes(name)};
}

std::vector<IndexStatus> Indexes::list(std::string_view collection) {
  std::vector<IndexStatus> list;
  engine::IndexList indexes;
  {
    MutexLock lock(database_.engine().partition(0).mutex());
    indexes = database_.engine().partition(0).collections(engine::kDocuments).indexes(collection);
  }
  for (engine::IndexDefinition& definition : read_catalog(collection)) {
    IndexStatus status{.definition = std::move(definition)};
    for (const engine::IndexPointer& index : indexes) {
      if (index->definition().name != status.definition.name) continue;
      status.keys = index->size();
      status.bytes = index->memory();
      status.complete = index->complete();
    }
    list.push_back(std::move(status));
  }
  return list;
}

// What keeps the index, in which all documents stand, from being one. Of a unique one writers look
// into it, and have all locks: nobody adds what another one adds.
Status Indexes::check(const engine::Index& index) {
  if (index.refused_some())
    return Error{ErrorCode::invalid_argument, "a document has more than " +
                                                  std::to_string(engine::kIndexKeysMax) +
                                                  " keys, or more than 256 KB of them"};
  if (!index.definition().unique) return {};
  const auto duplicate = index.find_duplicate();
  if (!duplicate) return {};
  if (index.definition().keyspace == engine::kRows)
    return Error{ErrorCode::invalid_argument,
                 "duplicate key: two rows have the same " + index.definition().fields};
  return Error{ErrorCode::invalid_argument,
               "duplicate key: the documents " +
                   in_quotes(engine::split_document_key(duplicate->first).id) + " and " +
                   in_quotes(engine::split_document_key(duplicate->second).id) + " have the same " +
                   index.definition().fields};
}

}  // namespace kimdb::database
