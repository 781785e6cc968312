// The rows that a SELECT gives, until they are written as a reply. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sql_value.h"
#include "protocol/reply_writer.h"

namespace kimdb::database::sql {

class ResultSet {
 public:
  struct Column {
    std::string name;
    bool is_boolean = false;  // 0 and 1 are shown as false and true
    std::uint32_t scale = 0;  // numbers are shown with so many digits behind the point; 0: as many
                              // as they have
  };

  void add_column(Column column) { columns_.push_back(std::move(column)); }
  const std::vector<Column>& columns() const { return columns_; }
  std::size_t rows() const { return rows_; }
  std::size_t bytes() const { return bytes_.size(); }

  // The values of a row, one after the other.
  void add(const engine::SqlValue& value);
  void end_row() { ++rows_; }
  void clear() { *this = {}; }
  void clear_rows();

  // RESP and JSON: a list of rows, each a map of its columns. Lines: the columns' names, then the
  // rows, each a line of values with "|" between them.
  void write(protocol::ReplyWriter& reply) const;
  // In parts: whether names stand before the rows, as one element more, these, and the rows.
  static bool has_names(protocol::Format format) {
    return format == protocol::Format::text || format == protocol::Format::strict;
  }
  void write_names(protocol::ReplyWriter& reply) const;
  void write_rows(protocol::ReplyWriter& reply) const;

 private:
  // Calls visit(value) for each value, row by row.
  template <class Visit>
  void for_each(Visit&& visit) const;
  void write_maps(protocol::ReplyWriter& reply) const;
  void write_lines(protocol::ReplyWriter& reply) const;

  std::vector<Column> columns_;
  std::size_t rows_ = 0;
  // Of each value its kind, then a number's 8 bytes, or the length (u32) of bytes and the bytes.
  std::string bytes_;
};

}  // namespace kimdb::database::sql
