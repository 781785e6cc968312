// A row of a typed table as bytes, and its key.
//
// clang-format off
//   row     := count u16, fixed u16, variable u16, nulls, values, ends, bytes      all numbers little endian; how many
//              columns, how many bytes of `values`, how many `ends`
//   nulls   := a bit for each of the `count` columns that the table had when the row was written, in bytes; set: null
//   values  := of each column of fixed size its value, null or not:
//              INT i32; BIGINT, TIMESTAMP i64; DOUBLE f64; BOOLEAN u8; DECIMAL u8 (0 a whole number, 1 a double), 8 bytes
//   ends    := of each other column u32: where its bytes end, from the beginning of `bytes`
//
//   key     := the table's number u32, big endian, then the parts of the primary key (engine/row_key.h)
// clang-format on
//
// A column is read where it lies, without a copy. A column that came later than the row is not in
// it: the schema says what it shows. Who knows an earlier schema than the row's reads the columns
// that it knows, since columns keep their places: indexes do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/schema.h"
#include "engine/sql_value.h"

namespace kimdb::engine {

// Where the columns of a table lie in its rows. Immutable; of one schema.
class RowLayout {
 public:
  explicit RowLayout(std::span<const Column> columns);

  std::size_t size() const { return places_.size(); }

 private:
  friend class RowView;
  friend std::string encode_row(const RowLayout& layout, std::span<const SqlValue> values);

  struct Place {
    ColumnType type;
    std::uint32_t offset;  // of fixed size: from the end of the nulls; else: the how manieth
  };
  std::vector<Place> places_;
  std::uint16_t fixed_ = 0;     // bytes
  std::uint16_t variable_ = 0;  // columns
};

// The values in the order of all columns, dropped ones among them (null), each of its column's
// type: numbers for numbers and TIMESTAMP, 0 or 1 for BOOLEAN.
std::string encode_row(const RowLayout& layout, std::span<const SqlValue> values);

// A row, borrowed. What is read past its end is null: damaged bytes crash nothing.
class RowView {
 public:
  RowView() = default;
  RowView(const RowLayout& layout, std::string_view row) : layout_(&layout), row_(row) {
    std::uint16_t head[3] = {};
    if (row.size() < sizeof head) return;
    std::memcpy(head, row.data(), sizeof head);
    values_at_ = static_cast<std::uint32_t>(sizeof head + (head[0] + 7u) / 8);
    ends_at_ = values_at_ + head[1];
    bytes_at_ = ends_at_ + 4u * head[2];
    if (bytes_at_ <= row.size()) count_ = head[0];
  }

  // Whether the row has the column.
  bool has(std::size_t place) const { return place < count_; }
  // Null of a column that it does not have.
  SqlValue column(std::size_t place) const;

 private:
  const RowLayout* layout_ = nullptr;
  std::string_view row_;
  std::size_t count_ = 0;
  std::uint32_t values_at_ = 0;
  std::uint32_t ends_at_ = 0;
  std::uint32_t bytes_at_ = 0;
};

}  // namespace kimdb::engine
