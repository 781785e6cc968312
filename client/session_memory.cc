#include "client/session_memory.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <utility>

#include "base/ascii.h"
#include "client/repeatable.h"
#include "client/sql_text.h"

namespace kimdb::client {
namespace {

using protocol::Value;
using Words = std::span<const std::string_view>;

// Commands that change what a connection is or ask for it, and the prefix words that may stand
// before them.
constexpr std::string_view kOfInterest[] = {
    "MULTI",     "EXEC",  "DISCARD",   "WATCH",       "UNWATCH",    "SELECT",
    "AUTH",      "HELLO", "RESET",     "QUIT",        "MONITOR",    "ACK",
    "ID",        "AFTER", "SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE",
    "EXPLAINED", "SQL",   "BEGIN",     "START",       "COMMIT",     "END",
    "ROLLBACK",  "DOC",   "CLIENT",    "POSITION",    "WAIT"};

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view other) { return equals_ignoring_case(word, other); });
}

bool is_subscription(std::string_view name) {
  return is_one_of(name, {"SUBSCRIBE", "PSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE"});
}

bool is_ok(const Value& reply) { return reply.type == Value::Type::simple && reply.string == "OK"; }
bool is_queued(const Value& reply) {
  return reply.type == Value::Type::simple && reply.string == "QUEUED";
}

bool begins_transaction(std::string_view verb) {
  return is_one_of(verb, {"BEGIN", "START", "MULTI"});
}
bool commits(std::string_view verb) { return is_one_of(verb, {"COMMIT", "END", "EXEC"}); }
bool gives_up(std::string_view verb) { return is_one_of(verb, {"ROLLBACK", "DISCARD"}); }
bool ends_connection(std::string_view verb) { return is_one_of(verb, {"RESET", "QUIT"}); }

// COMMIT was not so much as tried: the transaction is still open.
bool was_not_tried(const Value& error) {
  const std::string_view text = error.string;
  return is_one_of(text.substr(0, text.find(' ')),
                   {"NOAUTH", "NOPERM", "TIMEOUT", "LOADING", "UNKNOWNPOSITION"}) ||
         text.starts_with("ERR syntax error");
}

bool contains_ignoring_case(std::string_view text, std::string_view part) {
  return !std::ranges::search(text, part, {}, to_lower, to_lower).empty();
}

Error lost(std::string_view what) {
  return {ErrorCode::unavailable, "the connection was lost, and with it " + std::string(what)};
}

constexpr std::string_view kTransactionLost =
    "the transaction: nothing of it was done, and nothing is done until ROLLBACK (or DISCARD), or "
    "until BEGIN (or MULTI) begins it again";

}  // namespace

bool SessionMemory::is_of_interest(std::string_view name) const {
  return in_multi_ || transaction_lost_ || watch_lost_ ||
         std::ranges::any_of(kOfInterest, [&](std::string_view other) {
           return equals_ignoring_case(name, other);
         });
}

// --- before a command is sent ---

SessionMemory::Verdict SessionMemory::consider(Words all_words, Error& why) {
  const Words words = without_prefixes(all_words);
  if (words.empty()) return Verdict::send;
  const auto refuse = [&](std::string_view what) {
    why = {ErrorCode::invalid_argument, std::string(what)};
    return Verdict::refused;
  };
  if (equals_ignoring_case(words[0], "CLIENT") && words.size() > 2 &&
      equals_ignoring_case(words[1], "REPLY") && !equals_ignoring_case(words[2], "ON"))
    return refuse("CLIENT REPLY OFF and SKIP are not for this client: it waits for every reply");
  if (equals_ignoring_case(words[0], "HELLO") && words.size() > 1 && words[1] != "3")
    return refuse("this client speaks RESP3 alone: HELLO 3");
  if (transaction_lost_) return consider_lost_transaction(words, why);
  if (watch_lost_) return consider_lost_watch(words, why);
  return consider_new_connection(words, why);
}

SessionMemory::Verdict SessionMemory::consider_lost_transaction(Words words, Error& why) {
  const std::string_view verb = statement_verb(words);
  if (is_ended_by(words)) return Verdict::done;
  const bool unwatched = watch_lost_ && equals_ignoring_case(verb, "MULTI");
  const bool begins = begins_transaction(verb) && !unwatched;
  if (begins || ends_connection(verb) || (loss_told_ && equals_ignoring_case(verb, "WATCH"))) {
    forget_loss();
    return Verdict::send;
  }
  loss_told_ = true;
  why = lost(unwatched       ? "WATCH: watch the keys again, or DISCARD"
             : commits(verb) ? "the transaction: nothing of it was done"
                             : kTransactionLost);
  if (commits(verb)) forget_loss();
  return Verdict::refused;
}

