#include "engine/projection.h"

#include <algorithm>
#include <charconv>

#include "engine/field_path.h"

namespace kimdb::engine {

namespace {

Error refused(std::string why) { return {ErrorCode::invalid_argument, std::move(why)}; }

}  // namespace

// --- fields ---

Result<Projection> Projection::parse(std::string_view fields) {
  Projection projection;
  add(projection.fields_, "id");
  for (const std::string_view field : split_fields(fields)) {
    if (field.starts_with('-'))
      return refused("\"" + std::string(field) + "\" would be left out: say what is shown");
    if (auto checked = check_field_path(field); !checked) return checked.error();
    if (std::count(field.begin(), field.end(), '.') >= static_cast<std::ptrdiff_t>(kJsonDepthMax))
      return refused("a field nests too deep");
    add(projection.fields_, field);
  }
  return projection;
}

void Projection::add(std::vector<Field>& fields, std::string_view path) {
  const std::size_t dot = path.find('.');
  const std::string_view name = path.substr(0, dot);
  auto field = std::find_if(fields.begin(), fields.end(),
                            [&](const Field& candidate) { return candidate.name == name; });
  if (field == fields.end())
    field = fields.insert(fields.end(), {.name = std::string(name), .fields = {}});
  if (dot == std::string_view::npos)
    field->whole = true;
  else
    add(field->fields, path.substr(dot + 1));
}

void Projection::keep(JsonNode& node, const std::vector<Field>& fields) {
  for (JsonNode& item : node.items) keep(item, fields);
  if (node.kind == JsonKind::array)
    std::erase_if(node.items, [](const JsonNode& item) {
      return item.kind != JsonKind::object && item.kind != JsonKind::array;
    });
  std::erase_if(node.members, [&](JsonMember& member) {
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const Field& candidate) {
      return candidate.name == member.name;
    });
    if (field == fields.end()) return true;
    if (field->whole) return false;
    keep(member.value, field->fields);
    return member.value.kind != JsonKind::object && member.value.kind != JsonKind::array;
  });
}

std::string Projection::apply(std::string_view document) const {
  auto tree = parse_json_tree(document);
  if (!tree) return std::string(document);
  keep(*tree, fields_);
  std::string out;
  append_json(out, *tree);
  return out;
}

// --- JSONPath ---

class JsonPath::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<JsonPath> parse() {
    JsonPath path;
    bool good = take('$');
    while (good && !rest().empty())
      good = path.segments_.size() < kJsonDepthMax && segment(path.segments_.emplace_back());
    if (good) return path;
    return refused("no JSONPath of names, indexes, slices and wildcards, at byte " +
                   std::to_string(at_));
  }

 private:
  std::string_view rest() const { return text_.substr(at_); }
  bool take(char c) {
    if (!rest().starts_with(c)) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (rest().starts_with(' ')) ++at_;
  }

  static constexpr std::size_t kSelectorsMax = 16;

  bool segment(Segment& segment) {
    if (rest().starts_with("..")) {
      at_ += 2;
      segment.descendants = true;
      return take('[') ? bracket(segment) : dotted(segment);
    }
    if (take('.')) return dotted(segment);
    return take('[') && bracket(segment);
  }

  bool dotted(Segment& segment) {
    Selector& selector = segment.selectors.emplace_back();
    if (take('*')) {
      selector.kind = Selector::Kind::wildcard;
      return true;
    }
    const std::size_t size = rest().find_first_of(".[ ]*,:'\"");
    selector.name = rest().substr(0, size);
    at_ += selector.name.size();
    return !selector.name.empty();
  }

  bool bracket(Segment& segment) {
    do {
      skip_space();
      if (segment.selectors.size() == kSelectorsMax || !selector(segment.selectors.emplace_back()))
        return false;
      skip_space();
    } while (take(','));
    return take(']');
  }

  bool selector(Selector& selector) {
    if (rest().starts_with('\'') || rest().starts_with('"')) return quoted(selector.name);
    if (take('*')) {
      selector.kind = Selector::Kind::wildcard;
      return true;
    }
    selector.kind = Selector::Kind::index;
    selector.begin = integer();
    if (!take(':')) return selector.begin.has_value();
    selector.kind = Selector::Kind::slice;
    selector.end = integer();
    if (take(':')) selector.step = integer().value_or(1);
    return true;
  }

  std::optional<long long> integer() {
    skip_space();
    long long value = 0;
    const auto [end, error] = std::from_chars(rest().data(), rest().data() + rest().size(), value);
    constexpr long long kMax = (1LL << 53) - 1;  // RFC 9535, 2.1
    if (error != std::errc() || value > kMax || value < -kMax) return std::nullopt;
    at_ = static_cast<std::size_t>(end - text_.data());
    skip_space();
    return value;
  }

  bool quoted(std::string& name) {
    const char quote = text_[at_++];
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      name += text_[at_];
    }
    return take(quote);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Result<JsonPath> JsonPath::parse(std::string_view path) { return Parser(path).parse(); }

