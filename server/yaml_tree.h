// YAML as a tree. The only header over yaml-cpp, whose exceptions end behind it.
//
// Read by events, without anchors and aliases and at most so many levels deep, so that a document
// cannot unfold into more than it is. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kimdb::server {

constexpr std::size_t kYamlBytesMax = 1 << 20;
constexpr std::size_t kYamlDepthMax = 24;

struct YamlPosition {
  int line = 0;
  int column = 0;  // both from 1
};

struct YamlNode {
  enum class Kind { scalar, null, list, map };
  Kind kind = Kind::null;
  YamlPosition position;
  std::string text;                // of a scalar
  bool quoted = false;             // a scalar that is text, whatever it looks like
  std::vector<YamlNode> children;  // of a list; of a map key, value, key, value …
};

// One document. An empty text gives a null node. Messages begin with "name:line:column: ".
Result<YamlNode> parse_yaml(std::string_view text, std::string_view name);

// "name:line:column"
std::string yaml_place(std::string_view name, YamlPosition position);
Error yaml_error(std::string_view name, YamlPosition position, std::string_view message);

}  // namespace kimdb::server
