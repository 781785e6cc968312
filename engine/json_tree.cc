#include "engine/json_tree.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <unordered_set>

#include "base/ascii.h"
#include "base/utf8.h"

namespace kimdb::engine {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The four hex digits of \uXXXX at `text`; negative where they are none.
int code_unit(std::string_view text) {
  if (text.size() < 4) return -1;
  int unit = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(text[static_cast<std::size_t>(i)]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

bool is_high_surrogate(int unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool is_low_surrogate(int unit) { return unit >= 0xdc00 && unit < 0xe000; }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<JsonNode> parse() {
    JsonNode root;
    skip_space();
    if (at_end()) fail("nothing is there");
    if (!failed()) value(root, 1);
    if (!failed()) skip_space();
    if (!failed() && !at_end()) fail("something follows the value");
    if (failed())
      return Error{ErrorCode::invalid_argument,
                   "invalid JSON at byte " + std::to_string(at_) + ": " + problem_};
    return root;
  }

 private:
  bool failed() const { return problem_ != nullptr; }
  void fail(const char* problem) {
    if (problem_ == nullptr) problem_ = problem;
  }
  bool at_end() const { return at_ == text_.size(); }
  bool at(char c) const { return !at_end() && text_[at_] == c; }
  bool take(char c) {
    if (!at(c)) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (!at_end() && is_space(text_[at_])) ++at_;
  }

  void value(JsonNode& node, std::size_t depth) {
    const std::size_t start = at_;
    if (at_end()) return fail("a value is missing");
    switch (text_[at_]) {
      case '{':
        return object(node, depth);
      case '[':
        return array(node, depth);
      case '"':
        node.kind = JsonKind::string;
        string();
        break;
      case 't':
      case 'f':
        node.kind = JsonKind::boolean;
        word(text_[at_] == 't' ? "true" : "false");
        break;
      case 'n':
        node.kind = JsonKind::null;
        word("null");
        break;
      default:
        node.kind = JsonKind::number;
        number();
    }
    node.text = text_.substr(start, at_ - start);
  }

  void object(JsonNode& node, std::size_t depth) {
    node.kind = JsonKind::object;
    if (depth > kJsonDepthMax) return fail("nested more than 128 deep");
    ++at_;
    skip_space();
    if (take('}')) return;
    std::unordered_set<std::string> names;
    while (!failed()) {
      const std::size_t start = at_;
      if (!at('"')) return fail("a name in quotes is missing");
      string();
      if (failed()) return;
      JsonMember& member = node.members.emplace_back();
      member.written_name = text_.substr(start, at_ - start);
      member.name = decode_json_string(member.written_name);
      if (!names.insert(member.name).second) {
        at_ = start;
        return fail("this name is in the object already");
      }
      skip_space();
      if (!take(':')) return fail("a colon is missing");
      skip_space();
      value(member.value, depth + 1);
      if (!goes_on('}', "a comma or } is missing")) return;
    }
  }

  void array(JsonNode& node, std::size_t depth) {
    node.kind = JsonKind::array;
    if (depth > kJsonDepthMax) return fail("nested more than 128 deep");
    ++at_;
    skip_space();
    if (take(']')) return;
    while (!failed()) {
      value(node.items.emplace_back(), depth + 1);
      if (!goes_on(']', "a comma or ] is missing")) return;
    }
  }

  // Behind a member or an item: whether another one follows.
  bool goes_on(char close, const char* missing) {
    if (failed()) return false;
    skip_space();
    if (take(close)) return false;
    if (!take(',')) {
      fail(missing);
      return false;
    }
    skip_space();
    return true;
  }

  void word(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) return fail("a value is missing");
    at_ += expected.size();
  }

  void number() {
    const std::size_t start = at_;
    take('-');
    if (at_end() || !is_digit(text_[at_])) {
      at_ = start;
      return fail("a value is missing");
    }
    if (!take('0')) digits();
    if (!at_end() && is_digit(text_[at_])) return fail("a number begins with 0");
    if (take('.') && !digits()) return fail("a digit is missing");
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return fail("a digit is missing");
    }
    if (is_whole(text_.substr(start, at_ - start))) {
      if (fits_64_bits(text_.substr(start, at_ - start))) return;
      at_ = start;
      return fail("a whole number that 64 bits do not hold");
    }
    // What is too small for a double is as good as zero.
    if (std::isinf(std::strtod(std::string(text_.substr(start, at_ - start)).c_str(), nullptr))) {
      at_ = start;
      fail("a number that is too large");
    }
  }
  bool digits() {
    const std::size_t start = at_;
    while (!at_end() && is_digit(text_[at_])) ++at_;
    return at_ > start;
  }
  static bool is_whole(std::string_view number) {
    return number.find_first_of(".eE") == std::string_view::npos;
  }
  static bool fits_64_bits(std::string_view number) {
    std::int64_t negative = 0;
    std::uint64_t positive = 0;
    const auto result =
        number[0] == '-' ? std::from_chars(number.data(), number.data() + number.size(), negative)
                         : std::from_chars(number.data(), number.data() + number.size(), positive);
    return result.ec == std::errc();
  }
  void string() {
    ++at_;
    while (!at_end() && text_[at_] != '"') {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c < 0x20) return fail("a control character in a string");
      if (c == '\\') {
        escape();
        if (failed()) return;
        continue;
      }
      const std::size_t size = utf8_length(text_, at_);
      if (size == 0) return fail("bytes that are not UTF-8");
      at_ += size;
    }
    if (!take('"')) fail("the string does not end");
  }
  void escape() {
    constexpr std::string_view kSimple = "\"\\/bfnrt";
    const std::string_view rest = text_.substr(at_ + 1);
    if (!rest.empty() && kSimple.find(rest[0]) != std::string_view::npos) {
      at_ += 2;
      return;
    }
    const int unit = rest.starts_with('u') ? code_unit(rest.substr(1)) : -1;
    if (unit < 0) return fail("an escape that JSON does not have");
    if (is_low_surrogate(unit)) return fail("half a surrogate pair");
    at_ += 6;
    if (!is_high_surrogate(unit)) return;
    const std::string_view second = text_.substr(at_);
    if (!second.starts_with("\\u") || !is_low_surrogate(code_unit(second.substr(2)))) {
      at_ -= 6;
      return fail("half a surrogate pair");
    }
    at_ += 6;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const char* problem_ = nullptr;
};

double number_of(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool equal_numbers(std::string_view a, std::string_view b) {
  if (a == b) return true;
  std::int64_t x = 0, y = 0;
  const auto whole = [](std::string_view text, std::int64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
  };
  if (whole(a, x) && whole(b, y)) return x == y;
  return number_of(a) == number_of(b);
}

}  // namespace

JsonMember* JsonNode::find(std::string_view name) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const JsonMember& member) { return member.name == name; });
  return found == members.end() ? nullptr : &*found;
}
const JsonMember* JsonNode::find(std::string_view name) const {
  return const_cast<JsonNode*>(this)->find(name);
}

