#include "database/sql/key_batch.h"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "database/sql/inspection.h"
#include "database/sql/row_cursor.h"
#include "engine/row_key.h"

namespace kimdb::database::sql {

using engine::ColumnType;
using engine::SqlValue;

namespace {

// The first batch, and the longest one.
constexpr std::size_t kBatch = 16;
constexpr std::size_t kBatchMax = 256;
// So often the same source, and it is believed to be the one.
constexpr int kRepeats = 4;
// After so many, in batches that are done, at least half must have been asked for.
constexpr std::uint64_t kTrial = 8 * kBatch;
// A table is gathered after so many lookups, and at least half as many as it has rows.
constexpr std::uint64_t kGatherAfter = 1024;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

// Whether a whole number is compared with the column as it is (compared_value).
bool takes_numbers(engine::ColumnType type) {
  return type == ColumnType::integer || type == ColumnType::bigint || type == ColumnType::real ||
         type == ColumnType::decimal;
}

bool has_whole_number_for_key(const engine::TableSchema& schema) {
  if (schema.primary_key.size() != 1) return false;
  const ColumnType type = schema.columns[schema.primary_key[0]].type;
  return type == ColumnType::integer || type == ColumnType::bigint;
}

}  // namespace

KeyBatch::KeyBatch(TypedTablePointer table)
    : table_(std::move(table)),
      gather_after_(has_whole_number_for_key(table_->schema()) ? kGatherAfter : kNever) {}

// Whether the value comes from where the last ones came from.
bool KeyBatch::is_expected(const Execution& execution) {
  const Execution::LastRead& read = execution.last_read;
  if (read.rows == nullptr || execution.view == nullptr) return false;
  if (read.rows != source_.rows || read.place != source_.place) {
    source_ = read;
    repeats_ = 0;
    first_ = looked_up_ = used_ = 0;
    size_ = 0;
    given_.clear();
  }
  if (looked_up_ >= kTrial && used_ < looked_up_ / 2) return false;
  return ++repeats_ > kRepeats;
}

const FoundRow* KeyBatch::find(Execution& execution, const SqlValue& given) {
  const engine::TableSchema& schema = table_->schema();
  const bool is_number = given.kind == SqlValue::Kind::integer &&
                         takes_numbers(schema.columns[schema.primary_key[0]].type);
  if (!is_number || !is_expected(execution)) return nullptr;
  const std::uint64_t number = source_.rows->number();
  if (number < first_ || number >= first_ + given_.size()) look_up(execution);
  if (number >= first_ + given_.size()) return nullptr;
  const auto place = static_cast<std::size_t>(number - first_);
  if (given_[place] != given.integer) {
    repeats_ = 0;
    return nullptr;
  }
  ++used_;
  return &rows_[place];
}

void KeyBatch::look_up(Execution& execution) {
  const TypedTable& outer = source_.rows->table();
  size_ = std::min(size_ == 0 ? kBatch : 2 * size_, kBatchMax);
  looked_up_ += std::max<std::size_t>(given_.size(), 1);
  first_ = source_.rows->number();
  given_.clear();
  for (const FoundRow& row : source_.rows->rows_ahead()) {
    if (given_.size() == size_) break;
    const SqlValue value = outer.column({outer.layout(), row.bytes()}, source_.place);
    if (value.kind != SqlValue::Kind::integer) break;
    given_.push_back(value.integer);
  }
  if (given_.empty()) return;
  rows_.resize(given_.size());
  total_ += given_.size();
  gather_when_due(execution);
  gathered_ ? look_up_in_gathered() : look_up_in_engine(execution);
}

void KeyBatch::look_up_in_engine(Execution& execution) {
  lookups_.resize(std::max(lookups_.size(), given_.size()));
  const std::span lookups = std::span(lookups_).first(given_.size());
  for (std::size_t i = 0; i < given_.size(); ++i) {
    lookups[i].key = table_->prefix();
    engine::append_row_key_part(lookups[i].key, SqlValue::of(given_[i]));
  }
  execution.engine.find(engine::kRows, *execution.view, lookups);
  for (std::size_t i = 0; i < given_.size(); ++i) {
    const engine::KeyLookup& lookup = lookups[i];
    execution.reads_key(lookup.key);
    rows_[i] = execution.changed_before(lookup.key)
                   .value_or(lookup.entry == nullptr ? FoundRow() : FoundRow(*lookup.entry));
  }
}

void KeyBatch::look_up_in_gathered() {
  for (const std::int64_t number : given_) gathered_->prefetch(number);
  for (std::size_t i = 0; i < given_.size(); ++i) {
    rows_[i] = gathered_->find(given_[i]);
    rows_[i].prefetch();
  }
}

void KeyBatch::gather_when_due(Execution& execution) {
  if (gathered_ || total_ < gather_after_) return;
  const std::size_t rows = size_of(execution.engine, *table_).rows;
  const std::size_t changed = execution.before == nullptr ? 0 : execution.before->changes().size();
  const std::uint64_t enough = (rows + changed) / 2;
  if (total_ < enough)
    gather_after_ = enough;
  else
    gather(execution, rows);
}

void KeyBatch::gather(Execution& execution, std::size_t expected_rows) {
  gather_after_ = kNever;
  RowsByNumber all(execution.engine, execution.memory);
  RowCursor rows(table_);
  if (!all.reserve(expected_rows) || !rows.begin_range(execution, {table_->prefix(), {}})) return;
  const std::uint32_t place = table_->schema().primary_key[0];
  while (!rows.at_end()) {
    // There were more of them as of the view than there are now.
    if (all.size() > 2 * total_) {
      gather_after_ = 2 * total_;
      return;
    }
    const SqlValue number = table_->column({table_->layout(), rows.row().bytes()}, place);
    if (!all.insert(number.integer, rows.row()) || !rows.next()) return;
  }
  gathered_.emplace(std::move(all));
}

}  // namespace kimdb::database::sql