void JsonPath::select(const JsonNode& node, const Selector& selector, Nodes& out) {
  const auto size = static_cast<long long>(node.items.size());
  const auto normal = [&](long long index) { return index < 0 ? index + size : index; };
  const auto add = [&](long long index) {
    out.push_back(&node.items[static_cast<std::size_t>(index)]);
  };
  switch (selector.kind) {
    case Selector::Kind::name:
      if (const JsonMember* member = node.find(selector.name)) out.push_back(&member->value);
      break;
    case Selector::Kind::wildcard:
      for (const JsonNode& item : node.items) out.push_back(&item);
      for (const JsonMember& member : node.members) out.push_back(&member.value);
      break;
    case Selector::Kind::index:
      if (const long long index = normal(*selector.begin); index >= 0 && index < size) add(index);
      break;
    case Selector::Kind::slice: {
      // As RFC 9535 2.3.4.2 normalizes it.
      const long long step = selector.step;
      if (step > 0) {
        const long long from = std::clamp(normal(selector.begin.value_or(0)), 0LL, size);
        const long long to = std::clamp(normal(selector.end.value_or(size)), 0LL, size);
        for (long long i = from; i < to; i += step) add(i);
      } else if (step < 0) {
        const long long from =
            std::clamp(selector.begin ? normal(*selector.begin) : size - 1, -1LL, size - 1);
        const long long to =
            std::clamp(selector.end ? normal(*selector.end) : -1LL, -1LL, size - 1);
        for (long long i = from; i > to; i += step) add(i);
      }
      break;
    }
  }
}

void JsonPath::select_below(const JsonNode& node, const Segment& segment, Nodes& out) {
  if (out.size() > kValuesMax) return;
  for (const Selector& selector : segment.selectors) select(node, selector, out);
  if (!segment.descendants) return;
  for (const JsonNode& item : node.items) select_below(item, segment, out);
  for (const JsonMember& member : node.members) select_below(member.value, segment, out);
}

Result<std::optional<std::string>> JsonPath::read(const JsonNode& document) const {
  Nodes nodes = {&document};
  bool singular = true;
  for (const Segment& segment : segments_) {
    singular = singular && !segment.descendants && segment.selectors.size() == 1 &&
               (segment.selectors[0].kind == Selector::Kind::name ||
                segment.selectors[0].kind == Selector::Kind::index);
    Nodes next;
    for (const JsonNode* node : nodes) {
      select_below(*node, segment, next);
      if (next.size() > kValuesMax)
        return refused("the path leads to more than " + std::to_string(kValuesMax) + " values");
    }
    nodes = std::move(next);
  }
  if (singular && nodes.empty()) return std::optional<std::string>();
  std::string out;
  if (singular) {
    append_json(out, *nodes[0]);
    return std::optional(std::move(out));
  }
  out += '[';
  for (const JsonNode* node : nodes) {
    if (out.size() > 1) out += ',';
    append_json(out, *node);
    if (out.size() > kBytesMax)
      return refused("the path leads to more than " + std::to_string(kBytesMax >> 20) + " MB");
  }
  out += ']';
  return std::optional(std::move(out));
}

}  // namespace kimdb::engine