MemberTable::MemberTable(JsonNode& object) : object_(object) {
  places_.reserve(object.members.size());
  for (std::size_t i = 0; i < object.members.size(); ++i)
    places_.emplace(object.members[i].name, i);
}

JsonNode* MemberTable::find(std::string_view name) {
  const auto place = places_.find(std::string(name));
  return place == places_.end() ? nullptr : &object_.members[place->second].value;
}

JsonNode& MemberTable::add(std::string_view name, std::string_view written_name) {
  places_.emplace(std::string(name), object_.members.size());
  return object_.members.emplace_back(JsonMember{std::string(name), written_name, {}}).value;
}

void MemberTable::remove(std::string_view name) {
  const auto place = places_.find(std::string(name));
  if (place == places_.end()) return;
  removed_.push_back(place->second);
  places_.erase(place);
}

void MemberTable::finish() {
  if (removed_.empty()) return;
  std::sort(removed_.begin(), removed_.end());
  std::size_t index = 0;
  auto removed = removed_.begin();
  std::erase_if(object_.members, [&](const JsonMember&) {
    const bool is_removed = removed != removed_.end() && *removed == index++;
    if (is_removed) ++removed;
    return is_removed;
  });
  removed_.clear();
}

Result<JsonNode> parse_json_tree(std::string_view text) { return Parser(text).parse(); }

void append_json(std::string& out, const JsonNode& node) {
  if (node.kind == JsonKind::array) {
    out += '[';
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      if (i > 0) out += ',';
      append_json(out, node.items[i]);
    }
    out += ']';
  } else if (node.kind == JsonKind::object) {
    out += '{';
    for (std::size_t i = 0; i < node.members.size(); ++i) {
      if (i > 0) out += ',';
      out += node.members[i].written_name;
      out += ':';
      append_json(out, node.members[i].value);
    }
    out += '}';
  } else {
    out += node.text;
  }
}

std::string decode_json_string(std::string_view written) {
  written.remove_prefix(1);
  written.remove_suffix(1);
  std::string text;
  text.reserve(written.size());
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written[i] != '\\') {
      text += written[i];
      continue;
    }
    switch (written[++i]) {
      case 'b':
        text += '\b';
        break;
      case 'f':
        text += '\f';
        break;
      case 'n':
        text += '\n';
        break;
      case 'r':
        text += '\r';
        break;
      case 't':
        text += '\t';
        break;
      case 'u': {
        auto point = static_cast<std::uint32_t>(code_unit(written.substr(i + 1)));
        i += 4;
        if (is_high_surrogate(static_cast<int>(point))) {
          const auto low = static_cast<std::uint32_t>(code_unit(written.substr(i + 3)));
          point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
          i += 6;
        }
        append_utf8(text, point);
        break;
      }
      default:
        text += written[i];
    }
  }
  return text;
}

bool equal(const JsonNode& a, const JsonNode& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case JsonKind::null:
      return true;
    case JsonKind::boolean:
      return a.text == b.text;
    case JsonKind::number:
      return equal_numbers(a.text, b.text);
    case JsonKind::string:
      return decode_json_string(a.text) == decode_json_string(b.text);
    case JsonKind::array:
      return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), equal);
    case JsonKind::object:
      return a.members.size() == b.members.size() &&
             std::all_of(a.members.begin(), a.members.end(), [&](const JsonMember& member) {
               const JsonMember* other = b.find(member.name);
               return other != nullptr && equal(member.value, other->value);
             });
  }
  return false;
}

}  // namespace kimdb::engine
