#include "engine/sort_key.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/ordered_bytes.h"

namespace kimdb::engine {

namespace {

using simdjson::dom::element_type;

constexpr char kEmptyArray = '\x08';
constexpr char kNull = '\x10';

void append_tag(std::string& out, char tag, bool descending) {
  out += descending ? static_cast<char>(~tag) : tag;
}

// Calls take(append) for each value, whose append(out, descending) makes its part, until it gives
// true.
template <class Take>
bool any_sort_value(const JsonElement& element, const FieldPath& path, std::size_t at, bool is_item,
                    Take& take) {
  const auto value = [&](const JsonElement& each) {
    return take([&](std::string& out, bool descending) { append_key_part(out, each, descending); });
  };
  const auto nothing = [&] { return take(append_null_part); };
  JsonElement child;
  if (at == path.size()) {
    if (!element.is_array() || is_item) return value(element);
    const simdjson::dom::array items(element);
    if (items.begin() == items.end())
      return take(
          [](std::string& out, bool descending) { append_tag(out, kEmptyArray, descending); });
    return std::any_of(items.begin(), items.end(), value);
  }
  if (element.is_object()) {
    if (element.at_key(path[at]).get(child) != simdjson::SUCCESS) return nothing();
    return any_sort_value(child, path, at + 1, false, take);
  }
  if (!element.is_array()) return nothing();
  const simdjson::dom::array items(element);
  if (const auto index = item_index(path[at]);
      index && items.at(*index).get(child) == simdjson::SUCCESS)
    return any_sort_value(child, path, at + 1, true, take);
  if (items.begin() == items.end()) return nothing();
  return std::any_of(items.begin(), items.end(), [&](const JsonElement& item) {
    return item.is_object() ? any_sort_value(item, path, at, false, take) : nothing();
  });
}

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

Result<SortOrder> read_typed_order(std::string_view text) {
  SortOrder order;
  for (std::string_view field : split_fields(text)) {
    const bool descending = field.starts_with('-');
    if (descending) field.remove_prefix(1);
    if (auto checked = check_field_path(field); !checked) return checked.error();
    FieldPath path = parse_field_path(field);
    if (std::any_of(order.begin(), order.end(),
                    [&](const SortField& before) { return before.path == path; }))
      return Error{ErrorCode::invalid_argument,
                   "the field \"" + std::string(field) + "\" is there twice"};
    order.push_back({std::move(path), descending});
  }
  return order;
}

void append_key_part(std::string& out, const JsonElement& value, bool descending) {
  const std::size_t start = out.size();
  switch (value.type()) {
    case element_type::NULL_VALUE:
      out += kNull;
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

void append_null_part(std::string& out, bool descending) { append_tag(out, kNull, descending); }

std::optional<unsigned char> take_key_part(std::string_view& key, bool descending) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned char>(descending ? ~key[i] : key[i]);
  };
  if (key.empty()) return std::nullopt;
  const unsigned char tag = byte(0);
  std::size_t size = 1;
  switch (tag) {
    case 0x08:
    case 0x10:
    case 0x60:
    case 0x61:
      break;
    case 0x20:
      size = kNumberBytes;
      break;
    case 0x30:
    case 0x40:
    case 0x50:  // text up to 00 00; a 00 in it is followed by ff
      while (size + 1 < key.size() && (byte(size) != 0 || byte(size + 1) != 0))
        size += byte(size) == 0 ? 2 : 1;
      size += 2;
      break;
    default:
      return std::nullopt;
  }
  if (size > key.size()) return std::nullopt;
  key.remove_prefix(size);
  return tag;
}

void append_sort_key(std::string& out, const JsonElement& document, const SortOrder& order) {
  for (const SortField& field : order) {
    const std::size_t start = out.size();
    bool is_first = true;
    const auto take = [&](auto&& append) {
      const std::size_t end = out.size();
      append(out, field.descending);
      if (!std::exchange(is_first, false)) {
        const std::string_view parts(out);
        if (parts.substr(end) < parts.substr(start, end - start))
          out.erase(start, end - start);
        else
          out.resize(end);
      }
      return false;
    };
    any_sort_value(document, field.path, 0, false, take);
  }
}

void sort_parts(std::vector<std::string>& parts) {
  std::sort(parts.begin(), parts.end());
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
}

void add_sort_parts(std::vector<std::string>& parts, const JsonElement& document,
                    const SortField& field, std::size_t count_max) {
  const auto take = [&](auto&& append) {
    append(parts.emplace_back(), field.descending);
    if (parts.size() < 2 * count_max) return false;
    sort_parts(parts);  // many may be alike
    return parts.size() > count_max;
  };
  any_sort_value(document, field.path, 0, false, take);
  sort_parts(parts);
}

}  // namespace kimdb::engine
