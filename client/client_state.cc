#include "client/client_state.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "base/ascii.h"
#include "base/check.h"
#include "client/errors.h"
#include "client/repeatable.h"

namespace kimdb::client {
namespace {

using protocol::Value;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{50};
constexpr milliseconds kLongestPause{2000};
// A server that closes the connection at a command will do so again.
constexpr int kAttemptsMax = 3;

Error outcome_unknown(const std::string& why) {
  return {ErrorCode::io_error, why + "; whether the command was executed is unknown"};
}

// However it broke, a connection can be made again.
Error broken(Error error) {
  if (error.code == ErrorCode::io_error) error.code = ErrorCode::unavailable;
  return error;
}

// Its only answer is that the connection is closed.
bool is_shutdown(std::span<const std::string_view> words) {
  const auto command = without_prefixes(words);
  return !command.empty() && equals_ignoring_case(command[0], "SHUTDOWN");
}

Value ok() { return {.type = Value::Type::simple, .string = "OK"}; }

}  // namespace

ClientState::ClientState(Options options, Address address, TlsContextPointer tls)
    : options_(std::move(options)),
      address_(std::move(address)),
      connection_(options_.reply_bytes_max, std::move(tls)) {}

// --- commands ---

Status ClientState::run(const Pipeline& commands, std::vector<Value>& replies,
                        const TakeElements* take) {
  Exchange pass{.commands = commands, .replies = replies, .take = take};
  // MONITOR's lines cannot be told from replies: the connection is of no use for anything else.
  if (memory_.monitoring()) lose_connection("");
  Status considered;
  wants_streams_ = wants_streams_ || take != nullptr;
  for (int attempt = 1;; ++attempt) {
    const bool stands = look();
    if (considered) considered = consider(pass);
    if (pass.done == commands.size()) return {};
    if (pass.done == pass.end) return considered;
    if (!stands) KIMDB_RETURN_IF_ERROR(connect_again());
    pass.first = pass.done;
    pass.sent_bytes = 0;
    pass.confirmations.clear();
    if (take != nullptr && !streams_ && !memory_.in_transaction()) {
      if (const Status asked = ask_for_streams(patience(options_.connect_timeout)); !asked) {
        lose_connection(asked.error().message);
        if (attempt == kAttemptsMax) return asked;
        continue;
      }
    }
    connection_.hand_out(take != nullptr);
    const Status status = exchange(pass);
    connection_.hand_out(false);
    if (memory_.ended()) lose_connection("");
    if (status) return considered;
    const bool was_lost = status.error().code == ErrorCode::unavailable;
    auto error = after_loss(pass, status.error());
    if (pass.done == commands.size()) return {};
    if (!error && pass.done == pass.end) return considered;
    // Where waiting ended by the caller's will or patience it is not begun again.
    if (!error && was_lost && attempt < kAttemptsMax) continue;
    for (std::size_t i = pass.done; i < commands.size(); ++i)
      if (memory_.is_of_interest(commands.name(i))) memory_.note_not_sent(commands.words(i));
    if (error) return *error;
    if (!was_sent(pass, pass.done))
      return Error{ErrorCode::unavailable, status.error().message + "; nothing was executed"};
    return Error{ErrorCode::io_error, status.error().message};
  }
}

// Looks at what is to be sent: answers what needs no server, and ends the pass before a command
// that is refused. Its error is what that one is answered.
Status ClientState::consider(Exchange& pass) {
  const Pipeline& commands = pass.commands;
  pass.end = commands.size();
  for (std::size_t i = pass.done; i < commands.size(); ++i) {
    if (!memory_.is_of_interest(commands.name(i))) continue;
    Error why;
    switch (memory_.consider(commands.words(i), why)) {
      case SessionMemory::Verdict::send:
        break;
      case SessionMemory::Verdict::done:
        // Everything before it was answered so, too: else it would have been refused.
        KIMDB_CHECK(i == pass.done);
        pass.replies.push_back(ok());
        ++pass.done;
        break;
      case SessionMemory::Verdict::refused:
        pass.end = i;
        while (++i < commands.size())
          if (memory_.is_of_interest(commands.name(i))) memory_.note_not_sent(commands.words(i));
        return why;
    }
  }
  return {};
}

// The connection broke at the first command without a reply, or waiting for it ended. Answers that
// one where its answer is known; the error where it must not be sent again.
std::optional<Error> ClientState::after_loss(Exchange& pass, const Error& error) {
  const bool was_lost = error.code == ErrorCode::unavailable;
  const auto words = pass.commands.words(pass.done);
  if (was_lost && was_sent(pass, pass.done) && is_shutdown(words)) {
    lose_connection("");
    pass.replies.push_back(ok());
    ++pass.done;
    return std::nullopt;
  }
  const bool was_bound = memory_.is_bound();
  // Closed here on purpose where waiting ended: that is told by the error alone.
  lose_connection(was_lost ? error.message : "");
  if (was_bound && memory_.is_ended_by(words)) {
    pass.replies.push_back(ok());
    ++pass.done;
    return std::nullopt;
  }
  if (was_bound) return Error{ErrorCode::io_error, error.message + memory_.tell_loss(words)};
  if (pass.handed_out)
    return Error{ErrorCode::io_error, error.message + "; the rest of the reply is missing"};
  if (!was_sent(pass, pass.done) || may_repeat(pass)) return std::nullopt;
  return outcome_unknown(error.message);
}

// Sends what is left of the commands and takes their replies as they come: a server may stop
// reading from someone who does not read. unavailable where the connection broke, io_error where
// waiting ended otherwise, unsupported where the server does not speak RESP.
Status ClientState::exchange(Exchange& pass) {
  const std::string_view bytes =
      pass.commands.encoded_from(pass.first)
          .substr(0, pass.commands.begin_of(pass.end) - pass.commands.begin_of(pass.first));
  Patience patient = patience(options_.reply_timeout);
  while (pass.done < pass.end) {
    KIMDB_RETURN_IF_ERROR(send_part(pass, bytes));
    auto value = connection_.poll_value();
    if (pass.take != nullptr && hand_out(pass)) patient = patience(options_.reply_timeout);
    if (!value) return broken(std::move(value).error());
    if (value->has_value()) {
      if (take_reply(pass, std::move(**value))) patient = patience(options_.reply_timeout);
      continue;
    }
    switch (connection_.wait(pass.sent_bytes < bytes.size(), patient)) {
      case Waited::ready:
        break;
      case Waited::timed_out:
        return Error{ErrorCode::io_error, "no reply from " + to_string(address_) + " in time"};
      case Waited::cancelled:
        return Error{ErrorCode::io_error, "cancelled"};
    }
  }
  return {};
}

// What has come of a list that is handed out.
bool ClientState::hand_out(Exchange& pass) {
  std::vector<Value> elements = connection_.take_elements();
  if (elements.empty()) return false;
  pass.handed_out = true;
  (*pass.take)(std::move(elements));
  return true;
}

Status ClientState::send_part(Exchange& pass, std::string_view bytes) {
  if (pass.sent_bytes == bytes.size()) return {};
  auto sent = connection_.send_some(bytes.substr(pass.sent_bytes));
  if (!sent) return broken(std::move(sent).error());
  pass.sent_bytes += *sent;
  return {};
}

// True where the value was (a part of) the reply to the first command without one.
bool ClientState::take_reply(Exchange& pass, Value value) {
  const std::size_t index = pass.done;
  if (value.type != Value::Type::push) pass.handed_out = false;
  if (!memory_.is_of_interest(pass.commands.name(index))) {
    if (value.type == Value::Type::push) return take_unrequested(std::move(value)), false;
    memory_.note_use();
    pass.replies.push_back(std::move(value));
    ++pass.done;
    return true;
  }
  const std::vector<std::string_view> words = pass.commands.words(index);
  if (value.type == Value::Type::push) {
    const std::size_t expected = memory_.confirmations(words);
    if (expected == 0 || !is_confirmation(value)) {
      return take_unrequested(std::move(value)), false;
    }
    pass.confirmations.push_back(std::move(value));
    if (pass.confirmations.size() < expected) return true;
    value = Value{.type = Value::Type::array, .elements = std::move(pass.confirmations)};
    pass.confirmations.clear();
  }
  memory_.note_use();
  memory_.note(words, value);
  pass.replies.push_back(std::move(value));
  ++pass.done;
  return true;
}

// Whether the server may have the whole command: of one that the kernel did not take to its last
// byte nothing was executed.
bool ClientState::was_sent(const Exchange& pass, std::size_t index) {
  return pass.commands.begin_of(index + 1) - pass.commands.begin_of(pass.first) <= pass.sent_bytes;
}

bool ClientState::may_repeat(const Exchange& pass) {
  for (std::size_t i = pass.done; i < pass.commands.size() && was_sent(pass, i); ++i) {
    if (!is_repeatable(pass.commands.words(i))) return false;
  }
  return true;
}

// --- events ---

Result<std::optional<Event>> ClientState::next_event(milliseconds timeout) {
  const Patience patient = patience(timeout);
  while (events_.empty()) {
    const bool monitored = memory_.monitoring();
    if (!look()) KIMDB_RETURN_IF_ERROR(connect_again());
    if (monitored && !memory_.monitoring()) {
      return Error{ErrorCode::unavailable, "the connection was lost, and with it MONITOR"};
    }
    if (!events_.empty()) break;
    auto value = connection_.poll_value();
    if (!value) {
      lose_connection(value.error().message);
    } else if (value->has_value()) {
      take_unrequested(std::move(**value));
    } else {
      const Waited waited = connection_.wait(false, patient);
      if (waited == Waited::timed_out) return std::optional<Event>();
      if (waited == Waited::cancelled) return Error{ErrorCode::unavailable, "cancelled"};
    }
  }
  Event event = std::move(events_.front());
  events_.pop_front();
  return std::optional<Event>(std::move(event));
}

void ClientState::take_unrequested(Value value) {
  if (value.type == Value::Type::push) {
    keep_event(event_of(std::move(value)));
  } else if (memory_.monitoring()) {
    keep_event({.kind = Event::Kind::monitor, .payload = std::move(value.string)});
  } else {
    // What a server says before it closes; anything else would be taken for the next reply.
    lose_connection(value.is_error() ? value.string : "the server sent what nobody asked for");
  }
}

void ClientState::keep_event(Event event) {
  if (events_.size() >= options_.events_max) {
    events_.pop_front();
    ++events_dropped_;
  }
  events_.push_back(std::move(event));
}

// --- the connection ---

bool ClientState::look() {
  while (connection_.is_open()) {
    auto value = connection_.poll_value();
    if (!value) {
      lose_connection(value.error().message);
    } else if (!value->has_value()) {
      return true;
    } else {
      take_unrequested(std::move(**value));
    }
  }
  return false;
}

void ClientState::disconnect() {
  lose_connection("");
  memory_.forget_subscriptions();
  memory_.forget_loss();
}

Status ClientState::end_events() {
  if (!memory_.monitoring() && !memory_.transaction_lost() && look()) {
    Pipeline commands;
    commands.add({"UNSUBSCRIBE"}).add({"PUNSUBSCRIBE"});
    std::vector<Value> replies;
    if (const Status status = run(commands, replies)) return {};
  }
  lose_connection("");
  memory_.forget_subscriptions();
  return {};
}

Status ClientState::connect_again() {
  const auto deadline = std::chrono::steady_clock::now() + options_.reconnect_timeout;
  for (milliseconds wait = kFirstPause;; wait = std::min(2 * wait, kLongestPause)) {
    Status status = connect_once();
    if (status || status.error().code != ErrorCode::unavailable) return status;
    if (std::chrono::steady_clock::now() + wait > deadline) return status;
    notify(Notice::Kind::retrying, status.error().message);
    if (!pause(wait, deadline)) return status;
  }
}

Status ClientState::connect_once() {
  const Patience patient = patience(options_.connect_timeout);
  KIMDB_RETURN_IF_ERROR(connection_.open(address_, patient));
  Status status = log_in(patient);
  streams_ = false;
  if (status && wants_streams_) status = ask_for_streams(patient);
  if (status && was_connected_) status = restore(patient);
  if (!status) {
    connection_.close();
    return status;
  }
  was_connected_ = true;
  if (std::exchange(loss_told_, false)) notify(Notice::Kind::connected, "");
  return {};
}

Status ClientState::log_in(const Patience& patient) {
  std::vector<std::string_view> hello{"HELLO", "3"};
  if (memory_.has_login()) {
    hello.insert(hello.end(), {"AUTH", memory_.user(), memory_.password()});
  } else if (!options_.password.empty() || !options_.user.empty()) {
    hello.insert(hello.end(), {"AUTH", options_.user, options_.password});
    if (options_.user.empty()) hello[hello.size() - 2] = "default";
  }
  const std::string& name = memory_.name().value_or(options_.name);
  if (!name.empty()) hello.insert(hello.end(), {"SETNAME", name});
  auto reply = ask(hello, patient);
  if (!reply) return std::move(reply).error();
  if (!reply->is_error()) return take_server_info(*reply), Status();
  Error error = error_of(*reply);
  // A server that does not know HELLO refuses it as it refuses any unknown command.
  if (error.code == ErrorCode::invalid_argument) error.code = ErrorCode::unsupported;
  return std::move(error).in("opening a RESP3 connection to " + to_string(address_));
}

// A server that refuses knows no such lists, and sends none.
Status ClientState::ask_for_streams(const Patience& patient) {
  auto reply = ask(std::vector<std::string_view>{"CLIENT", "STREAM", "ON"}, patient);
  if (!reply) return std::move(reply).error();
  streams_ = true;
  return {};
}

// The keyspace, the subscriptions and DOC WATCH that the last connection had.
Status ClientState::restore(const Patience& patient) {
  const auto repeat = [&](const std::vector<std::string_view>& words) -> Status {
    auto reply = ask(words, patient);
    if (!reply) return std::move(reply).error();
    return reply->is_error() ? Status(error_of(*reply)) : Status();
  };
  if (memory_.keyspace() != 0) {
    const std::string number = std::to_string(memory_.keyspace());
    KIMDB_RETURN_IF_ERROR(repeat({"SELECT", number}));
  }
  // Their confirmations are pushes: the PING behind them is what is waited for.
  Pipeline subscriptions;
  std::vector<std::string_view> words{"SUBSCRIBE"};
  words.insert(words.end(), memory_.channels().begin(), memory_.channels().end());
  if (words.size() > 1) subscriptions.add(words);
  words.assign({"PSUBSCRIBE"});
  words.insert(words.end(), memory_.patterns().begin(), memory_.patterns().end());
  if (words.size() > 1) subscriptions.add(words);
  for (const auto& [collection, filter] : memory_.watches()) {
    words.assign({"DOC", "WATCH", collection});
    if (filter) words.push_back(*filter);
    subscriptions.add(words);
  }
  if (subscriptions.empty()) return {};
  // What is pushed meanwhile is newer than what is said here.
  std::deque<Event> told;
  if (!memory_.channels().empty() || !memory_.patterns().empty())
    told.push_back({.kind = Event::Kind::resubscribed});
  std::vector<Value> replies;
  Exchange pass{.commands = subscriptions, .replies = replies};
  const std::size_t kept = events_.size();
  KIMDB_RETURN_IF_ERROR(exchange(pass));
  for (const Value& reply : replies) {
    if (reply.is_error()) return error_of(reply);
  }
  auto documents = replies.end() - static_cast<std::ptrdiff_t>(memory_.watches().size());
  for (const auto& [collection, filter] : memory_.watches())
    told.push_back({.kind = Event::Kind::resubscribed,
                    .channel = collection,
                    .value = std::move(*documents++)});
  const std::size_t place = std::min(kept, events_.size());
  events_.insert(events_.begin() + static_cast<std::ptrdiff_t>(place),
                 std::make_move_iterator(told.begin()), std::make_move_iterator(told.end()));
  return {};
}

// A command of the connection's own, before the caller's.
Result<Value> ClientState::ask(std::span<const std::string_view> words, const Patience& patient) {
  Pipeline command;
  command.add(words);
  std::string_view bytes = command.encoded_from(0);
  while (!bytes.empty()) {
    auto sent = connection_.send_some(bytes);
    if (!sent) return Error{ErrorCode::unavailable, std::move(sent).error().message};
    bytes.remove_prefix(*sent);
    if (!bytes.empty() && connection_.wait(true, patient) != Waited::ready) break;
  }
  for (;;) {
    auto reply = connection_.wait_value(patient);
    if (!reply) return std::move(reply).error();
    if (!reply->has_value()) break;
    if ((*reply)->type != Value::Type::push) return std::move(**reply);
    take_unrequested(std::move(**reply));
  }
  return Error{ErrorCode::unavailable, "no answer from " + to_string(address_) + " in time"};
}

void ClientState::take_server_info(const Value& hello) {
  server_ = {};
  for (std::size_t i = 0; i + 1 < hello.elements.size(); i += 2) {
    const std::string& name = hello.elements[i].string;
    const Value& value = hello.elements[i + 1];
    if (name == "server") server_.server = value.string;
    if (name == "version") server_.version = value.string;
    if (name == "role") server_.role = value.string;
    if (name == "id") server_.connection_id = value.integer;
  }
}

// An empty `why`: on purpose, nothing to tell.
void ClientState::lose_connection(std::string why) {
  if (!connection_.is_open()) return;
  connection_.close();
  const bool was_in_transaction = memory_.in_transaction();
  memory_.connection_lost();
  if (why.empty()) return;
  loss_told_ = true;
  if (was_in_transaction) why += ", and with it the transaction";
  notify(Notice::Kind::lost, std::move(why));
}

void ClientState::notify(Notice::Kind kind, std::string text) {
  if (options_.on_notice) options_.on_notice({.kind = kind, .text = std::move(text)});
}

Patience ClientState::patience(milliseconds timeout) const {
  return {.deadline = deadline_after(timeout), .cancel_descriptor = options_.cancel_descriptor};
}

// False where it was cancelled.
bool ClientState::pause(milliseconds time, std::optional<TimePoint> deadline) const {
  const TimePoint end = std::chrono::steady_clock::now() + time;
  constexpr int kNoDescriptor = -1;  // poll leaves it out
  return wait_for(kNoDescriptor, 0, std::min(end, deadline.value_or(end)),
                  options_.cancel_descriptor) != Waited::cancelled;
}

}  // namespace kimdb::client
