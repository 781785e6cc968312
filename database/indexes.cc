#include "database/indexes.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "database/database.h"
#include "database/lock_set.h"

namespace kimdb::database {

namespace {

// Documents that are added under one lock: below a millisecond.
constexpr std::size_t kFillDocuments = 256;

bool same(const engine::IndexDefinition& a, const engine::IndexDefinition& b) {
  return a.collection == b.collection && a.name == b.name && a.fields == b.fields &&
         a.unique == b.unique && a.hash == b.hash;
}

std::string in_quotes(std::string_view id) { return "\"" + std::string(id) + "\""; }

}  // namespace

std::vector<Indexes::Definition> Indexes::read_catalog(std::string_view collection) {
  std::vector<Definition> definitions;
  engine::Engine& engine = database_.engine();
  for (std::size_t i = 0; i < engine.partition_count(); ++i) {
    engine::Partition& partition = engine.partition(i);
    MutexLock lock(partition.mutex());
    const engine::Table* table = partition.table(engine::kIndexes);
    for (auto position = engine::Table::kBegin; table != nullptr && position < engine::Table::kEnd;)
      position = table->walk_group(position, [&](const engine::Entry* entry) {
        auto definition = engine::read_index(entry->key(), entry->value());
        if (!definition) return;  // of a later version, say
        if (collection.empty() || definition->collection == collection)
          definitions.push_back(
              std::make_shared<const engine::IndexDefinition>(std::move(*definition)));
      });
  }
  std::sort(definitions.begin(), definitions.end(), [](const Definition& a, const Definition& b) {
    return std::pair(a->collection, a->name) < std::pair(b->collection, b->name);
  });
  return definitions;
}

// --- as the catalog says ---

bool Indexes::is_behind() const { return seen_changes_ != database_.engine().index_changes(); }

void Indexes::keep_up() {
  MutexLock lock(mutex_);
  engine::Engine& engine = database_.engine();
  for (std::uint64_t changes; seen_changes_ != (changes = engine.index_changes());) {
    const std::vector<Definition> wanted = read_catalog();
    const auto is_wanted = [&](const engine::IndexDefinition& definition) {
      return std::any_of(wanted.begin(), wanted.end(),
                         [&](const Definition& each) { return same(*each, definition); });
    };
    for (std::size_t i = 0; i < engine.partition_count(); ++i) {
      engine::Partition& partition = engine.partition(i);
      MutexLock partition_lock(partition.mutex());
      partition.change_indexes([&](engine::Collections& collections) {
        std::vector<engine::IndexDefinition> gone;
        collections.for_each_definition([&](const engine::IndexDefinition& definition) {
          if (!is_wanted(definition)) gone.push_back(definition);
        });
        for (const engine::IndexDefinition& definition : gone) collections.drop(definition);
        for (const Definition& definition : wanted) {
          const auto& there = collections.definitions(definition->collection);
          if (std::none_of(there.begin(), there.end(),
                           [&](const Definition& each) { return each->name == definition->name; }))
            collections.define(definition);
        }
      });
    }
    for (const Definition& definition : wanted) fill(*definition);
    seen_changes_ = changes;
  }
}

void Indexes::define(const Definition& definition) {
  engine::Engine& engine = database_.engine();
  for (std::size_t i = 0; i < engine.partition_count(); ++i) {
    MutexLock lock(engine.partition(i).mutex());
    engine.partition(i).change_indexes(
        [&](engine::Collections& collections) { collections.define(definition); });
  }
}

void Indexes::remove(const engine::IndexDefinition& definition) {
  engine::Engine& engine = database_.engine();
  for (std::size_t i = 0; i < engine.partition_count(); ++i) {
    MutexLock lock(engine.partition(i).mutex());
    engine.partition(i).change_indexes(
        [&](engine::Collections& collections) { collections.drop(definition); });
  }
}

void Indexes::fill(const engine::IndexDefinition& definition) {
  engine::Engine& engine = database_.engine();
  for (std::size_t i = 0; i < engine.partition_count(); ++i) {
    std::string behind;
    for (bool complete = false; !complete;) {
      MutexLock lock(engine.partition(i).mutex());
      engine.partition(i).change_indexes([&](engine::Collections& collections) {
        complete = collections.fill(definition, behind, kFillDocuments);
      });
    }
  }
}

// --- made and removed ---

Result<Lsn> Indexes::create(const engine::IndexDefinition& definition) {
  MutexLock lock(mutex_);
  const std::vector<Definition> there = read_catalog(definition.collection);
  for (const Definition& each : there)
    if (each->name == definition.name)
      return Error{ErrorCode::invalid_argument,
                   "there is an index " + in_quotes(definition.name) + " already"};
  if (there.size() >= engine::kIndexesMax)
    return Error{ErrorCode::invalid_argument,
                 "a collection has at most " + std::to_string(engine::kIndexesMax) + " indexes"};
  const auto shared = std::make_shared<const engine::IndexDefinition>(definition);
  define(shared);
  fill(definition);
  const auto record = [&]() -> Result<Lsn> {
    KIMDB_RETURN_IF_ERROR(check(definition));
    const std::string key = engine::index_key(definition);
    const std::string value = engine::encode_index(definition);
    return database_.write_one({.kind = engine::OperationKind::put,
                                .keyspace = engine::kIndexes,
                                .key = key,
                                .value = value});
  };
  Result<Lsn> written = record();
  if (!written) remove(definition);
  return written;
}

Result<Lsn> Indexes::drop(std::string_view collection, std::string_view name) {
  MutexLock lock(mutex_);
  for (const Definition& definition : read_catalog(collection)) {
    if (definition->name != name) continue;
    const std::string key = engine::index_key(*definition);
    Result<Lsn> written = database_.write_one(
        {.kind = engine::OperationKind::remove, .keyspace = engine::kIndexes, .key = key});
    if (written) remove(*definition);
    return written;
  }
  return Error{ErrorCode::not_found, "there is no index " + in_quotes(name)};
}

std::vector<IndexStatus> Indexes::list(std::string_view collection) {
  std::vector<IndexStatus> list;
  engine::Engine& engine = database_.engine();
  for (const Definition& definition : read_catalog(collection)) {
    IndexStatus status{.definition = *definition, .complete = true};
    for (std::size_t i = 0; i < engine.partition_count(); ++i) {
      MutexLock lock(engine.partition(i).mutex());
      const engine::Collection* documents = engine.partition(i).collections().find(collection);
      if (documents == nullptr) continue;
      const engine::CollectionIndex* index = documents->index(definition->name);
      status.complete = status.complete && index != nullptr && index->complete();
      if (index == nullptr) continue;
      status.keys += index->items().size();
      status.bytes += index->memory();
    }
    list.push_back(std::move(status));
  }
  return list;
}

// What keeps the index, which is complete, from being one.
Status Indexes::check(const engine::IndexDefinition& definition) {
  engine::Engine& engine = database_.engine();
  for (std::size_t i = 0; i < engine.partition_count(); ++i) {
    MutexLock lock(engine.partition(i).mutex());
    const engine::Collection* documents =
        engine.partition(i).collections().find(definition.collection);
    const engine::CollectionIndex* index =
        documents == nullptr ? nullptr : documents->index(definition.name);
    if (index != nullptr && index->refused_some())
      return Error{ErrorCode::invalid_argument,
                   "a document has more than " + std::to_string(engine::kIndexKeysMax) + " keys"};
  }
  return definition.unique ? check_unique(definition) : Status();
}

// Nothing is written meanwhile: about 150 ms for each million of keys.
Status Indexes::check_unique(const engine::IndexDefinition& definition) {
  engine::Engine& engine = database_.engine();
  LockSet locks(engine);
  locks.add_all();
  locks.lock();
  using Item = engine::CollectionIndex::Item;
  std::vector<std::pair<std::uint64_t, const Item*>> items;
  for (std::size_t i = 0; i < engine.partition_count(); ++i) {
    const engine::Collection* documents =
        engine.partition(i).collections().find(definition.collection);
    const engine::CollectionIndex* index =
        documents == nullptr ? nullptr : documents->index(definition.name);
    if (index == nullptr) continue;
    const auto& set = index->items();
    for (auto position = set.begin(); position != set.end(); position = set.next(position)) {
      const Item* item = set[position];
      if (!engine::has_null_part(definition, item->key))
        items.emplace_back(XXH3_64bits(item->key.data(), item->key.size()), item);
    }
  }
  std::sort(items.begin(), items.end());
  for (std::size_t i = 1; i < items.size(); ++i) {
    // Of equal hashes all pairs, though hardly ever is there one.
    for (std::size_t j = i; j-- > 0 && items[j].first == items[i].first;) {
      if (items[j].second->key != items[i].second->key) continue;
      std::string_view first = engine::document_id(*items[i].second->document);
      std::string_view second = engine::document_id(*items[j].second->document);
      if (second < first) std::swap(first, second);
      return Error{ErrorCode::invalid_argument, "duplicate key: the documents " + in_quotes(first) +
                                                    " and " + in_quotes(second) +
                                                    " have the same " + definition.fields};
    }
  }
  return {};
}

}  // namespace kimdb::database
