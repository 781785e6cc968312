#include "server/config_yaml.h"

#include <algorithm>
#include <set>

#include "server/config_keys.h"
#include "server/yaml_tree.h"

namespace kimdb::server {
namespace {

using Node = YamlNode;

// The children of a map or list as pairs and no key twice: what(key, value) for each.
template <class Take>
Status for_each_member(const Node& map, std::string_view name, std::string_view of, Take&& take) {
  std::set<std::string, std::less<>> seen;
  for (std::size_t i = 0; i + 1 < map.children.size(); i += 2) {
    const Node& key = map.children[i];
    if (key.kind != Node::Kind::scalar)
      return yaml_error(name, key.position, "a key must be one word");
    if (!seen.insert(key.text).second)
      return yaml_error(name, key.position, "duplicate key " + shown(key.text) + std::string(of));
    KIMDB_RETURN_IF_ERROR(take(key, map.children[i + 1]));
  }
  return {};
}

Status read_collections(const Node& node, std::string_view name,
                        std::vector<database::CollectionRight>& collections) {
  if (node.kind != Node::Kind::map)
    return yaml_error(name, node.position, "collections is {name or pattern: read, write or none}");
  return for_each_member(node, name, " of collections", [&](const Node& key, const Node& value) {
    const auto access = database::access_of(value.text);
    if (value.kind != Node::Kind::scalar || !access)
      return Status(
          yaml_error(name, value.position,
                     "access to " + shown(key.text) + " must be one of read, write, none"));
    collections.push_back({key.text, *access});
    return Status();
  });
}

Result<Account> read_account(const Node& node, const AccountsField& field, std::string_view name) {
  const std::string what(field.what);
  const std::string hash_name(field.hash_name);
  if (node.kind != Node::Kind::map) {
    return yaml_error(name, node.position, what + " is {name: …, " + hash_name + ": …, role: …}");
  }
  Account account;
  std::set<std::string, std::less<>> seen;
  const auto take = [&](const Node& key, const Node& value) -> Status {
    seen.insert(key.text);
    if (key.text.starts_with("t=")) {  // the middle of $argon2id$v=19$m=65536,t=2,p=1$…
      return yaml_error(name, key.position,
                        "between { and } a " + hash_name + " must stand in quotes");
    }
    if (key.text == "collections")
      return read_collections(value, name, account.rights.collections.emplace());
    if (key.text != "name" && key.text != hash_name && key.text != "role") {
      return yaml_error(name, key.position,
                        "unknown key " + shown(key.text) + " of " + what + " (known: name, " +
                            hash_name + ", role, collections)");
    }
    if (value.kind != Node::Kind::scalar) {
      return yaml_error(name, value.position, "the " + key.text + " of " + what + " is one value");
    }
    if (key.text == "role") {
      const auto role = database::role_of(value.text);
      if (!role)
        return yaml_error(
            name, value.position,
            "role must be one of readonly, readwrite, admin, not " + shown(value.text));
      account.rights.role = *role;
      return {};
    }
    (key.text == "name" ? account.name : account.hash) = value.text;
    return {};
  };
  KIMDB_RETURN_IF_ERROR(for_each_member(node, name, " of " + what, take));
  for (const std::string& required : {std::string("name"), hash_name, std::string("role")}) {
    if (!seen.contains(required))
      return yaml_error(name, node.position, what + " needs " + required);
  }
  return account;
}

Result<std::vector<Account>> read_accounts(const Node& node, const Key& key,
                                           std::string_view name) {
  const auto& field = std::get<AccountsField>(key.field);
  if (node.kind != Node::Kind::list) {
    return yaml_error(name, node.position,
                      std::string(key.name) + " is a list of {name: …, " +
                          std::string(field.hash_name) + ": …, role: …}");
  }
  std::vector<Account> accounts;
  for (const Node& child : node.children) {
    Result<Account> account = read_account(child, field, name);
    if (!account) return std::move(account).error();
    accounts.push_back(*std::move(account));
  }
  return accounts;
}

Status read_value(const Key& key, const Node& node, std::string_view name, Config& config) {
  if (const auto* field = std::get_if<AccountsField>(&key.field)) {
    Result<std::vector<Account>> accounts = read_accounts(node, key, name);
    if (!accounts) return std::move(accounts).error();
    field->at(config) = *std::move(accounts);
    return {};
  }
  const std::string key_name(key.name);
  switch (node.kind) {
    case Node::Kind::null:
      return yaml_error(name, node.position, key_name + " has no value");
    case Node::Kind::list:
      return yaml_error(name, node.position, key_name + " is one value, not a list");
    case Node::Kind::map:
      return yaml_error(name, node.position, key_name + " is one value, it has no keys of its own");
    case Node::Kind::scalar:
      break;
  }
  const Status status = set_value(config, key, node.text);
  return status ? Status() : yaml_error(name, node.position, status.error().message);
}

Status read_section(std::string_view section, const Node& node, std::string_view name,
                    Source source, LoadedConfig& loaded) {
  if (node.kind == Node::Kind::null) return {};
  if (node.kind != Node::Kind::map) {
    return yaml_error(name, node.position,
                      std::string(section) + " is a section: its keys stand below it, indented");
  }
  std::set<std::string, std::less<>> seen;
  for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
    const Node& key_node = node.children[i];
    if (key_node.kind != Node::Kind::scalar) {
      return yaml_error(name, key_node.position, "a key must be one word");
    }
    const std::string full_name = std::string(section) + "." + key_node.text;
    const Key* key = find_key(full_name);
    if (key == nullptr) return yaml_error(name, key_node.position, unknown_key_message(full_name));
    if (!seen.insert(full_name).second) {
      return yaml_error(name, key_node.position, "duplicate key " + full_name);
    }
    const Node& value = node.children[i + 1];
    if (value.kind == Node::Kind::null) {  // whose position is that of whatever comes next
      return yaml_error(name, key_node.position,
                        full_name + " has no value (leave the key out, or write \"\")");
    }
    KIMDB_RETURN_IF_ERROR(read_value(*key, value, name, loaded.config));
    loaded.sources[full_name] = {source, yaml_place(name, key_node.position)};
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
  if (const auto* field = std::get_if<AccountsField>(&key.field)) {
    return accounts_to_yaml(field->at(const_cast<Config&>(config)), field->hash_name,
                            ShowHashes::yes);
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
  const Result<Node> root = parse_yaml(text, name);
  if (!root) return root.error();
  if (root->kind == Node::Kind::null) return {};
  if (root->kind != Node::Kind::map) {
    return yaml_error(name, root->position,
                      "not a configuration: it begins with no section (like network:)");
  }
  std::set<std::string, std::less<>> seen;
  for (std::size_t i = 0; i + 1 < root->children.size(); i += 2) {
    const Node& section = root->children[i];
    if (section.kind != Node::Kind::scalar || !is_section(section.text)) {
      return yaml_error(name, section.position, unknown_key_message(section.text));
    }
    if (!seen.insert(section.text).second) {
      return yaml_error(name, section.position, "duplicate key " + section.text);
    }
    KIMDB_RETURN_IF_ERROR(read_section(section.text, root->children[i + 1], name, source, loaded));
  }
  return {};
}

Result<std::vector<Account>> parse_accounts_yaml(std::string_view text, const Key& key) {
  const Result<Node> root = parse_yaml(text, "value");
  if (!root) return root.error();
  return read_accounts(*root, key, "value");
}

std::string accounts_to_yaml(const std::vector<Account>& accounts, std::string_view hash_name,
                             ShowHashes show) {
  std::string text = "[";
  for (const Account& account : accounts) {
    text.append(text.size() > 1 ? ", " : "").append("{name: ").append(yaml_scalar(account.name));
    text.append(", ").append(hash_name).append(": ");
    text.append(show == ShowHashes::yes ? yaml_scalar(account.hash) : "(hidden)");
    text.append(", role: ").append(database::role_name(account.rights.role));
    if (account.rights.collections) {
      std::string members;
      for (const auto& [pattern, access] : *account.rights.collections) {
        members.append(members.empty() ? "" : ", ").append(yaml_scalar(pattern));
        members.append(": ").append(database::access_name(access));
      }
      text.append(", collections: {").append(members).append("}");
    }
    text.append("}");
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
