#include "database/sql/foreign_actions.h"

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "database/sql/column_value.h"
#include "database/sql/constraints.h"
#include "database/sql/row_cursor.h"
#include "database/sql/row_writer.h"
#include "database/sql/sqlite_handle.h"
#include "database/sql/statement_memory.h"
#include "database/sql/typed_module.h"
#include "engine/ordered_bytes.h"

namespace kimdb::database::sql {

namespace {

using engine::ForeignKey;
using engine::SqlValue;
using Action = ForeignKey::Action;

// All that is to be done to one row; in the order in which it was found.
struct Following {
  TypedTablePointer table;
  std::string key;
  FoundRow row;  // as the statement has found it; one that it has changed itself is found anew
  bool is_removed = false;
  std::vector<SqlValue> given;  // of each visible column
  std::vector<bool> changed;
  std::deque<std::string> kept;
};

// One step: what follows directly from the changes.
class Step {
 public:
  Step(SqliteHandle& handle, Execution& execution) : handle_(handle), execution_(execution) {}

  Status find(const Execution::ParentChange& change) {
    const engine::TableSchema& parent = change.table->schema();
    const auto [begin, end] =
        execution_.catalog.references.equal_range(engine::schema_key(parent.name));
    const std::vector<SqlValue> before = values_of(*change.table, change.before);
    for (auto reference = begin; reference != end; ++reference) {
      const TypedTablePointer& child = reference->second.from;
      const ForeignKey& key = child->schema().foreign_keys[reference->second.foreign_key];
      const std::vector<std::uint32_t> places = referenced_places(parent, key);
      const std::vector<SqlValue> referenced = at_places(before, places);
      if (any_null(referenced)) continue;
      Sought sought{
          child, reference->second.foreign_key, referenced, key_parts(referenced, {}), {}};
      if (change.after) {
        sought.parent = at_places(values_of(*change.table, *change.after), places);
        if (key_parts(*sought.parent, {}) == sought.parts) continue;
      }
      if ((change.after ? key.on_update : key.on_delete) == Action::none) continue;
      KIMDB_RETURN_IF_ERROR(find_rows(sought));
    }
    return {};
  }

  Status apply() {
    for (const Following& each : following_) {
      if (execution_.must_stop()) return ended();
      const auto change = execution_.changes.changes().find(each.key);
      FoundRow row = each.row;
      if (change != execution_.changes.changes().end())
        row = change->second.row ? FoundRow(*change) : FoundRow();
      if (row.id() == 0) continue;
      RowWriter& writer = handle_.writer_of(each.table);
      if (each.is_removed)
        writer.remove_following(execution_, row);
      else
        KIMDB_RETURN_IF_ERROR(writer.follow(execution_, row, each.given, each.changed));
    }
    return {};
  }

 private:
  // Rows of `child` whose foreign key has these values.
  struct Sought {
    TypedTablePointer child;
    std::size_t foreign_key = 0;
    std::vector<SqlValue> values;
    std::string parts;                            // the same in a key
    std::optional<std::vector<SqlValue>> parent;  // what they are to refer to; none: it is gone

    const ForeignKey& key() const { return child->schema().foreign_keys[foreign_key]; }
    std::string parts_of(std::string_view row) const {
      return key_parts(at_places(values_of(*child, row), key().columns), {});
    }
  };

  static Error ended() { return {ErrorCode::unavailable, "the statement was ended"}; }

  Status find_rows(const Sought& sought) {
    const auto [begin, end] = changed_rows(sought).equal_range(sought.parts);
    for (auto row = begin; row != end; ++row) KIMDB_RETURN_IF_ERROR(add(sought, row->second, {}));
    if (execution_.view == nullptr) {
      execution_.needs_view = true;
      return ended();
    }
    RowCursor rows(sought.child);
    const engine::TableIndex* index = index_for(sought.child->schema(), sought.key());
    engine::IndexPlan plan;
    if (index != nullptr) plan.index = whole_index(handle_.engine(), *sought.child, *index);
    bool begun = false;
    if (plan.index == nullptr) {
      begun = rows.begin_range(execution_, {sought.child->prefix(), {}});
    } else {
      std::string from = key_parts(sought.values, index->descending);
      std::string to = engine::behind_all(from);
      plan.ranges.push_back({std::move(from), std::move(to)});
      begun = rows.begin_index(execution_, std::move(plan));
    }
    if (!begun) return ended();
    while (!rows.at_end()) {
      const FoundRow& row = rows.row();
      if (execution_.changes.find(row.key()) == nullptr &&
          sought.parts_of(row.bytes()) == sought.parts)
        KIMDB_RETURN_IF_ERROR(add(sought, std::string(row.key()), row));
      if (!rows.next()) return ended();
    }
    return {};
  }

