// What a transaction, or a statement, has changed and not committed yet: rows by their keys, so
// that its own reads see them. One thread.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/lsn.h"
#include "database/sql/catalog.h"

namespace kimdb::database::sql {

class WriteSet {
 public:
  struct Change {
    TypedTablePointer table;
    Lsn replaces = 0;                      // of the row that was read, 0: there was none
    std::optional<std::string> row;        // none: it is removed
    std::vector<std::string> unique_keys;  // TypedTable::unique_keys() of the row
  };
  // By keys; those of a table follow each other.
  using Changes = std::map<std::string, Change, std::less<>>;

  bool empty() const { return changes_.empty(); }
  // Of keys and rows, those changed again counted again.
  std::size_t bytes() const { return bytes_; }
  const Changes& changes() const { return changes_; }
  // Null where the key is as it was.
  const Change* find(std::string_view key) const {
    if (is_behind_all(key)) return nullptr;
    const auto found = changes_.find(key);
    return found == changes_.end() ? nullptr : &found->second;
  }

  // `replaces`: of the row that the view shows; what was changed before keeps its own.
  void put(const TypedTablePointer& table, std::string_view key, Lsn replaces, std::string row);
  void remove(const TypedTablePointer& table, std::string_view key, Lsn replaces);
  // Adds what a statement has changed to what its transaction has.
  void take(WriteSet&& statement);

  // Calls visit(key) for each row here that stands under a key of a unique index (the how manieth
  // unique one of its table); gives true once `visit` does.
  template <class Visit>
  bool any_holder(const TypedTable& table, std::size_t unique_index, std::string_view unique_key,
                  Visit&& visit) const {
    const auto [begin, end] = holders_.equal_range(holder_key(table, unique_index, unique_key));
    for (auto holder = begin; holder != end; ++holder)
      if (visit(holder->second)) return true;
    return false;
  }

 private:
  using Place = Changes::iterator;
  // Rows often come in the order of their keys.
  bool is_behind_all(std::string_view key) const {
    return changes_.empty() || changes_.rbegin()->first < key;
  }
  Place place_of(const TypedTablePointer& table, std::string_view key, Lsn replaces);
  void set_row(Place place, std::optional<std::string> row, std::vector<std::string> unique_keys);
  static std::string holder_key(const TypedTable& table, std::size_t unique_index,
                                std::string_view unique_key);

  Changes changes_;
  // Rows by what stands in unique indexes.
  std::unordered_multimap<std::string, std::string_view> holders_;
  std::size_t bytes_ = 0;
};

}  // namespace kimdb::database::sql
