#include "engine/row_key.h"

#include <cmath>

#include "engine/ordered_bytes.h"

namespace kimdb::engine {

std::string row_prefix(std::uint32_t table) {
  std::string prefix;
  append_big_endian(prefix, table, kRowPrefixBytes);
  return prefix;
}

std::uint32_t row_table(std::string_view key) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < kRowPrefixBytes; ++i)
    number = number << 8 | static_cast<unsigned char>(key[i]);
  return number;
}

std::optional<RowGroup> row_group(std::string_view key) {
  if (key.size() != kRowPrefixBytes + kNumberBytes) return std::nullopt;
  const auto number = read_number(key.substr(kRowPrefixBytes));
  // Beyond these numbers those that follow each other are no longer one apart.
  constexpr double kLimit = 0x1p53;
  if (!number || !(*number > -kLimit && *number < kLimit)) return std::nullopt;
  return RowGroup{row_table(key),
                  static_cast<std::uint64_t>(static_cast<std::int64_t>(std::floor(*number)) >> 6)};
}

void append_row_key_part(std::string& out, const SqlValue& value, bool descending) {
  const std::size_t start = out.size();
  switch (value.kind) {
    case SqlValue::Kind::null:
      out += '\x10';
      break;
    case SqlValue::Kind::integer:
      append_number(out, value.integer);
      break;
    case SqlValue::Kind::real:
      append_number(out, value.real);
      break;
    case SqlValue::Kind::text:
      append_text(out, '\x30', value.bytes);
      break;
    case SqlValue::Kind::blob:
      append_text(out, '\x40', value.bytes);
      break;
  }
  if (descending) invert_from(out, start);
}

}  // namespace kimdb::engine
