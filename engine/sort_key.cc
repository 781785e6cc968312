#include "engine/sort_key.h"

#include <cstdint>
#include <optional>

#include "engine/ordered_bytes.h"

namespace kimdb::engine {

namespace {

using simdjson::dom::element_type;

}  // namespace

Result<SortOrder> parse_sort_order(std::string_view text) {
  SortOrder order;
  for (std::size_t end = 0; end != std::string_view::npos; text.remove_prefix(end + 1)) {
    end = text.find(',');
    std::string_view field = text.substr(0, end);
    const bool descending = field.starts_with('-');
    if (descending) field.remove_prefix(1);
    if (field.empty()) return Error{ErrorCode::invalid_argument, "a field's name is missing"};
    order.push_back({parse_field_path(field), descending});
    if (end == std::string_view::npos) break;
  }
  return order;
}

void append_key_part(std::string& out, const JsonElement& value, bool descending) {
  const std::size_t start = out.size();
  switch (value.type()) {
    case element_type::NULL_VALUE:
      out += '\x10';
      break;
    case element_type::INT64:
      append_number(out, std::int64_t{value.get_int64().value_unsafe()});
      break;
    case element_type::UINT64:
      append_number(out, std::uint64_t{value.get_uint64().value_unsafe()});
      break;
    case element_type::DOUBLE:
      append_number(out, value.get_double().value_unsafe());
      break;
    case element_type::STRING:
      append_text(out, '\x30', value.get_string().value_unsafe());
      break;
    case element_type::OBJECT:
      append_text(out, '\x40', simdjson::minify(value));
      break;
    case element_type::ARRAY:
      append_text(out, '\x50', simdjson::minify(value));
      break;
    case element_type::BOOL:
      out += value.get_bool().value_unsafe() ? '\x61' : '\x60';
      break;
  }
  if (descending) invert_from(out, start);
}

void append_sort_key(std::string& out, const JsonElement& document, const SortOrder& order) {
  for (const SortField& field : order) {
    std::optional<JsonElement> first;
    const auto take = [&](const JsonElement& value) {
      const int difference = first ? compare(value, *first) : 0;
      if (!first || (field.descending ? difference > 0 : difference < 0)) first = value;
      return false;
    };
    any_value(document, field.path, 0, [&](const JsonElement& value) {
      if (!value.is_array()) return take(value);
      for (const JsonElement item : simdjson::dom::array(value)) take(item);
      return false;
    });
    if (first)
      append_key_part(out, *first, field.descending);
    else
      out += field.descending ? static_cast<char>(~0x10) : '\x10';
  }
}

}  // namespace kimdb::engine
