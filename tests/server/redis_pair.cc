#include "tests/server/redis_pair.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace kimdb::support {
namespace {

bool is_named(const StreamCommand& command, std::string_view name) {
  return std::ranges::equal(command.words[0], name,
                            [](unsigned char a, unsigned char b) { return std::toupper(a) == b; });
}

std::vector<std::string> sorted_elements(const RespReply& reply) {
  std::vector<std::string> raw;
  for (const RespReply& element : reply.elements) raw.push_back(element.raw);
  std::ranges::sort(raw);
  return raw;
}

bool same_shape(const RespReply& a, const RespReply& b) {
  return a.type == b.type && a.null == b.null &&
         std::ranges::equal(a.elements, b.elements, same_shape);
}

bool is_near(const RespReply& a, const RespReply& b, std::int64_t tolerance) {
  if (a.type != ':' || b.type != ':') return a.raw == b.raw;
  const std::int64_t x = std::strtoll(a.text.c_str(), nullptr, 10);
  const std::int64_t y = std::strtoll(b.text.c_str(), nullptr, 10);
  return x < 0 || y < 0 ? x == y : std::llabs(x - y) <= tolerance;
}

void gather_leaves(const RespReply& reply, std::vector<std::string>& leaves) {
  if (reply.elements.empty()) leaves.push_back(reply.raw);
  for (const RespReply& element : reply.elements) gather_leaves(element, leaves);
}

// Every part of every reply, sorted.
std::string heap_of_parts(const std::vector<RespReply>& replies) {
  std::vector<std::string> leaves;
  for (const RespReply& reply : replies) gather_leaves(reply, leaves);
  std::ranges::sort(leaves);
  std::string all;
  for (const std::string& leaf : leaves) all += leaf;
  return all;
}

std::string joined(const std::vector<RespReply>& replies) {
  std::string all;
  for (const RespReply& reply : replies) all += reply.raw;
  return all;
}

std::string sorted_and_joined(const std::vector<RespReply>& replies) {
  std::vector<std::string> raw;
  for (const RespReply& reply : replies) raw.push_back(reply.raw);
  std::ranges::sort(raw);
  std::string all;
  for (const std::string& one : raw) all += one;
  return all;
}

bool answers(const RespReply& reply, const std::string& token) {
  return reply.text == token || (!reply.elements.empty() && reply.elements.back().text == token &&
                                 reply.elements.front().text == "pong");
}

// The replies before the answer to PING `token`, and that answer as the last one.
std::vector<RespReply> receive_until(TcpClient& client, const std::string& token) {
  std::vector<RespReply> replies;
  do {
    replies.push_back(client.receive_reply());
  } while (!answers(replies.back(), token));
  return replies;
}

}  // namespace

void RecentCommands::add(std::string line) {
  constexpr std::size_t kShown = 40;
  lines_.push_back(std::move(line));
  if (lines_.size() > kShown) lines_.pop_front();
}

std::string RecentCommands::text() const {
  std::string text;
  for (const std::string& line : lines_) text += "  " + line + "\n";
  return text;
}

std::string readable_command(const StreamCommand& command) {
  constexpr std::size_t kShownOfWord = 100;
  std::string text;
  for (const std::string& word : command.words) {
    text += (text.empty() ? "\"" : " \"") + readable(word, kShownOfWord) + "\"";
  }
  return text;
}

bool alike(const StreamCommand& command, const RespReply& redis, const RespReply& kimdb) {
  if (command.compare == Compare::nothing) return true;
  if (redis.is_error() || kimdb.is_error()) return redis.raw == kimdb.raw;
  switch (command.compare) {
    case Compare::sorted:
      return redis.type == kimdb.type && sorted_elements(redis) == sorted_elements(kimdb);
    case Compare::near:
      return is_near(redis, kimdb, command.tolerance);
    case Compare::shape:
      return same_shape(redis, kimdb);
    default:
      return redis.raw == kimdb.raw;
  }
}

void RedisPair::run(const std::vector<StreamCommand>& commands) {
  std::string bytes;
  for (const StreamCommand& command : commands) send(command, bytes);
  redis_.send(bytes);
  kimdb_.send(bytes);
  for (const StreamCommand& command : commands) {
    const RespReply redis = redis_.receive_reply();
    RespReply kimdb;
    try {
      kimdb = kimdb_.receive_reply();
    } catch (const std::runtime_error& error) {
      differ(command, readable(redis.raw), error.what());
    }
    compare(command, redis, kimdb);
    follow(command, redis);
  }
}

