#include "database/sql/write_set.h"

#include <utility>

namespace kimdb::database::sql {

std::string WriteSet::holder_key(const TypedTable& table, std::size_t unique_index,
                                 std::string_view unique_key) {
  std::string key = table.prefix();
  key += static_cast<char>(unique_index);
  key += unique_key;
  return key;
}

WriteSet::Place WriteSet::place_of(const TypedTablePointer& table, std::string_view key,
                                   Lsn replaces) {
  auto place = is_behind_all(key) ? changes_.end() : changes_.lower_bound(key);
  if (place == changes_.end() || place->first != key)
    place = changes_.emplace_hint(place, std::string(key), Change{table, replaces, {}, {}});
  return place;
}

void WriteSet::set_row(Place place, std::optional<std::string> row,
                       std::vector<std::string> unique_keys) {
  const std::string_view key = place->first;
  Change& change = place->second;
  for (std::size_t i = 0; i < change.unique_keys.size(); ++i) {
    const auto [begin, end] =
        holders_.equal_range(holder_key(*change.table, i, change.unique_keys[i]));
    for (auto holder = begin; holder != end; ++holder) {
      if (holder->second != key) continue;
      holders_.erase(holder);
      break;
    }
  }
  change.row = std::move(row);
  change.unique_keys = std::move(unique_keys);
  for (std::size_t i = 0; i < change.unique_keys.size(); ++i)
    if (!change.unique_keys[i].empty())
      holders_.emplace(holder_key(*change.table, i, change.unique_keys[i]), key);
}

void WriteSet::put(const TypedTablePointer& table, std::string_view key, Lsn replaces,
                   std::string row) {
  bytes_ += key.size() + row.size();
  std::vector<std::string> unique_keys;
  if (table->has_unique()) unique_keys = table->unique_keys(row);
  set_row(place_of(table, key, replaces), std::move(row), std::move(unique_keys));
}

void WriteSet::remove(const TypedTablePointer& table, std::string_view key, Lsn replaces) {
  bytes_ += key.size();
  set_row(place_of(table, key, replaces), std::nullopt, {});
}

void WriteSet::take(WriteSet&& statement) {
  for (auto& [key, change] : statement.changes_)
    set_row(place_of(change.table, key, change.replaces), std::move(change.row),
            std::move(change.unique_keys));
  bytes_ += statement.bytes_;
  statement = {};
}

}  // namespace kimdb::database::sql
