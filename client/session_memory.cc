#include "client/session_memory.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "client/repeatable.h"

namespace kimdb::client {
namespace {

using protocol::Value;

// Commands that change what a connection is, and the prefix words that may stand before them.
constexpr std::string_view kOfInterest[] = {
    "MULTI",     "EXEC",        "DISCARD",    "WATCH",        "UNWATCH",  "SELECT", "AUTH",
    "HELLO",     "RESET",       "QUIT",       "MONITOR",      "ACK",      "ID",     "AFTER",
    "SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "EXPLAINED"};

bool is_subscription(std::string_view name) {
  return equals_ignoring_case(name, "SUBSCRIBE") || equals_ignoring_case(name, "PSUBSCRIBE") ||
         equals_ignoring_case(name, "UNSUBSCRIBE") || equals_ignoring_case(name, "PUNSUBSCRIBE");
}

bool is_ok(const Value& reply) { return reply.type == Value::Type::simple && reply.string == "OK"; }

}  // namespace

bool SessionMemory::is_of_interest(std::string_view name) {
  return std::ranges::any_of(
      kOfInterest, [&](std::string_view other) { return equals_ignoring_case(name, other); });
}

void SessionMemory::note(std::span<const std::string_view> all_words, const Value& reply) {
  const auto words = without_prefixes(all_words);
  if (words.empty()) return;
  const auto is = [&](std::string_view name) { return equals_ignoring_case(words[0], name); };
  if (is("EXEC")) {
    // Whatever it answers (done, aborted, refused), no transaction is left.
    in_transaction_ = watching_ = false;
  } else if (reply.is_error()) {
    return;
  } else if (is_subscription(words[0])) {
    if (reply.is_list()) note_subscription(words[0], words.subspan(1));
  } else if (is("HELLO")) {
    note_login(words);
  } else if (!is_ok(reply) && !is("RESET")) {
    return;  // QUEUED: it has not happened yet
  } else if (is("MULTI")) {
    in_transaction_ = true;
  } else if (is("DISCARD")) {
    in_transaction_ = watching_ = false;
  } else if (is("WATCH")) {
    watching_ = true;
  } else if (is("UNWATCH")) {
    watching_ = false;
  } else if (is("SELECT") && words.size() > 1) {
    std::from_chars(words[1].data(), words[1].data() + words[1].size(), keyspace_);
  } else if (is("AUTH")) {
    note_login(words);
  } else if (is("MONITOR")) {
    monitoring_ = true;
  } else if (is("RESET") || is("QUIT")) {
    // A reset connection has lost its login and RESP3: a new one is simpler to trust.
    ended_ = true;
    keyspace_ = 0;
    forget_subscriptions();
  }
}

void SessionMemory::note_login(std::span<const std::string_view> words) {
  // AUTH [user] password; HELLO 3 AUTH user password
  if (equals_ignoring_case(words[0], "AUTH")) {
    if (words.size() < 2 || words.size() > 3) return;
    user_ = words.size() == 3 ? words[1] : "default";
    password_ = words.back();
    has_login_ = true;
    return;
  }
  for (std::size_t i = 2; i + 2 < words.size(); ++i) {
    if (!equals_ignoring_case(words[i], "AUTH")) continue;
    user_ = words[i + 1];
    password_ = words[i + 2];
    has_login_ = true;
    return;
  }
}

void SessionMemory::note_subscription(std::string_view name,
                                      std::span<const std::string_view> names) {
  auto& subscribed = to_lower(name[0]) == 'p' ? patterns_ : channels_;
  if (equals_ignoring_case(name, "SUBSCRIBE") || equals_ignoring_case(name, "PSUBSCRIBE")) {
    subscribed.insert(names.begin(), names.end());
  } else if (names.empty()) {
    subscribed.clear();
  } else {
    for (const std::string_view channel : names) {
      if (const auto found = subscribed.find(channel); found != subscribed.end()) {
        subscribed.erase(found);
      }
    }
  }
}

void SessionMemory::connection_lost() {
  in_transaction_ = watching_ = monitoring_ = ended_ = false;
}

void SessionMemory::forget_subscriptions() {
  channels_.clear();
  patterns_.clear();
}

std::size_t SessionMemory::confirmations(std::span<const std::string_view> all_words) const {
  const auto words = without_prefixes(all_words);
  if (words.empty() || !is_subscription(words[0])) return 0;
  if (words.size() > 1) return words.size() - 1;
  const bool patterns = to_lower(words[0][0]) == 'p';
  return std::max<std::size_t>(1, patterns ? patterns_.size() : channels_.size());
}

}  // namespace kimdb::client
