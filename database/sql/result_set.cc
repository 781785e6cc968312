#include "database/sql/result_set.h"

#include <cmath>
#include <cstring>

#include "database/sql/number_text.h"

namespace kimdb::database::sql {

using engine::SqlValue;
using Kind = SqlValue::Kind;

namespace {

template <class Number>
void append_raw(std::string& out, Number number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out.append(bytes, sizeof number);
}

template <class Number>
Number take_raw(const char*& at) {
  Number number;
  std::memcpy(&number, at, sizeof number);
  at += sizeof number;
  return number;
}

// What `out`, a reply or a line of cells, shows for a number of the column.
template <class Out>
void write_number(Out& out, const ResultSet::Column& column, const SqlValue& value) {
  const bool is_whole = value.kind == Kind::integer;
  if (is_whole && column.is_boolean)
    out.boolean(value.integer != 0);
  else if (!is_whole && !std::isfinite(value.real))
    out.double_value(value.real);
  else if (column.scale != 0)
    out.number(decimal_text(value, column.scale));
  else
    is_whole ? out.integer(value.integer) : out.number(real_text(value.real));
}

}  // namespace

void ResultSet::add(const SqlValue& value) {
  bytes_ += static_cast<char>(value.kind);
  switch (value.kind) {
    case Kind::null:
      return;
    case Kind::integer:
      return append_raw(bytes_, value.integer);
    case Kind::real:
      return append_raw(bytes_, value.real);
    case Kind::text:
    case Kind::blob:
      append_raw(bytes_, static_cast<std::uint32_t>(value.bytes.size()));
      bytes_ += value.bytes;
  }
}

template <class Visit>
void ResultSet::for_each(Visit&& visit) const {
  const char* at = bytes_.data();
  const char* const end = at + bytes_.size();
  while (at != end) {
    const Kind kind = static_cast<Kind>(*at++);
    switch (kind) {
      case Kind::null:
        visit(SqlValue());
        break;
      case Kind::integer:
        visit(SqlValue::of(take_raw<std::int64_t>(at)));
        break;
      case Kind::real:
        visit(SqlValue::of(take_raw<double>(at)));
        break;
      case Kind::text:
      case Kind::blob: {
        const auto size = take_raw<std::uint32_t>(at);
        const std::string_view bytes(at, size);
        visit(kind == Kind::text ? SqlValue::text(bytes) : SqlValue::blob(bytes));
        at += size;
        break;
      }
    }
  }
}

void ResultSet::clear_rows() {
  rows_ = 0;
  bytes_.clear();
}

void ResultSet::write(protocol::ReplyWriter& reply) const {
  const bool names = has_names(reply.format());
  reply.array(rows_ + (names ? 1 : 0));
  if (names) write_names(reply);
  write_rows(reply);
}

void ResultSet::write_names(protocol::ReplyWriter& reply) const {
  protocol::ReplyWriter::Cells cells;
  for (const Column& column : columns_) cells.text(column.name);
  reply.cells(cells);
}

void ResultSet::write_rows(protocol::ReplyWriter& reply) const {
  has_names(reply.format()) ? write_lines(reply) : write_maps(reply);
}

void ResultSet::write_maps(protocol::ReplyWriter& reply) const {
  std::size_t column = 0;
  for_each([&](const SqlValue& value) {
    if (column == 0) reply.map(columns_.size());
    const Column& of = columns_[column];
    column = (column + 1) % columns_.size();
    reply.bulk(of.name);
    switch (value.kind) {
      case Kind::null:
        return reply.null();
      case Kind::integer:
      case Kind::real:
        return write_number(reply, of, value);
      default:
        return reply.bulk(value.bytes);
    }
  });
}

void ResultSet::write_lines(protocol::ReplyWriter& reply) const {
  protocol::ReplyWriter::Cells cells;
  std::size_t column = 0;
  for_each([&](const SqlValue& value) {
    if (column == 0) cells = {};
    const Column& of = columns_[column];
    column = (column + 1) % columns_.size();
    switch (value.kind) {
      case Kind::null:
        cells.null();
        break;
      case Kind::integer:
      case Kind::real:
        write_number(cells, of, value);
        break;
      default:
        cells.text(value.bytes);
    }
    if (column == 0) reply.cells(cells);
  });
}

}  // namespace kimdb::database::sql
