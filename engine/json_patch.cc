#include "engine/json_patch.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace kimdb::engine {

namespace {

Error refused(std::string why) { return {ErrorCode::invalid_argument, std::move(why)}; }

// What append_json() would write, at most.
std::size_t written_size(const JsonNode& node) {
  std::size_t size = 2 + node.text.size();
  for (const JsonNode& item : node.items) size += 1 + written_size(item);
  for (const JsonMember& member : node.members)
    size += 2 + member.written_name.size() + written_size(member.value);
  return size;
}

// How deep arrays and objects nest in it; 0: it is neither.
std::size_t depth_of(const JsonNode& node) {
  if (node.kind != JsonKind::array && node.kind != JsonKind::object) return 0;
  std::size_t below = 0;
  for (const JsonNode& item : node.items) below = std::max(below, depth_of(item));
  for (const JsonMember& member : node.members) below = std::max(below, depth_of(member.value));
  return below + 1;
}

void remove_member(JsonNode& object, std::string_view name) {
  std::erase_if(object.members, [&](const JsonMember& member) { return member.name == name; });
}

// The tokens of a pointer. Nothing where it is none.
std::optional<std::vector<std::string>> parse_pointer(std::string_view pointer) {
  std::vector<std::string> tokens;
  if (pointer.empty()) return tokens;
  if (pointer[0] != '/') return std::nullopt;
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      tokens.emplace_back();
    } else if (pointer[i] != '~') {
      tokens.back() += pointer[i];
    } else if (++i < pointer.size() && (pointer[i] == '0' || pointer[i] == '1')) {
      tokens.back() += pointer[i] == '0' ? '~' : '/';
    } else {
      return std::nullopt;
    }
  }
  return tokens;
}

// Below `size`; no leading zeros.
std::optional<std::size_t> parse_index(std::string_view token, std::size_t size) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (error != std::errc() || end != token.data() + token.size() || index >= size ||
      (token.size() > 1 && token[0] == '0'))
    return std::nullopt;
  return index;
}

class Patch {
 public:
  Patch(JsonNode& target, std::size_t bytes_max, std::deque<std::string>& names)
      : target_(target), names_(names), bytes_max_(bytes_max), bytes_(written_size(target)) {}

  Status apply(const JsonNode& operation) {
    if (operation.kind != JsonKind::object) return refused("is no object");
    const auto name = text_of(operation, "op");
    auto path = pointer_of(operation, "path");
    if (!name) return refused("has no op");
    if (!path) return std::move(path).error();
    if (*name == "remove") return remove(*path);
    if (*name == "move" || *name == "copy") {
      auto from = pointer_of(operation, "from");
      if (!from) return std::move(from).error();
      return *name == "move" ? move(*from, *path) : copy(*from, *path);
    }
    const JsonMember* value = operation.find("value");
    if (*name != "add" && *name != "replace" && *name != "test")
      return refused("has an op that there is not: " + *name);
    if (value == nullptr) return refused("has no value");
    if (*name == "add") return add(*path, value->value);
    if (*name == "replace") return replace(*path, value->value);
    const JsonNode* found = find(*path);
    if (found == nullptr) return nothing_there();
    if (!equal(*found, value->value)) return refused("finds another value");
    return {};
  }

 private:
  using Pointer = std::vector<std::string>;

  static std::optional<std::string> text_of(const JsonNode& operation, std::string_view name) {
    const JsonMember* member = operation.find(name);
    if (member == nullptr || member->value.kind != JsonKind::string) return std::nullopt;
    return decode_json_string(member->value.text);
  }
  static Result<Pointer> pointer_of(const JsonNode& operation, std::string_view name) {
    const auto text = text_of(operation, name);
    auto pointer = text ? parse_pointer(*text) : std::nullopt;
    if (!pointer) return refused("has no JSON pointer as " + std::string(name));
    return std::move(*pointer);
  }
  static Error nothing_there() { return refused("points to nothing"); }

  static JsonNode* child(JsonNode& node, const std::string& token) {
    if (node.kind == JsonKind::object) {
      JsonMember* member = node.find(token);
      return member == nullptr ? nullptr : &member->value;
    }
    if (node.kind != JsonKind::array) return nullptr;
    const auto index = parse_index(token, node.items.size());
    return index ? &node.items[*index] : nullptr;
  }
  // The node that the first `count` tokens lead to.
  JsonNode* find(const Pointer& pointer, std::size_t count) {
    JsonNode* node = &target_;
    for (std::size_t i = 0; node != nullptr && i < count; ++i) node = child(*node, pointer[i]);
    return node;
  }
  JsonNode* find(const Pointer& pointer) { return find(pointer, pointer.size()); }

