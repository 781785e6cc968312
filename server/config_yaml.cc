#include "server/config_yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>

#include "server/config_keys.h"

namespace kimdb::server {
namespace {

constexpr std::size_t kDepthMax = 8;        // auth.users needs four
constexpr std::size_t kNodesMax = 100'000;  // a thousand times what a configuration has

struct Position {
  int line = 0;
  int column = 0;  // both from 1
};

struct Node {
  enum class Kind { scalar, null, list, map };
  Kind kind = Kind::null;
  Position position;
  std::string text;            // of a scalar
  std::vector<Node> children;  // of a list; of a map key, value, key, value …
};

// What went wrong inside the parser's callbacks, on its way to parse().
struct Refused : std::runtime_error {
  Refused(Position where, const std::string& what) : std::runtime_error(what), position(where) {}
  Position position;
};

Position position_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

// Builds a tree of Nodes from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add(Node::Kind::null, mark, {}); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_alias(mark); }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_alias(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string& value) override {
    add(Node::Kind::scalar, mark, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open_.push_back(add(Node::Kind::list, mark, {}));
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open_.push_back(add(Node::Kind::map, mark, {}));
  }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  [[noreturn]] static void refuse_alias(const YAML::Mark& mark) {
    throw Refused(position_of(mark), "anchors and aliases (& and *) are not read here");
  }

  // Only the last child of an open node is ever open itself, so the pointers in open_ stay good.
  Node* add(Node::Kind kind, const YAML::Mark& mark, const std::string& text) {
    if (open_.size() >= kDepthMax) throw Refused(position_of(mark), "nested too deeply");
    if (++nodes_ > kNodesMax) throw Refused(position_of(mark), "too many values");
    Node node{kind, position_of(mark), text, {}};
    if (open_.empty()) {
      root_ = std::move(node);
      return &root_;
    }
    open_.back()->children.push_back(std::move(node));
    return &open_.back()->children.back();
  }

  Node root_;
  std::vector<Node*> open_;
  std::size_t nodes_ = 0;
};

std::string place(std::string_view name, Position position) {
  std::string text(name);
  if (position.line > 0) {
    text += ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
  }
  return text;
}

Error at(std::string_view name, Position position, std::string_view message) {
  return {ErrorCode::invalid_argument, place(name, position).append(": ").append(message)};
}

// One document. An empty text gives a null node.
Result<Node> parse(std::string_view text, std::string_view name) {
  if (text.size() > kConfigBytesMax) {
    return Error{ErrorCode::too_large,
                 std::string(name) + ": larger than 1 MiB, which no configuration is"};
  }
  if (text.find('\0') != std::string_view::npos) return at(name, {}, "holds a zero byte: not YAML");
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    parser.HandleNextDocument(builder);
    Node root = builder.take_root();
    TreeBuilder second;
    if (parser.HandleNextDocument(second)) {
      return at(name, second.take_root().position, "a second document (---) is not read here");
    }
    return root;
  } catch (const Refused& refused) {
    return at(name, refused.position, refused.what());
  } catch (const YAML::Exception& failure) {
    const Position position = failure.mark.is_null() ? Position{} : position_of(failure.mark);
    return at(name, position, "not YAML: " + failure.msg);
  } catch (const std::exception& failure) {
    return at(name, {}, std::string("not YAML: ") + failure.what());
  }
}

Result<User> read_user(const Node& node, std::string_view name) {
  if (node.kind != Node::Kind::map) {
    return at(name, node.position, "a user is {name: …, password_hash: …, role: …}");
  }
  User user;
  std::set<std::string, std::less<>> seen;
  for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
    const Node& key = node.children[i];
    const Node& value = node.children[i + 1];
    if (!seen.insert(key.text).second) {
      return at(name, key.position, "duplicate key " + shown(key.text) + " of a user");
    }
    if (key.text.starts_with("t=")) {  // the middle of $argon2id$v=19$m=65536,t=2,p=1$…
      return at(name, key.position, "between { and } a password_hash must stand in quotes");
    }
    if (key.text != "name" && key.text != "password_hash" && key.text != "role") {
      return at(name, key.position,
                "unknown key " + shown(key.text) + " of a user (known: name, password_hash, role)");
    }
    if (value.kind != Node::Kind::scalar) {
      return at(name, value.position, "a user's " + key.text + " is one value");
    }
    if (key.text == "name") {
      user.name = value.text;
    } else if (key.text == "password_hash") {
      user.password_hash = value.text;
    } else {
      const Result<Role> role = parse_role(value.text);
      if (!role) return at(name, value.position, role.error().message);
      user.role = *role;
    }
  }
  for (const char* required : {"name", "password_hash", "role"}) {
    if (!seen.contains(required)) {
      return at(name, node.position, std::string("a user needs ") + required);
    }
  }
  return user;
}

Result<std::vector<User>> read_users(const Node& node, std::string_view name) {
  if (node.kind != Node::Kind::list) {
    return at(name, node.position, "auth.users is a list of {name: …, password_hash: …, role: …}");
  }
  std::vector<User> users;
  for (const Node& child : node.children) {
    Result<User> user = read_user(child, name);
    if (!user) return std::move(user).error();
    users.push_back(*std::move(user));
  }
  return users;
}

Status read_value(const Key& key, const Node& node, std::string_view name, Config& config) {
  if (std::holds_alternative<UsersField>(key.field)) {
    Result<std::vector<User>> users = read_users(node, name);
    if (!users) return std::move(users).error();
    config.auth.users = *std::move(users);
    return {};
  }
  const std::string key_name(key.name);
  switch (node.kind) {
    case Node::Kind::null:
      return at(name, node.position, key_name + " has no value");
    case Node::Kind::list:
      return at(name, node.position, key_name + " is one value, not a list");
    case Node::Kind::map:
      return at(name, node.position, key_name + " is one value, it has no keys of its own");
    case Node::Kind::scalar:
      break;
  }
  const Status status = set_value(config, key, node.text);
  return status ? Status() : at(name, node.position, status.error().message);
}