SessionMemory::Verdict SessionMemory::consider_lost_watch(Words words, Error& why) {
  const std::string_view verb = words[0];
  const bool again = loss_told_ && equals_ignoring_case(verb, "WATCH");
  if (again || ends_connection(verb) || is_one_of(verb, {"UNWATCH", "DISCARD"})) {
    forget_loss();
    return Verdict::send;
  }
  const bool would_miss_it = is_one_of(verb, {"MULTI", "EXEC"});
  if (loss_told_ && !would_miss_it) return Verdict::send;
  loss_told_ = true;
  if (would_miss_it) forget_loss();
  why = lost("WATCH: watch the keys again");
  return Verdict::refused;
}

// What speaks of the connection that it is asked over is asked of another one now: said once.
SessionMemory::Verdict SessionMemory::consider_new_connection(Words words, Error& why) {
  const auto refuse = [&](std::string_view what) {
    why = {ErrorCode::unavailable, "the connection was lost and made again: " + std::string(what) +
                                       " would speak of the new one alone (ask again for that)"};
    return Verdict::refused;
  };
  if (position_new_ && is_one_of(words[0], {"POSITION", "WAIT"})) {
    position_new_ = false;
    return refuse(upper_case(words[0]));
  }
  if (row_id_new_ && words.size() > 1 && equals_ignoring_case(words[0], "SQL") &&
      (contains_ignoring_case(words[1], "last_insert_rowid(") ||
       contains_ignoring_case(words[1], "changes("))) {
    row_id_new_ = false;
    return refuse("last_insert_rowid() and changes()");
  }
  return Verdict::send;
}

void SessionMemory::note_not_sent(Words all_words) {
  const std::string_view verb = statement_verb(without_prefixes(all_words));
  if (commits(verb) || gives_up(verb)) forget_loss();
}

// --- when it was answered ---

void SessionMemory::note(Words all_words, const Value& reply) {
  const Words words = without_prefixes(all_words);
  if (words.empty()) return;
  const auto is = [&](std::string_view name) { return equals_ignoring_case(words[0], name); };
  if (in_multi_ && is_queued(reply)) {
    // It has not happened yet.
    const bool changes_nothing =
        std::ranges::none_of(kOfInterest, [&](std::string_view other) { return is(other); });
    changes_nothing ? queued_.emplace_back() : queued_.emplace_back(words.begin(), words.end());
    return;
  }
  const std::string_view verb = statement_verb(words);
  if (is_one_of(verb, {"BEGIN", "START", "COMMIT", "END", "ROLLBACK"}))
    return note_statement(verb, reply);
  if (is("EXEC")) {
    // Whatever it answers (done, aborted, refused), no transaction is left.
    in_multi_ = watching_ = false;
    note_executed(reply);
  } else if (reply.is_error()) {
    return;
  } else if (is_subscription(words[0])) {
    if (reply.is_list()) note_subscription(words[0], words.subspan(1));
  } else if (is("HELLO")) {
    note_hello(words);
  } else if (is("DOC")) {
    note_document_watch(words);
  } else if (is("SQL")) {
    row_id_new_ = row_id_new_ && reply.type != Value::Type::integer;
  } else if (!is_ok(reply) && !is("RESET")) {
    return;
  } else if (is("MULTI")) {
    in_multi_ = true;
    queued_.clear();
  } else if (is("DISCARD")) {
    in_multi_ = watching_ = false;
  } else if (is("WATCH")) {
    watching_ = true;
  } else if (is("UNWATCH")) {
    watching_ = false;
  } else if (is("SELECT") && words.size() > 1) {
    std::from_chars(words[1].data(), words[1].data() + words[1].size(), keyspace_);
  } else if (is("AUTH")) {
    if (words.size() == 2) note_login("default", words[1]);
    if (words.size() == 3) note_login(words[1], words[2]);
  } else if (is("CLIENT") && words.size() == 3 && equals_ignoring_case(words[1], "SETNAME")) {
    name_ = words[2];
  } else if (is("MONITOR")) {
    monitoring_ = true;
  } else if (is("RESET") || is("QUIT")) {
    // A reset connection has lost its login and RESP3: a new one is simpler to trust.
    ended_ = true;
    in_multi_ = in_sql_ = watching_ = false;
    keyspace_ = 0;
    name_.reset();
    forget_subscriptions();
  }
}

