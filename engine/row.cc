#include "engine/row.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace kimdb::engine {

namespace {

constexpr std::size_t kHeadBytes = 6;
constexpr std::uint32_t kEndBytes = 4;

std::uint32_t fixed_bytes(ColumnType type) {
  switch (type) {
    case ColumnType::integer:
      return 4;
    case ColumnType::bigint:
    case ColumnType::timestamp:
    case ColumnType::real:
      return 8;
    case ColumnType::decimal:
      return 9;
    case ColumnType::boolean:
      return 1;
    case ColumnType::text:
    case ColumnType::json:
    case ColumnType::blob:
      return 0;
  }
  return 0;
}

std::size_t null_bytes(std::size_t columns) { return (columns + 7) / 8; }

template <class Number>
void store(std::string& out, std::size_t at, Number value) {
  std::memcpy(out.data() + at, &value, sizeof value);
}

template <class Number>
Number load(std::string_view bytes, std::size_t at) {
  Number value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

void store_fixed(std::string& out, std::size_t at, ColumnType type, const SqlValue& value) {
  switch (type) {
    case ColumnType::integer:
      return store(out, at, static_cast<std::int32_t>(value.integer));
    case ColumnType::boolean:
      return store(out, at, static_cast<std::uint8_t>(value.integer));
    case ColumnType::real:
      return store(out, at, value.real);
    case ColumnType::decimal: {
      const bool is_real = value.kind == SqlValue::Kind::real;
      store(out, at, static_cast<std::uint8_t>(is_real));
      return is_real ? store(out, at + 1, value.real) : store(out, at + 1, value.integer);
    }
    default:
      return store(out, at, value.integer);
  }
}

SqlValue load_fixed(std::string_view row, std::size_t at, ColumnType type) {
  switch (type) {
    case ColumnType::integer:
      return SqlValue::of(std::int64_t{load<std::int32_t>(row, at)});
    case ColumnType::boolean:
      return SqlValue::of(std::int64_t{load<std::uint8_t>(row, at)});
    case ColumnType::real:
      return SqlValue::of(load<double>(row, at));
    case ColumnType::decimal:
      return row[at] != 0 ? SqlValue::of(load<double>(row, at + 1))
                          : SqlValue::of(load<std::int64_t>(row, at + 1));
    default:
      return SqlValue::of(load<std::int64_t>(row, at));
  }
}

}  // namespace

RowLayout::RowLayout(std::span<const Column> columns) {
  for (const Column& column : columns) {
    places_.push_back({column.type, is_fixed(column.type) ? fixed_ : variable_});
    fixed_ = static_cast<std::uint16_t>(fixed_ + fixed_bytes(column.type));
    if (!is_fixed(column.type)) ++variable_;
  }
}

std::string encode_row(const RowLayout& layout, std::span<const SqlValue> values) {
  KIMDB_CHECK(values.size() == layout.size());
  const std::size_t values_at = kHeadBytes + null_bytes(values.size());
  const std::size_t ends_at = values_at + layout.fixed_;
  const std::size_t bytes_at = ends_at + kEndBytes * layout.variable_;
  std::string out(bytes_at, '\0');
  store(out, 0, static_cast<std::uint16_t>(values.size()));
  store(out, 2, layout.fixed_);
  store(out, 4, layout.variable_);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto [type, offset] = layout.places_[i];
    const SqlValue& value = values[i];
    if (value.is_null())
      out[kHeadBytes + i / 8] = static_cast<char>(out[kHeadBytes + i / 8] | 1 << i % 8);
    else if (is_fixed(type))
      store_fixed(out, values_at + offset, type, value);
    else
      out += value.bytes;
    if (!is_fixed(type))
      store(out, ends_at + kEndBytes * offset, static_cast<std::uint32_t>(out.size() - bytes_at));
  }
  return out;
}

SqlValue RowView::column(std::size_t place) const {
  if (place >= count_ || (row_[kHeadBytes + place / 8] >> place % 8 & 1) != 0) return {};
  const auto [type, offset] = layout_->places_[place];
  if (is_fixed(type)) {
    const std::size_t at = values_at_ + offset;
    if (at + fixed_bytes(type) > ends_at_) return {};
    return load_fixed(row_, at, type);
  }
  const std::size_t at = ends_at_ + kEndBytes * offset;
  if (at + kEndBytes > bytes_at_) return {};
  const std::size_t begin = offset == 0 ? 0 : load<std::uint32_t>(row_, at - kEndBytes);
  const std::size_t end = load<std::uint32_t>(row_, at);
  if (begin > end || end > row_.size() - bytes_at_) return {};
  const std::string_view bytes = row_.substr(bytes_at_ + begin, end - begin);
  return type == ColumnType::blob ? SqlValue::blob(bytes) : SqlValue::text(bytes);
}

}  // namespace kimdb::engine
