// JSON as a tree that can be changed and written again: for MERGE and PATCH, and to say where a
// text is wrong. What is not touched is written as it was read, numbers and escapes included; only
// white space goes.
//
// Nodes hold views: into the text they were parsed from, and into whatever their owner keeps.
// RFC 8259, and beyond it: UTF-8 must be valid, no object has a name twice, surrogates come in
// pairs, nothing nests deeper than kJsonDepthMax, whole numbers fit 64 bits (from -2^63 to 2^64-1),
// others a double.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kimdb::engine {

constexpr std::size_t kJsonDepthMax = 128;  // [[1]] is 2 deep

enum class JsonKind : std::uint8_t { null, boolean, number, string, array, object };

struct JsonMember;

struct JsonNode {
  JsonKind kind = JsonKind::null;
  std::string_view text = "null";  // as it is written; not of arrays and objects
  std::vector<JsonNode> items;
  std::vector<JsonMember> members;

  JsonMember* find(std::string_view name);
  const JsonMember* find(std::string_view name) const;
};

struct JsonMember {
  std::string name;
  std::string_view written_name;  // with its quotes and escapes
  JsonNode value;
};

// Changes the members of an object by name, each in constant time, however many there are. Nobody
// else may change them until finish().
class MemberTable {
 public:
  explicit MemberTable(JsonNode& object);
  // Null where there is none.
  JsonNode* find(std::string_view name);
  JsonNode& add(std::string_view name, std::string_view written_name);
  void remove(std::string_view name);
  // Takes the removed ones out.
  void finish();

 private:
  JsonNode& object_;
  boost::unordered_flat_map<std::string, std::size_t> places_;
  std::vector<std::size_t> removed_;
};

// An error says what is wrong, and at which byte, from 0.
Result<JsonNode> parse_json_tree(std::string_view text);
void append_json(std::string& out, const JsonNode& node);
// Of a JSON string as it is written, quotes included.
std::string decode_json_string(std::string_view written);
// Whether they say the same: numbers by value, members in any order.
bool equal(const JsonNode& a, const JsonNode& b);

}  // namespace kimdb::engine
