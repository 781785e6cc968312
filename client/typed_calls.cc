// Client's typed functions: a call, and its reply turned into what the function promises.
#include <string>
#include <utility>

#include "client/client.h"
#include "client/errors.h"

namespace kimdb::client {
namespace {

using std::chrono::milliseconds;

Error unexpected(std::string_view command) {
  return {ErrorCode::unsupported, std::string(command) + " was answered with an unexpected reply"};
}

// The reply where there is one that is no error.
Result<Value> good(Result<Value> reply) {
  if (reply && reply->is_error()) return error_of(*reply);
  return reply;
}

Result<std::int64_t> integer(Result<Value> answer, std::string_view command) {
  auto reply = good(std::move(answer));
  if (!reply) return std::move(reply).error();
  if (reply->type != Value::Type::integer) return unexpected(command);
  return reply->integer;
}

Result<bool> yes(Result<Value> answer, std::string_view command) {
  auto number = integer(std::move(answer), command);
  if (!number) return std::move(number).error();
  return *number != 0;
}

std::optional<std::string> text(Value& value) {
  if (value.is_null()) return std::nullopt;
  return std::move(value.string);
}

Status done(Result<Value> answer) {
  auto reply = good(std::move(answer));
  if (!reply) return std::move(reply).error();
  return {};
}

}  // namespace

Status Client::ping() { return done(call({"PING"})); }

Result<std::optional<std::string>> Client::get(std::string_view key) {
  auto reply = good(call({"GET", key}));
  if (!reply) return std::move(reply).error();
  return text(*reply);
}

Result<bool> Client::set(std::string_view key, std::string_view value, const SetOptions& options) {
  std::vector<std::string_view> words{"SET", key, value};
  std::string milliseconds_text;
  if (options.expire_after) {
    milliseconds_text = std::to_string(options.expire_after->count());
    words.insert(words.end(), {"PX", milliseconds_text});
  }
  if (options.keep_expiry) words.push_back("KEEPTTL");
  if (options.condition == SetOptions::Condition::if_absent) words.push_back("NX");
  if (options.condition == SetOptions::Condition::if_present) words.push_back("XX");
  auto reply = good(call(std::span<const std::string_view>(words)));
  if (!reply) return std::move(reply).error();
  return !reply->is_null();
}

Result<std::int64_t> Client::del(std::initializer_list<std::string_view> keys) {
  return del(std::span<const std::string_view>(keys.begin(), keys.size()));
}

Result<std::int64_t> Client::del(std::span<const std::string_view> keys) {
  if (keys.empty()) return std::int64_t{0};
  std::vector<std::string_view> words{"DEL"};
  words.insert(words.end(), keys.begin(), keys.end());
  return integer(call(std::span<const std::string_view>(words)), "DEL");
}

Result<bool> Client::exists(std::string_view key) { return yes(call({"EXISTS", key}), "EXISTS"); }

Result<std::int64_t> Client::increment(std::string_view key, std::int64_t by) {
  return integer(call({"INCRBY", key, std::to_string(by)}), "INCRBY");
}

Result<bool> Client::expire(std::string_view key, milliseconds after) {
  return yes(call({"PEXPIRE", key, std::to_string(after.count())}), "PEXPIRE");
}

Result<std::optional<milliseconds>> Client::time_to_live(std::string_view key) {
  auto left = integer(call({"PTTL", key}), "PTTL");
  if (!left) return std::move(left).error();
  if (*left < 0) return std::optional<milliseconds>();
  return std::optional(milliseconds(*left));
}

Result<std::vector<std::optional<std::string>>> Client::get_many(
    std::span<const std::string_view> keys) {
  std::vector<std::optional<std::string>> values;
  if (keys.empty()) return values;
  std::vector<std::string_view> words{"MGET"};
  words.insert(words.end(), keys.begin(), keys.end());
  auto reply = good(call(std::span<const std::string_view>(words)));
  if (!reply) return std::move(reply).error();
  if (!reply->is_list() || reply->elements.size() != keys.size()) return unexpected("MGET");
  for (Value& value : reply->elements) values.push_back(text(value));
  return values;
}

Status Client::set_many(std::span<const std::pair<std::string_view, std::string_view>> pairs) {
  if (pairs.empty()) return {};
  std::vector<std::string_view> words{"MSET"};
  for (const auto& [key, value] : pairs) words.insert(words.end(), {key, value});
  return done(call(std::span<const std::string_view>(words)));
}

Result<ScanPage> Client::scan(std::string_view cursor, std::string_view pattern,
                              std::int64_t count) {
  auto reply = good(call({"SCAN", cursor, "MATCH", pattern, "COUNT", std::to_string(count)}));
  if (!reply) return std::move(reply).error();
  if (reply->elements.size() != 2 || !reply->elements[1].is_list()) return unexpected("SCAN");
  ScanPage page{.cursor = std::move(reply->elements[0].string)};
  for (Value& key : reply->elements[1].elements) page.keys.push_back(std::move(key.string));
  return page;
}

Result<std::int64_t> Client::publish(std::string_view channel, std::string_view payload) {
  return integer(call({"PUBLISH", channel, payload}), "PUBLISH");
}

}  // namespace kimdb::client