// What was queued has happened.
void SessionMemory::note_executed(const Value& results) {
  const auto queued = std::exchange(queued_, {});
  if (!results.is_list()) return;
  for (std::size_t i = 0; i < queued.size() && i < results.elements.size(); ++i) {
    if (queued[i].empty()) continue;
    const std::vector<std::string_view> words(queued[i].begin(), queued[i].end());
    note(words, results.elements[i]);
  }
}

// BEGIN and the ends of what it begins.
void SessionMemory::note_statement(std::string_view verb, const Value& reply) {
  if (begins_transaction(verb)) {
    in_sql_ = in_sql_ || is_ok(reply);
  } else if (!reply.is_error() || !was_not_tried(reply)) {
    in_sql_ = false;
  }
}

// HELLO 3 AUTH user password SETNAME name
void SessionMemory::note_hello(Words words) {
  for (std::size_t i = 2; i + 1 < words.size(); ++i) {
    if (equals_ignoring_case(words[i], "AUTH") && i + 2 < words.size()) {
      note_login(words[i + 1], words[i + 2]);
      i += 2;
    } else if (equals_ignoring_case(words[i], "SETNAME")) {
      name_ = words[++i];
    }
  }
}

void SessionMemory::note_login(std::string_view user, std::string_view password) {
  user_ = user;
  password_ = password;
  has_login_ = true;
}

void SessionMemory::note_subscription(std::string_view name, Words names) {
  auto& subscribed = to_lower(name[0]) == 'p' ? patterns_ : channels_;
  if (is_one_of(name, {"SUBSCRIBE", "PSUBSCRIBE"})) {
    subscribed.insert(names.begin(), names.end());
  } else if (names.empty()) {
    subscribed.clear();
    // UNSUBSCRIBE ends DOC WATCH as well.
    if (to_lower(name[0]) == 'u') watches_.clear();
  } else {
    for (const std::string_view channel : names) {
      if (const auto found = subscribed.find(channel); found != subscribed.end()) {
        subscribed.erase(found);
      }
    }
  }
}

void SessionMemory::note_document_watch(Words words) {
  if (words.size() < 3) return;
  if (equals_ignoring_case(words[1], "WATCH")) {
    watches_.insert_or_assign(std::string(words[2]), words.size() > 3
                                                         ? std::optional<std::string>(words[3])
                                                         : std::nullopt);
  } else if (equals_ignoring_case(words[1], "UNWATCH")) {
    if (const auto found = watches_.find(words[2]); found != watches_.end()) watches_.erase(found);
  }
}

// --- the connection's end ---

void SessionMemory::connection_lost() {
  if (is_bound()) loss_told_ = false;
  transaction_lost_ = transaction_lost_ || in_transaction();
  watch_lost_ = watch_lost_ || watching_;
  position_new_ = position_new_ || used_;
  row_id_new_ = row_id_new_ || used_;
  in_multi_ = in_sql_ = watching_ = monitoring_ = ended_ = used_ = false;
  queued_.clear();
}

bool SessionMemory::is_ended_by(Words words) {
  if (!transaction_lost_ || !gives_up(statement_verb(without_prefixes(words)))) return false;
  forget_loss();
  return true;
}

std::string SessionMemory::tell_loss(Words words) {
  constexpr std::string_view kUnknown = "; whether the command was executed is unknown";
  loss_told_ = true;
  std::string text = ", and with it ";
  if (!transaction_lost_) return (text += "WATCH") += kUnknown;
  if (commits(statement_verb(without_prefixes(words))))
    return (text += "the transaction") += kUnknown;
  return text += kTransactionLost;
}

void SessionMemory::forget_subscriptions() {
  channels_.clear();
  patterns_.clear();
  watches_.clear();
}

std::size_t SessionMemory::confirmations(Words all_words) const {
  const auto words = without_prefixes(all_words);
  if (words.empty() || !is_subscription(words[0])) return 0;
  if (words.size() > 1) return words.size() - 1;
  const bool patterns = to_lower(words[0][0]) == 'p';
  return std::max<std::size_t>(1, patterns ? patterns_.size() : channels_.size());
}

}  // namespace kimdb::client
