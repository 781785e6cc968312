#include "engine/field_merge.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "engine/document.h"

namespace kimdb::engine {

namespace {

// No time that a clock gives in these millennia is later, and any double holds it exactly.
constexpr std::int64_t kLatestMs = std::int64_t{1} << 53;

std::optional<std::int64_t> time_of(const JsonNode& node) {
  if (node.kind != JsonKind::number || node.text.empty() || node.text.size() > 16)
    return std::nullopt;
  std::int64_t value = 0;
  for (const char c : node.text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  if (value > kLatestMs) return std::nullopt;
  return value;
}

std::string text_of(const JsonNode& node) {
  std::string text;
  append_json(text, node);
  return text;
}

struct Times {
  std::int64_t base = 0;
  std::map<std::string, std::int64_t> fields;

  std::int64_t of(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? base : found->second;
  }
};

// Takes them off the body.
Times take_times(JsonNode& body, std::int64_t updated_at_ms) {
  Times times{.base = updated_at_ms, .fields = {}};
  const auto member =
      std::find_if(body.members.begin(), body.members.end(),
                   [](const JsonMember& each) { return each.name == kTimesMember; });
  if (member == body.members.end()) return times;
  if (const JsonMember* base = member->value.find("base"))
    times.base = time_of(base->value).value_or(updated_at_ms);
  if (const JsonMember* fields = member->value.find("fields"))
    for (const JsonMember& field : fields->value.members)
      if (const auto time = time_of(field.value)) times.fields[field.name] = *time;
  body.members.erase(member);
  return times;
}

void append_times(std::string& out, const Times& times) {
  out.pop_back();  // }
  if (out.size() > 1) out += ',';
  append_json_string(out, kTimesMember);
  out += ":{\"base\":" + std::to_string(times.base) + ",\"fields\":{";
  bool first = true;
  for (const auto& [name, time] : times.fields) {
    if (!std::exchange(first, false)) out += ',';
    append_json_string(out, name);
    out += ':' + std::to_string(time);
  }
  out += "}}}";
}

}  // namespace

Status check_field_writes(const JsonNode& writes, std::int64_t latest_ms) {
  const auto wrong = [](std::string why) {
    return Error{ErrorCode::invalid_argument, std::move(why)};
  };
  if (writes.kind != JsonKind::object || writes.members.empty())
    return wrong("the fields are an object: {\"name\": {\"value\": …, \"ts\": Unix ms}}");
  for (const JsonMember& field : writes.members) {
    std::string quoted;
    append_json_string(quoted, field.name);
    const JsonMember* value = field.value.find("value");
    const JsonMember* ts = field.value.find("ts");
    if (value == nullptr || ts == nullptr || field.value.members.size() != 2)
      return wrong("the field " + quoted + " is not {\"value\": …, \"ts\": Unix ms}");
    const auto time = time_of(ts->value);
    if (!time) return wrong("the ts of the field " + quoted + " is no time in ms");
    if (*time > latest_ms)
      return wrong("the ts of the field " + quoted + " is later than this server's clock");
    if (is_own_member(field.name)) return wrong("the field " + quoted + " is kimdb's own");
  }
  return {};
}

Result<FieldMerge> merge_fields(std::string_view body, std::int64_t updated_at_ms,
                                const JsonNode& writes) {
  const bool is_new = body.empty();
  auto tree = parse_json_tree(is_new ? "{}" : body);
  if (!tree) return std::move(tree).error();
  Times times = take_times(*tree, is_new ? 0 : updated_at_ms);
  FieldMerge merged;
  MemberTable members(*tree);
  for (const JsonMember& write : writes.members) {
    const std::int64_t time = time_of(write.value.find("ts")->value).value_or(0);
    const JsonNode& value = write.value.find("value")->value;
    JsonNode* const there = members.find(write.name);
    const bool removes = value.kind == JsonKind::null;
    const std::string now = there == nullptr ? "" : text_of(*there);
    const std::string then = removes ? "" : text_of(value);
    const std::int64_t known = times.of(write.name);
    if (time < known || (time == known && then <= now)) continue;
    times.fields[write.name] = time;
    merged.applied.push_back(write.name);
    if (removes)
      members.remove(write.name);
    else
      (there != nullptr ? *there : members.add(write.name, write.written_name)) = value;
  }
  members.finish();
  if (merged.applied.empty() && !is_new) {
    merged.body = body;
    return merged;
  }
  append_json(merged.body, *tree);
  append_times(merged.body, times);
  return merged;
}

}  // namespace kimdb::engine