Status read_section(std::string_view section, const Node& node, std::string_view name,
                    Source source, LoadedConfig& loaded) {
  if (node.kind == Node::Kind::null) return {};
  if (node.kind != Node::Kind::map) {
    return at(name, node.position,
              std::string(section) + " is a section: its keys stand below it, indented");
  }
  std::set<std::string, std::less<>> seen;
  for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
    const Node& key_node = node.children[i];
    if (key_node.kind != Node::Kind::scalar) {
      return at(name, key_node.position, "a key must be one word");
    }
    const std::string full_name = std::string(section) + "." + key_node.text;
    const Key* key = find_key(full_name);
    if (key == nullptr) return at(name, key_node.position, unknown_key_message(full_name));
    if (!seen.insert(full_name).second) {
      return at(name, key_node.position, "duplicate key " + full_name);
    }
    const Node& value = node.children[i + 1];
    if (value.kind == Node::Kind::null) {  // whose position is that of whatever comes next
      return at(name, key_node.position,
                full_name + " has no value (leave the key out, or write \"\")");
    }
    KIMDB_RETURN_IF_ERROR(read_value(*key, value, name, loaded.config));
    loaded.sources[full_name] = {source, place(name, key_node.position)};
  }
  return {};
}

// Plain where YAML takes it for nothing but text, else in double quotes.
std::string yaml_scalar(std::string_view text) {
  const bool plain = !text.empty() && text != "null" && text != "true" && text != "false" &&
                     text != "~" && text.front() != '-' && text.front() != ':' &&
                     text.back() != ':' && std::all_of(text.begin(), text.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '/' ||
                              c == '-' || c == ':';
                     });
  if (plain) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted.append("\\").push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      constexpr std::string_view kHex = "0123456789abcdef";
      quoted.append("\\x").push_back(kHex[byte >> 4]);
      quoted.push_back(kHex[byte & 15]);
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + "\"";
}

std::string yaml_value(const Config& config, const Key& key) {
  if (std::holds_alternative<UsersField>(key.field)) {
    return users_to_yaml(config.auth.users, ShowHashes::yes);
  }
  const std::string text = value_text(config, key);
  return std::holds_alternative<BoolField>(key.field) ? text : yaml_scalar(text);
}

std::string_view comment_of(const Sources& sources, std::string_view name) {
  const auto found = sources.find(name);
  if (found == sources.end()) return {};
  switch (found->second.source) {
    case Source::file:
      return "  # from the file";
    case Source::override_file:
      return "  # from the override file";
    case Source::environment:
      return "  # from the environment";
    case Source::flag:
      return "  # from --set";
    case Source::runtime:
      return "  # set at run time";
  }
  return {};
}

}  // namespace

Status read_config_yaml(std::string_view text, std::string_view name, Source source,
                        LoadedConfig& loaded) {
  const Result<Node> root = parse(text, name);
  if (!root) return root.error();
  if (root->kind == Node::Kind::null) return {};
  if (root->kind != Node::Kind::map) {
    return at(name, root->position,
              "not a configuration: it begins with no section (like network:)");
  }
  std::set<std::string, std::less<>> seen;
  for (std::size_t i = 0; i + 1 < root->children.size(); i += 2) {
    const Node& section = root->children[i];
    if (section.kind != Node::Kind::scalar || !is_section(section.text)) {
      return at(name, section.position, unknown_key_message(section.text));
    }
    if (!seen.insert(section.text).second) {
      return at(name, section.position, "duplicate key " + section.text);
    }
    KIMDB_RETURN_IF_ERROR(read_section(section.text, root->children[i + 1], name, source, loaded));
  }
  return {};
}

Result<std::vector<User>> parse_users_yaml(std::string_view text) {
  const Result<Node> root = parse(text, "value");
  if (!root) return root.error();
  return read_users(*root, "value");
}

std::string users_to_yaml(const std::vector<User>& users, ShowHashes show) {
  std::string text = "[";
  for (const User& user : users) {
    text.append(text.size() > 1 ? ", " : "").append("{name: ").append(yaml_scalar(user.name));
    text.append(", password_hash: ");
    text.append(show == ShowHashes::yes ? yaml_scalar(user.password_hash) : "(hidden)");
    text.append(", role: ").append(database::role_name(user.role)).append("}");
  }
  return text + "]";
}

std::string config_to_yaml(const Config& config, const Sources& sources) {
  std::string text;
  std::string_view section;
  for (const Key& key : config_keys()) {
    if (key.section() != section) {
      section = key.section();
      text.append(section).append(":\n");
    }
    text.append("  ").append(key.name_in_section()).append(": ").append(yaml_value(config, key));
    text.append(comment_of(sources, key.name)).append("\n");
  }
  return text;
}

std::string keys_to_yaml(const Config& config, const std::vector<std::string_view>& names) {
  std::string text;
  std::string_view section;
  for (const Key& key : config_keys()) {
    if (std::find(names.begin(), names.end(), key.name) == names.end()) continue;
    if (key.section() != section) {
      section = key.section();
      text.append(section).append(":\n");
    }
    text.append("  ").append(key.name_in_section()).append(": ").append(yaml_value(config, key));
    text.append("\n");
  }
  return text;
}

}  // namespace kimdb::server