  Status grow(const Pointer& path, const JsonNode& value) {
    // Now, not at the end: everything that is done with trees goes as deep as they are.
    if (path.size() + depth_of(value) > kJsonDepthMax) return refused("nests too deep");
    bytes_ += written_size(value);
    if (bytes_ > bytes_max_) return refused("makes the document too large");
    return {};
  }

  Status add(const Pointer& path, JsonNode value) {
    KIMDB_RETURN_IF_ERROR(grow(path, value));
    if (path.empty()) {
      target_ = std::move(value);
      return {};
    }
    JsonNode* parent = find(path, path.size() - 1);
    if (parent == nullptr) return nothing_there();
    const std::string& last = path.back();
    if (parent->kind == JsonKind::object) {
      if (JsonMember* member = parent->find(last)) {
        member->value = std::move(value);
      } else {
        append_json_string(names_.emplace_back(), last);
        bytes_ += names_.back().size();
        parent->members.push_back({last, names_.back(), std::move(value)});
      }
      return {};
    }
    if (parent->kind != JsonKind::array) return nothing_there();
    const auto index = last == "-" ? std::optional(parent->items.size())
                                   : parse_index(last, parent->items.size() + 1);
    if (!index) return nothing_there();
    parent->items.insert(parent->items.begin() + static_cast<std::ptrdiff_t>(*index),
                         std::move(value));
    return {};
  }

  Status remove(const Pointer& path) {
    if (path.empty()) return refused("takes the whole document away");
    JsonNode* parent = find(path, path.size() - 1);
    if (parent == nullptr || child(*parent, path.back()) == nullptr) return nothing_there();
    if (parent->kind == JsonKind::object)
      remove_member(*parent, path.back());
    else
      parent->items.erase(parent->items.begin() + static_cast<std::ptrdiff_t>(*parse_index(
                                                      path.back(), parent->items.size())));
    return {};
  }

  Status replace(const Pointer& path, const JsonNode& value) {
    JsonNode* node = find(path);
    if (node == nullptr) return nothing_there();
    KIMDB_RETURN_IF_ERROR(grow(path, value));
    *node = value;
    return {};
  }

  Status move(const Pointer& from, const Pointer& path) {
    const JsonNode* node = find(from);
    if (node == nullptr) return nothing_there();
    if (from.size() < path.size() && std::equal(from.begin(), from.end(), path.begin()))
      return refused("moves a value into itself");
    if (from == path) return {};
    JsonNode value = *node;
    KIMDB_RETURN_IF_ERROR(remove(from));
    bytes_ -= std::min(bytes_, written_size(value));
    return add(path, std::move(value));
  }

  Status copy(const Pointer& from, const Pointer& path) {
    const JsonNode* node = find(from);
    if (node == nullptr) return nothing_there();
    // Looked at before it is done: each copy may double the whole.
    if (bytes_ + written_size(*node) > bytes_max_) return refused("makes the document too large");
    return add(path, *node);
  }

  JsonNode& target_;
  std::deque<std::string>& names_;
  const std::size_t bytes_max_;
  std::size_t bytes_;
};

}  // namespace

void merge_patch(JsonNode& target, const JsonNode& patch) {
  if (patch.kind != JsonKind::object) {
    target = patch;
    return;
  }
  if (target.kind != JsonKind::object) target = {.kind = JsonKind::object, .text = {}};
  MemberTable members(target);
  for (const JsonMember& change : patch.members) {
    if (change.value.kind == JsonKind::null) {
      members.remove(change.name);
      continue;
    }
    JsonNode* const there = members.find(change.name);
    merge_patch(there != nullptr ? *there : members.add(change.name, change.written_name),
                change.value);
  }
  members.finish();
}

Status json_patch(JsonNode& target, const JsonNode& operations, std::size_t bytes_max,
                  std::deque<std::string>& names) {
  if (operations.kind != JsonKind::array) return refused("a JSON Patch is an array");
  Patch patch(target, bytes_max, names);
  for (std::size_t i = 0; i < operations.items.size(); ++i) {
    const Status applied = patch.apply(operations.items[i]);
    if (!applied)
      return refused("operation " + std::to_string(i) + " of the patch " + applied.error().message);
  }
  return {};
}

}  // namespace kimdb::engine
