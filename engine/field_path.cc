#include "engine/field_path.h"

#include <array>
#include <charconv>

#include "base/ascii.h"

namespace kimdb::engine {

FieldPath parse_field_path(std::string_view path) {
  FieldPath names;
  for (;;) {
    const std::size_t dot = path.find('.');
    names.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return names;
    path.remove_prefix(dot + 1);
  }
}

std::vector<std::string_view> split_fields(std::string_view text) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t comma = text.find(',');
    std::string_view field = text.substr(0, comma);
    while (field.starts_with(' ')) field.remove_prefix(1);
    while (field.ends_with(' ')) field.remove_suffix(1);
    fields.push_back(field);
    if (comma == std::string_view::npos) return fields;
    text.remove_prefix(comma + 1);
  }
}

Status check_field_path(std::string_view path) {
  const auto refused = [&](std::string_view why) {
    return Error{ErrorCode::invalid_argument,
                 "\"" + std::string(path) + "\" is no field's name: " + std::string(why)};
  };
  constexpr std::array<std::string_view, 4> kDirections = {"asc", "desc", "1", "-1"};
  if (path.empty()) return Error{ErrorCode::invalid_argument, "a field's name is missing"};
  if (std::string_view("+-{[(\"'").find(path[0]) != std::string_view::npos)
    return refused("a name stands bare, but for one - before it in SORT and indexes");
  const std::size_t end = path.find_last_of(": ");
  if (end != std::string_view::npos)
    for (const std::string_view direction : kDirections)
      if (equals_ignoring_case(path.substr(end + 1), direction))
        return refused("a field that falls is written -age, one that rises age");
  for (const std::string& name : parse_field_path(path)) {
    if (name.empty()) return refused("between its dots something is missing");
    if (name == "*" || name.starts_with('$'))
      return refused("it has a wildcard or an operator in it");
  }
  return {};
}

std::optional<std::size_t> item_index(std::string_view name) {
  if (name.empty() || name[0] < '0' || name[0] > '9' || (name[0] == '0' && name.size() > 1))
    return std::nullopt;
  std::size_t index = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, index);
  if (error != std::errc() || stop != end) return std::nullopt;
  return index;
}

}  // namespace kimdb::engine
