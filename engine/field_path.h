// The path of a field, "address.city", and the values that it leads to in a document, as MongoDB's
// matching goes (docs/documents.md):
//
//   from an object     to the member of that name; where there is none, to nothing
//   from an array      into each of its objects, each as from an object; a number leads to its item
//                      as well, from 0. Other items are passed over: an array within an array is
//                      only entered by a number
//   from another value to nothing
//
// "Nothing" is told, too: what is missing is compared as null is. An array without objects on the
// way tells not even that.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/json_reader.h"

namespace kimdb::engine {

// "address.city" is {"address", "city"}.
using FieldPath = std::vector<std::string>;
FieldPath parse_field_path(std::string_view path);
// What stands between commas, without the blanks around it.
std::vector<std::string_view> split_fields(std::string_view text);
// Whether that is what it looks like, where somebody has typed it for SORT, FIELDS or an index: no
// wildcard or operator, no list of another language ("age:-1", "age desc"), no empty name.
Status check_field_path(std::string_view path);
// Of a name that picks an item: "0", "17", not "01".
std::optional<std::size_t> item_index(std::string_view name);

enum class FoundAs {
  nothing,
  member,  // an array's items count as well as the array itself
  item,    // that a number has picked: of an array only the whole
};

// Calls visit(FoundAs, element) for all that the path leads to; stops and gives true once `visit`
// does. The document is an object, or an array that is taken for one whose names are its indexes.
template <class Visit>
bool any_value(const JsonElement& document, const FieldPath& path, Visit&& visit);

// --- how ---

template <class Visit>
class PathWalk {
 public:
  PathWalk(const FieldPath& path, Visit& visit) : path_(path), visit_(visit) {}

  bool from_document(const JsonElement& document) {
    if (document.is_object()) return from_object(document, 0);
    JsonElement child;
    const auto index = item_index(path_[0]);
    if (!index || !document.is_array() ||
        simdjson::dom::array(document).at(*index).get(child) != simdjson::SUCCESS)
      return nothing();
    return from_member(child, 1);
  }

 private:
  // Names from path_[at] on are still to go.
  bool from_object(const JsonElement& object, std::size_t at) {
    JsonElement child;
    if (object.at_key(path_[at]).get(child) != simdjson::SUCCESS) return nothing();
    return from_member(child, at + 1);
  }
  bool from_member(const JsonElement& element, std::size_t at) {
    if (at == path_.size()) return visit_(FoundAs::member, element);
    if (element.is_object()) return from_object(element, at);
    if (!element.is_array()) return nothing();
    if (item_index(path_[at])) return from_places(element, {at}, FoundAs::member);
    for (const JsonElement item : simdjson::dom::array(element))
      if (item.is_object() && from_object(item, at)) return true;
    return false;
  }

  // The same from several places of the path at once, rising: a number may be an item's, and a name
  // in it. One after the other they would be 2^n ways.
  using Places = std::vector<std::size_t>;
  bool from_places(const JsonElement& element, Places places, FoundAs as) {
    if (places.back() == path_.size()) {
      if (visit_(as, element)) return true;
      places.pop_back();
      if (places.empty()) return false;
    }
    if (element.is_object()) return from_names(element, std::move(places));
    if (!element.is_array()) return as == FoundAs::member && nothing();
    std::size_t number = 0;
    for (const JsonElement item : simdjson::dom::array(element)) {
      Places next;
      for (const std::size_t at : places) {
        if (item.is_object() && (next.empty() || next.back() != at)) next.push_back(at);
        if (item_index(path_[at]) == number) next.push_back(at + 1);
      }
      ++number;
      if (!next.empty() && from_places(item, std::move(next), FoundAs::item)) return true;
    }
    return false;
  }
  bool from_names(const JsonElement& object, Places places) {
    while (!places.empty()) {
      const std::string& name = path_[places.front()];
      Places next;
      std::erase_if(places, [&](std::size_t at) {
        if (path_[at] != name) return false;
        next.push_back(at + 1);
        return true;
      });
      JsonElement child;
      const bool found = object.at_key(name).get(child) == simdjson::SUCCESS;
      if (found ? from_places(child, std::move(next), FoundAs::member) : nothing()) return true;
    }
    return false;
  }

  bool nothing() { return visit_(FoundAs::nothing, JsonElement()); }

  const FieldPath& path_;
  Visit& visit_;
};

template <class Visit>
bool any_value(const JsonElement& document, const FieldPath& path, Visit&& visit) {
  return PathWalk<std::remove_reference_t<Visit>>(path, visit).from_document(document);
}

}  // namespace kimdb::engine
