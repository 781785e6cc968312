#include "database/sql/constraints.h"

#include <algorithm>
#include <utility>

#include "base/mutex.h"
#include "database/sql/column_value.h"
#include "database/sql/row_writer.h"
#include "engine/ordered_bytes.h"
#include "engine/row_key.h"

namespace kimdb::database::sql {

using engine::ForeignKey;
using engine::SqlValue;
using engine::TableIndex;
using engine::TableSchema;

namespace {

Error not_whole(const TableIndex& index) {
  return {ErrorCode::unavailable, "index " + index.name + " is being made: try again"};
}

}  // namespace

std::vector<SqlValue> values_of(const TypedTable& table, std::string_view bytes) {
  const engine::RowView row(table.layout(), bytes);
  std::vector<SqlValue> values(table.schema().columns.size());
  for (std::size_t place = 0; place < values.size(); ++place)
    values[place] = table.column(row, place);
  return values;
}

std::vector<SqlValue> at_places(const std::vector<SqlValue>& values,
                                const std::vector<std::uint32_t>& places) {
  std::vector<SqlValue> picked;
  for (const std::uint32_t place : places) picked.push_back(values[place]);
  return picked;
}

bool any_null(const std::vector<SqlValue>& values) {
  return std::any_of(values.begin(), values.end(), [](const SqlValue& v) { return v.is_null(); });
}

std::string key_parts(const std::vector<SqlValue>& values, const std::vector<bool>& descending) {
  std::string key;
  for (std::size_t i = 0; i < values.size(); ++i)
    engine::append_row_key_part(key, values[i], i < descending.size() && descending[i]);
  return key;
}

std::vector<std::uint32_t> referenced_places(const TableSchema& parent, const ForeignKey& key) {
  if (key.referenced.empty()) return parent.primary_key;
  std::vector<std::uint32_t> places;
  for (const std::string& name : key.referenced)
    places.push_back(parent.find_column(name).value_or(0));
  return places;
}

const TableIndex* index_for(const TableSchema& schema, const ForeignKey& key) {
  for (const TableIndex& index : schema.indexes)
    if (!index.hash && index.columns.size() >= key.columns.size() &&
        std::equal(key.columns.begin(), key.columns.end(), index.columns.begin()))
      return &index;
  return nullptr;
}

bool Constraints::concern(const CatalogState& catalog, const WriteSet& changes) {
  const TypedTable* last = nullptr;
  for (const auto& [key, change] : changes.changes()) {
    if (change.table.get() == last) continue;
    last = change.table.get();
    if (last->has_unique() || !last->schema().foreign_keys.empty() || catalog.is_referenced(*last))
      return true;
  }
  return false;
}

Status Constraints::check() const {
  for (const Change& change : changes_.changes()) {
    if (change.second.row) {
      KIMDB_RETURN_IF_ERROR(check_unique(change));
      KIMDB_RETURN_IF_ERROR(check_parents(change));
    }
    KIMDB_RETURN_IF_ERROR(check_children(change));
  }
  return {};
}

// --- unique indexes ---

const WriteSet::Change* Constraints::changed(std::string_view key) const {
  if (const WriteSet::Change* change = changes_.find(key)) return change;
  return before_ == nullptr ? nullptr : before_->find(key);
}

engine::IndexPointer Constraints::index_of(const TypedTable& table,
                                           const TableIndex& wanted) const {
  engine::Partition& partition = engine_.partition(0);
  return with_lock(partition, [&]() -> engine::IndexPointer {
    for (engine::IndexPointer& index : partition.collections(engine::kRows).indexes(table.prefix()))
      if (index->definition().name == wanted.name && index->complete()) return std::move(index);
    return nullptr;
  });
}

// The key of a row that stands under this key of a unique index, not `except`; empty: there is
// none.
Result<std::string> Constraints::holder(const TypedTable& table, const TableIndex& index,
                                        std::size_t unique_index, std::string_view unique_key,
                                        std::string_view except) const {
  std::string found;
  const auto note = [&](std::string_view key) {
    if (key == except) return false;
    found = key;
    return true;
  };
  if (changes_.any_holder(table, unique_index, unique_key, note)) return found;
  const auto note_before = [&](std::string_view key) {
    return changes_.find(key) == nullptr && note(key);
  };
  if (before_ != nullptr && before_->any_holder(table, unique_index, unique_key, note_before))
    return found;
  const engine::IndexPointer rows = index_of(table, index);
  if (rows == nullptr) return not_whole(index);
  if (reads_ != nullptr)
    reads_->add_index_range(rows, {std::string(unique_key), std::string(unique_key) + '\0'});
  const auto skip = [&](std::string_view key) { return key == except || changed(key) != nullptr; };
  return rows->holder_of(unique_key, skip).value_or("");
}

Result<std::string> Constraints::holder_of(const TypedTable& table, std::size_t unique_index,
                                           std::string_view unique_key,
                                           std::string_view except) const {
  auto index = table.schema().indexes.begin();
  for (std::size_t number = 0; !index->unique || number++ < unique_index;) ++index;
  return holder(table, *index, unique_index, unique_key, except);
}

Error duplicate_in(const TableSchema& schema, const TableIndex& index,
                   const std::vector<SqlValue>& values) {
  return {ErrorCode::already_exists, "duplicate key in unique index " + index.name + " of table " +
                                         schema.name + ": " +
                                         columns_in_words(schema, index.columns, values)};
}

Status Constraints::check_unique(const Change& change) const {
  const TypedTable& table = *change.second.table;
  if (!table.has_unique()) return {};
  std::size_t unique_index = 0;
  for (const TableIndex& index : table.schema().indexes) {
    if (!index.unique) continue;
    const std::string& unique_key = change.second.unique_keys[unique_index];
    if (!unique_key.empty()) {
      const auto found = holder(table, index, unique_index, unique_key, change.first);
      if (!found) return found.error();
      if (!found->empty())
        return duplicate_in(table.schema(), index, values_of(table, *change.second.row));
    }
    ++unique_index;
  }
  return {};
}

// --- foreign keys ---

std::optional<std::string> Constraints::current_row(std::string_view key) const {
  const std::uint64_t hash = engine_.hash(engine::kRows, key);
  engine::Partition& partition = engine_.partition_of(hash);
  return with_lock(partition, [&]() -> std::optional<std::string> {
    const engine::Entry* entry = partition.find(engine::kRows, key, hash);
    if (entry == nullptr) return std::nullopt;
    return std::string(entry->value());
  });
}

std::optional<std::string> Constraints::row_of(std::string_view key) const {
  const WriteSet::Change* change = changed(key);
  if (change != nullptr) return change->row;
  if (reads_ != nullptr) reads_->add_key(engine::kRows, key);
  return current_row(key);
}

Status Constraints::check_parents(const Change& change) const {
  const TypedTable& table = *change.second.table;
  if (table.schema().foreign_keys.empty()) return {};
  const std::vector<SqlValue> values = values_of(table, *change.second.row);
  for (const ForeignKey& key : table.schema().foreign_keys) {
    const std::vector<SqlValue> referring = at_places(values, key.columns);
    if (any_null(referring)) continue;
    const TypedTablePointer parent = catalog_.find(key.table);
    const auto exists = parent == nullptr
                            ? Result<bool>(false)
                            : has_row(*parent, referenced_places(parent->schema(), key), referring);
    if (!exists) return exists.error();
    if (*exists) continue;
    return Error{ErrorCode::invalid_argument,
                 "no row of table " + key.table + " that a row of table " + table.schema().name +
                     " refers to: " + columns_in_words(table.schema(), key.columns, values)};
  }
  return {};
}

// Whether a row of the table has these values in the columns of one of its keys.
Result<bool> Constraints::has_row(const TypedTable& table, const std::vector<std::uint32_t>& places,
                                  const std::vector<SqlValue>& values) const {
  if (places == table.schema().primary_key)
    return row_of(table.prefix() + key_parts(values, {})).has_value();
  std::size_t unique_index = 0;
  for (const TableIndex& index : table.schema().indexes) {
    if (!index.unique) continue;
    if (index.columns == places) {
      const std::string unique_key =
          engine::finish_index_key({.hash = index.hash}, key_parts(values, index.descending));
      const auto found = holder(table, index, unique_index, unique_key, "");
      if (!found) return found.error();
      if (!found->empty()) return true;
    }
    ++unique_index;
  }
  return false;
}

// A row that goes, or changes what others refer to, must not be referred to, unless another one
// has taken its place.
Status Constraints::check_children(const Change& change) const {
  const TypedTable& parent = *change.second.table;
  const auto [begin, end] =
      catalog_.references.equal_range(engine::schema_key(parent.schema().name));
  if (begin == end) return {};
  const WriteSet::Change* earlier = before_ == nullptr ? nullptr : before_->find(change.first);
  const std::optional<std::string> old_row =
      earlier != nullptr ? earlier->row : current_row(change.first);
  if (!old_row) return {};
  const std::vector<SqlValue> old_values = values_of(parent, *old_row);
  for (auto reference = begin; reference != end; ++reference) {
    const TypedTable& child = *reference->second.from;
    const ForeignKey& key = child.schema().foreign_keys[reference->second.foreign_key];
    const auto places = referenced_places(parent.schema(), key);
    const std::vector<SqlValue> referenced = at_places(old_values, places);
    if (any_null(referenced)) continue;
    const bool stays = change.second.row &&
                       key_parts(at_places(values_of(parent, *change.second.row), places), {}) ==
                           key_parts(referenced, {});
    if (stays) continue;
    auto found = find_child(child, key, referenced);
    if (!found) return found.error();
    if (!found->exists) continue;
    const auto replaced = has_row(parent, places, referenced);
    if (!replaced) return replaced.error();
    if (*replaced) continue;
    using Action = engine::ForeignKey::Action;
    if (key.on_update != Action::none || key.on_delete != Action::none)
      missed_reference_ = std::move(found->unchanged);
    return Error{ErrorCode::invalid_argument,
                 "a row of table " + child.schema().name + " refers to the row of table " +
                     parent.schema().name + " with " +
                     columns_in_words(parent.schema(), places, old_values)};
  }
  return {};
}

// What the rows that were put refer to. Made once: as many rows that are gone may be asked for.
const std::unordered_set<std::string>& Constraints::changed_references(
    const TypedTable& child, const ForeignKey& key) const {
  const auto [place, is_new] = changed_references_.try_emplace(&key);
  for (const WriteSet* set : {&changes_, before_}) {
    if (!is_new || set == nullptr) continue;
    const auto& rows = set->changes();
    for (auto row = rows.lower_bound(child.prefix());
         row != rows.end() && row->first.starts_with(child.prefix()); ++row)
      if (row->second.row && (set == &changes_ || changes_.find(row->first) == nullptr))
        place->second.insert(
            key_parts(at_places(values_of(child, *row->second.row), key.columns), {}));
  }
  return place->second;
}

Result<Constraints::Child> Constraints::find_child(const TypedTable& child, const ForeignKey& key,
                                                   const std::vector<SqlValue>& values) const {
  if (changed_references(child, key).contains(key_parts(values, {})))
    return Child{.exists = true, .unchanged = {}};
  const TableIndex* leads = index_for(child.schema(), key);
  const engine::IndexPointer index = leads == nullptr ? nullptr : index_of(child, *leads);
  if (index == nullptr)
    return leads == nullptr
               ? Error{ErrorCode::corrupt, "table " + child.schema().name + " lacks an index"}
               : not_whole(*leads);
  const std::string begin = key_parts(values, leads->descending);
  const std::string end = engine::behind_all(begin);
  if (reads_ != nullptr) reads_->add_index_range(index, {begin, end});
  std::vector<engine::Index::Found> found;
  for (bool more = true; more;) {
    const std::size_t seen = found.size();
    const engine::Index::Found last = seen == 0 ? engine::Index::Found() : found.back();
    more =
        index->find({.begin = begin, .end = end, .last = seen == 0 ? nullptr : &last}, 256, found);
    for (std::size_t i = seen; i < found.size(); ++i)
      if (changed(found[i].document_key) == nullptr)
        return Child{.exists = true, .unchanged = std::string(found[i].document_key)};
  }
  return Child{};
}

}  // namespace kimdb::database::sql
