#include "server/http/openapi.h"

#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "protocol/numbers.h"
#include "server/http/assets.h"
#include "server/yaml_tree.h"

namespace kimdb::server {

namespace {

// What YAML's core schema takes a scalar for: words and numbers mean themselves unless quoted.
void append_scalar(std::string& out, const YamlNode& node) {
  const bool is_word = node.text == "true" || node.text == "false" || node.text == "null";
  if (!node.quoted && (is_word || protocol::parse_integer(node.text)))
    out += node.text;
  else
    append_json_string(out, node.text);
}

void append_node(std::string& out, const YamlNode& node) {
  const bool is_map = node.kind == YamlNode::Kind::map;
  switch (node.kind) {
    case YamlNode::Kind::null:
      out += "null";
      return;
    case YamlNode::Kind::scalar:
      return append_scalar(out, node);
    case YamlNode::Kind::list:
    case YamlNode::Kind::map:
      break;
  }
  out += is_map ? '{' : '[';
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const bool is_value = is_map && i % 2 == 1;
    if (i > 0) out += is_value ? ':' : ',';
    if (is_map && !is_value)
      append_json_string(out, node.children[i].text);
    else
      append_node(out, node.children[i]);
  }
  out += is_map ? '}' : ']';
}

}  // namespace

const std::string& openapi_json() {
  static const std::string json = [] {
    const auto document = parse_yaml(openapi_yaml(), "openapi.yaml");
    KIMDB_CHECK(document);
    std::string out;
    append_node(out, *document);
    return out + "\n";
  }();
  return json;
}

}  // namespace kimdb::server