RespReply RedisPair::run(const StreamCommand& command) {
  std::string bytes;
  send(command, bytes);
  redis_.send(bytes);
  kimdb_.send(bytes);
  const RespReply redis = redis_.receive_reply();
  compare(command, redis, kimdb_.receive_reply());
  follow(command, redis);
  return redis;
}

void RedisPair::send(const StreamCommand& command) {
  std::string bytes;
  send(command, bytes);
  redis_.send(bytes);
  kimdb_.send(bytes);
}

void RedisPair::compare_received(int count) {
  for (int i = 0; i < count; ++i) {
    const RespReply redis = redis_.receive_reply(), kimdb = kimdb_.receive_reply();
    if (redis.raw != kimdb.raw)
      differ({{"(what was sent last)"}}, readable(redis.raw), readable(kimdb.raw));
  }
}

void RedisPair::run_until_ping(const StreamCommand& command, bool any_order) {
  run_all_until_ping(std::vector{command}, any_order);
}

void RedisPair::run_all_until_ping(const std::vector<StreamCommand>& commands, bool any_order) {
  std::string bytes;
  for (const StreamCommand& command : commands) send(command, bytes);
  const std::string token = ping();
  bytes += resp_request({"PING", token});
  redis_.send(bytes);
  kimdb_.send(bytes);
  const std::vector<RespReply> redis = receive_until(redis_, token);
  const std::vector<RespReply> kimdb = receive_until(kimdb_, token);
  const bool same =
      any_order ? heap_of_parts(redis) == heap_of_parts(kimdb) : joined(redis) == joined(kimdb);
  if (!same) differ(commands.back(), readable(joined(redis)), readable(joined(kimdb)));
}

void RedisPair::compare_pushed() {
  const StreamCommand command{{"PING", ping()}};
  const std::string& token = command.words[1];
  redis_.send(resp_request(command.words));
  kimdb_.send(resp_request(command.words));
  const std::vector<RespReply> redis = receive_until(redis_, token);
  std::vector<RespReply> kimdb = receive_until(kimdb_, token);
  while (kimdb.size() < redis.size()) kimdb.push_back(kimdb_.receive_reply());
  if (sorted_and_joined(redis) != sorted_and_joined(kimdb)) {
    differ(command, readable(joined(redis)), readable(joined(kimdb)));
  }
}

void RedisPair::send(const StreamCommand& command, std::string& bytes) {
  recent_.add(name_ + ": " + readable_command(command));
  bytes += resp_request(command.words);
}

std::string RedisPair::ping() { return name_ + "-ping-" + std::to_string(++pings_); }

void RedisPair::compare(const StreamCommand& command, const RespReply& redis,
                        const RespReply& kimdb) {
  const bool is_exec = is_named(command, "EXEC") && in_transaction_ && !redis.null &&
                       redis.elements.size() == queued_.size() &&
                       kimdb.elements.size() == queued_.size();
  if (!is_exec) {
    if (!alike(command, redis, kimdb)) differ(command, readable(redis.raw), readable(kimdb.raw));
    return;
  }
  for (std::size_t i = 0; i < queued_.size(); ++i) {
    if (alike(queued_[i], redis.elements[i], kimdb.elements[i])) continue;
    differ(queued_[i], readable(redis.elements[i].raw), readable(kimdb.elements[i].raw));
  }
}

void RedisPair::follow(const StreamCommand& command, const RespReply& reply) {
  if (reply.raw == "+QUEUED\r\n") {
    queued_.push_back(command);
    return;
  }
  const bool begins = is_named(command, "MULTI") && reply.raw == "+OK\r\n";
  // EXEC without MULTI ends nothing; any other answer ends the transaction.
  const bool ends = (is_named(command, "EXEC") && !reply.raw.starts_with("-ERR")) ||
                    (is_named(command, "DISCARD") && !reply.is_error()) ||
                    (is_named(command, "RESET") && !reply.is_error());
  if (begins || ends) {
    in_transaction_ = begins;
    queued_.clear();
  }
}

void RedisPair::differ(const StreamCommand& command, const std::string& redis,
                       const std::string& kimdb) {
  const std::string message = name_ + ": " + readable_command(command) + "\n  redis: " + redis +
                              "\n  kimdb: " + kimdb + "\nbefore it:\n" + recent_.text();
  FAIL(message);
  std::abort();  // FAIL throws
}

}  // namespace kimdb::support
