#include "database/sql/key_batch.h"

#include <algorithm>

#include "database/sql/row_cursor.h"
#include "engine/row_key.h"

namespace kimdb::database::sql {

using engine::SqlValue;

namespace {

constexpr std::size_t kBatch = 16;
// So often the same source, and it is believed to be the one.
constexpr int kRepeats = 4;
// After so many, at least half of them must have been asked for.
constexpr std::uint64_t kTrial = 8 * kBatch;

// Whether a whole number is compared with the column as it is (compared_value).
bool takes_numbers(engine::ColumnType type) {
  using engine::ColumnType;
  return type == ColumnType::integer || type == ColumnType::bigint || type == ColumnType::real ||
         type == ColumnType::decimal;
}

}  // namespace

// Whether the value comes from where the last ones came from.
bool KeyBatch::is_expected(const Execution& execution) {
  const Execution::LastRead& read = execution.last_read;
  if (read.rows == nullptr || execution.view == nullptr) return false;
  if (read.rows != source_.rows || read.place != source_.place) {
    *this = {};
    source_ = read;
  }
  if (looked_up_ >= kTrial && used_ < looked_up_ / 2) return false;
  return ++repeats_ > kRepeats;
}

const FoundRow* KeyBatch::find(Execution& execution, const TypedTable& table,
                               const SqlValue& given) {
  const bool is_number = given.kind == SqlValue::Kind::integer &&
                         takes_numbers(table.schema().columns[table.schema().primary_key[0]].type);
  if (!is_number || !is_expected(execution)) return nullptr;
  const std::uint64_t number = source_.rows->number();
  if (number < first_ || number >= first_ + count_) look_up(execution, table);
  if (number >= first_ + count_) return nullptr;
  const Found& found = found_[static_cast<std::size_t>(number - first_)];
  if (found.given != given.integer) {
    repeats_ = 0;
    return nullptr;
  }
  ++used_;
  return &found.row;
}

void KeyBatch::look_up(Execution& execution, const TypedTable& table) {
  const TypedTable& outer = source_.rows->table();
  first_ = source_.rows->number();
  count_ = 0;
  found_.resize(kBatch);
  for (const FoundRow& row : source_.rows->rows_ahead()) {
    if (count_ == kBatch) break;
    const SqlValue value = outer.column({outer.layout(), row.bytes()}, source_.place);
    if (value.kind != SqlValue::Kind::integer) break;
    Found& found = found_[count_++];
    found.given = value.integer;
    found.key = table.prefix();
    engine::append_row_key_part(found.key, value);
    found.hash = execution.engine.hash(engine::kRows, found.key);
    execution.engine.prefetch(engine::kRows, found.hash);
  }
  for (std::size_t i = 0; i < count_; ++i)
    execution.engine.prefetch_entry(engine::kRows, found_[i].hash);
  for (std::size_t i = 0; i < count_; ++i) found_[i].row = execution.find(found_[i].key);
  looked_up_ += count_;
}

}  // namespace kimdb::database::sql
