#include "database/sql/key_batch.h"

#include <algorithm>
#include <span>
#include <string>

#include "database/sql/row_cursor.h"
#include "engine/row_key.h"

namespace kimdb::database::sql {

using engine::SqlValue;

namespace {

// The first batch, and the longest one.
constexpr std::size_t kBatch = 16;
constexpr std::size_t kBatchMax = 256;
// So often the same source, and it is believed to be the one.
constexpr int kRepeats = 4;
// After so many, in batches that are done, at least half must have been asked for.
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
  const auto place = static_cast<std::size_t>(number - first_);
  if (given_[place] != given.integer) {
    repeats_ = 0;
    return nullptr;
  }
  ++used_;
  return &rows_[place];
}

void KeyBatch::look_up(Execution& execution, const TypedTable& table) {
  const TypedTable& outer = source_.rows->table();
  size_ = std::min(size_ == 0 ? kBatch : 2 * size_, kBatchMax);
  looked_up_ += std::max<std::size_t>(count_, 1);
  first_ = source_.rows->number();
  count_ = 0;
  given_.resize(size_);
  rows_.resize(size_);
  lookups_.resize(size_);
  for (const FoundRow& row : source_.rows->rows_ahead()) {
    if (count_ == size_) break;
    const SqlValue value = outer.column({outer.layout(), row.bytes()}, source_.place);
    if (value.kind != SqlValue::Kind::integer) break;
    given_[count_] = value.integer;
    std::string& key = lookups_[count_++].key;
    key = table.prefix();
    engine::append_row_key_part(key, value);
  }
  if (count_ == 0) return;
  const std::span lookups = std::span(lookups_).first(count_);
  execution.engine.find(engine::kRows, *execution.view, lookups);
  for (std::size_t i = 0; i < count_; ++i) {
    const engine::KeyLookup& lookup = lookups[i];
    rows_[i] = execution.changed_before(lookup.key)
                   .value_or(lookup.entry == nullptr ? FoundRow() : FoundRow(*lookup.entry));
  }
}

}  // namespace kimdb::database::sql