  Status add(const Sought& sought, const std::string& key, FoundRow row) {
    const auto [place, is_new] = places_.try_emplace(key, following_.size());
    if (is_new) {
      const std::size_t columns = sought.child->visible().size();
      Following& made = following_.emplace_back();
      made.table = sought.child;
      made.key = key;
      made.row = row;
      made.given.resize(columns);
      made.changed.resize(columns);
      if (execution_.memory != nullptr &&
          !execution_.memory->take(sizeof made + key.size() + columns * sizeof(SqlValue)))
        return Error{ErrorCode::too_large,
                     "the statement changes more rows than sql.max_memory has room for"};
    }
    Following& following = following_[place->second];
    const ForeignKey& foreign = sought.key();
    const Action action = sought.parent ? foreign.on_update : foreign.on_delete;
    if (!sought.parent && action == Action::cascade) following.is_removed = true;
    if (following.is_removed) return {};
    const std::vector<std::uint32_t>& visible = sought.child->visible();
    for (std::size_t i = 0; i < foreign.columns.size(); ++i) {
      const auto at = static_cast<std::size_t>(
          std::lower_bound(visible.begin(), visible.end(), foreign.columns[i]) - visible.begin());
      SqlValue value;
      std::string shown;
      if (action == Action::cascade) {
        const engine::ColumnType type = sought.child->schema().columns[foreign.columns[i]].type;
        value = shown_value(type, (*sought.parent)[i], shown);
      } else if (action == Action::set_default) {
        const auto by_default = handle_.writer_of(sought.child).default_of(foreign.columns[i]);
        if (!by_default) return by_default.error();
        value = *by_default;
      }
      following.given[at] = kept_value(value, following.kept);
      following.changed[at] = true;
    }
    return {};
  }

  // The rows that the statement has put, by what their foreign key says.
  using RowsByParts = std::unordered_multimap<std::string, std::string>;
  const RowsByParts& changed_rows(const Sought& sought) {
    const auto [place, is_new] =
        changed_.try_emplace(std::pair(sought.child.get(), sought.foreign_key));
    if (!is_new) return place->second;
    const std::string& prefix = sought.child->prefix();
    const auto& changes = execution_.changes.changes();
    for (auto change = changes.lower_bound(prefix);
         change != changes.end() && change->first.starts_with(prefix); ++change)
      if (change->second.row)
        place->second.emplace(sought.parts_of(*change->second.row), change->first);
    return place->second;
  }

  SqliteHandle& handle_;
  Execution& execution_;
  std::deque<Following> following_;                      // values in it are views into it
  std::unordered_map<std::string, std::size_t> places_;  // in it, by keys
  std::map<std::pair<const TypedTable*, std::size_t>, RowsByParts> changed_;
};

// Rows take their new places once those that were there have left.
Status put_moved(Execution& execution) {
  for (Execution::Moved& moved : std::exchange(execution.moved, {})) {
    Lsn replaces = 0;
    bool taken = false;
    if (const WriteSet::Change* change = execution.changes.find(moved.key)) {
      taken = change->row.has_value();
    } else if (const auto version = execution.version_of(moved.key)) {
      taken = true;
      replaces = *version;
    }
    if (taken)
      return Error{ErrorCode::already_exists, "duplicate primary key in table " +
                                                  moved.table->schema().name +
                                                  ": a row would take the key of another one"};
    execution.changes.put(moved.table, moved.key, replaces, std::move(moved.row));
  }
  return {};
}

}  // namespace

bool has_actions(const CatalogState& catalog, const TypedTable& table) {
  const auto [begin, end] = catalog.references.equal_range(engine::schema_key(table.schema().name));
  return std::any_of(begin, end, [](const auto& reference) {
    const ForeignKey& key =
        reference.second.from->schema().foreign_keys[reference.second.foreign_key];
    return key.on_delete != Action::none || key.on_update != Action::none;
  });
}

Status settle(SqliteHandle& handle, Execution& execution) {
  for (;;) {
    KIMDB_RETURN_IF_ERROR(put_moved(execution));
    if (execution.parent_changes.empty()) return {};
    const std::vector<Execution::ParentChange> changes =
        std::exchange(execution.parent_changes, {});
    Step step(handle, execution);
    for (const Execution::ParentChange& change : changes) KIMDB_RETURN_IF_ERROR(step.find(change));
    KIMDB_RETURN_IF_ERROR(step.apply());
  }
}

}  // namespace kimdb::database::sql
