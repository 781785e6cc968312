#include "database/sql/plain_insert.h"

#include <algorithm>

namespace kimdb::database::sql {

using engine::SqlValue;

namespace {

constexpr std::size_t kRowsBetweenLooks = 64;

}  // namespace

std::optional<PlainInsert> PlainInsert::of(const Query& query, const CatalogState& catalog) {
  if (query.rows.width == 0 || query.explain != Query::Explain::no) return std::nullopt;
  PlainInsert insert;
  insert.table_ = catalog.find(query.table);
  if (insert.table_ == nullptr) return std::nullopt;
  const std::vector<std::uint32_t>& visible = insert.table_->visible();
  for (const std::string& name : query.columns) {
    const auto column = insert.table_->visible_column(name);
    if (!column) return std::nullopt;
    insert.targets_.push_back(*column);
    // Named twice.
    if (std::count(insert.targets_.begin(), insert.targets_.end(), insert.targets_.back()) > 1)
      return std::nullopt;
  }
  if (!query.names_columns)
    for (std::size_t i = 0; i < visible.size(); ++i) insert.targets_.push_back(i);
  if (insert.targets_.size() != query.rows.width) return std::nullopt;
  for (const ValueList::Value& value : query.rows.values) insert.parameters_ += value.is_parameter;
  return insert;
}

Status PlainInsert::run(const Query& query, Execution& execution, RowWriter& writer,
                        std::span<const SqlValue> parameters) const {
  std::vector<SqlValue> row(table_->visible().size());
  auto parameter = parameters.begin();
  auto value = query.rows.values.begin();
  for (std::size_t number = 0; value != query.rows.values.end(); ++number) {
    if (number % kRowsBetweenLooks == 0 && execution.must_stop()) break;
    for (const std::size_t target : targets_) {
      row[target] = value->is_parameter ? *parameter++ : value->literal;
      ++value;
    }
    KIMDB_RETURN_IF_ERROR(writer.insert(execution, row, query.on_conflict));
  }
  return {};
}

}  // namespace kimdb::database::sql
