#include "client/client.h"

#include <utility>

#include "client/client_state.h"
#include "client/errors.h"

namespace kimdb::client {

Result<Client> Client::connect(Options options) {
  auto address = parse_address(options.address);
  if (!address) return std::move(address).error();
  TlsContextPointer tls;
  if (const TlsOptions& wanted = options.tls; wanted.enabled) {
    auto context = make_tls_context({.ca = wanted.ca, .cert = wanted.cert, .key = wanted.key},
                                    TlsSide::client, {"tls.ca", "tls.cert", "tls.key"});
    if (!context) return std::move(context).error();
    tls = std::move(*context);
  }
  auto state =
      std::make_unique<ClientState>(std::move(options), std::move(*address), std::move(tls));
  KIMDB_RETURN_IF_ERROR(state->connect_once());
  return Client(std::move(state));
}

Client::Client(std::unique_ptr<ClientState> state) : state_(std::move(state)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

// --- any command ---

namespace {

Error refused(std::string_view what) { return {ErrorCode::invalid_argument, std::string(what)}; }

}  // namespace

Result<Value> Client::call(std::initializer_list<std::string_view> words) {
  return call(std::span<const std::string_view>(words.begin(), words.size()));
}

Result<Value> Client::call(std::span<const std::string_view> words) {
  if (words.empty()) return refused("no command");
  Pipeline one;
  one.add(words);
  std::vector<Value> replies;
  KIMDB_RETURN_IF_ERROR(run(one, replies));
  return std::move(replies.back());
}

Result<Value> Client::call(std::span<const std::string> words) {
  const std::vector<std::string_view> views(words.begin(), words.end());
  return call(std::span<const std::string_view>(views));
}

Result<Value> Client::call_streamed(std::span<const std::string_view> words,
                                    const TakeElements& take) {
  if (words.empty()) return refused("no command");
  Pipeline one;
  one.add(words);
  std::vector<Value> replies;
  KIMDB_RETURN_IF_ERROR(run(one, replies, take));
  return std::move(replies.back());
}

Result<Value> Client::call_streamed(std::span<const std::string> words, const TakeElements& take) {
  const std::vector<std::string_view> views(words.begin(), words.end());
  return call_streamed(std::span<const std::string_view>(views), take);
}

Status Client::run(const Pipeline& commands, std::vector<Value>& replies) {
  return state_->run(commands, replies);
}

Status Client::run(const Pipeline& commands, std::vector<Value>& replies,
                   const TakeElements& take) {
  return state_->run(commands, replies, &take);
}

Result<std::optional<std::vector<Value>>> Client::transaction(const Pipeline& commands) {
  if (in_transaction()) return refused("a transaction is open already");
  Pipeline whole;
  whole.add({"MULTI"}).append(commands).add({"EXEC"});
  std::vector<Value> replies;
  KIMDB_RETURN_IF_ERROR(run(whole, replies));
  Value& executed = replies.back();
  if (executed.is_null()) return std::optional<std::vector<Value>>();
  if (executed.is_list()) return std::optional(std::move(executed.elements));
  // EXEC only says that a command was refused; which, and why, was said when it was queued.
  for (const Value& reply : replies) {
    if (reply.is_error()) return error_of(reply);
  }
  return refused("EXEC was answered with neither results nor an error");
}

// --- subscriptions ---

namespace {

Status subscription(Client& client, std::string_view command,
                    std::initializer_list<std::string_view> names) {
  std::vector<std::string_view> words{command};
  words.insert(words.end(), names.begin(), names.end());
  auto reply = client.call(std::span<const std::string_view>(words));
  if (!reply) return std::move(reply).error();
  return reply->is_error() ? Status(error_of(*reply)) : Status();
}

}  // namespace

Status Client::subscribe(std::initializer_list<std::string_view> channels) {
  return subscription(*this, "SUBSCRIBE", channels);
}

Status Client::subscribe_patterns(std::initializer_list<std::string_view> patterns) {
  return subscription(*this, "PSUBSCRIBE", patterns);
}

Status Client::unsubscribe(std::initializer_list<std::string_view> channels) {
  return subscription(*this, "UNSUBSCRIBE", channels);
}

Status Client::unsubscribe_patterns(std::initializer_list<std::string_view> patterns) {
  return subscription(*this, "PUNSUBSCRIBE", patterns);
}

Result<std::optional<Event>> Client::next_event(std::chrono::milliseconds timeout) {
  return state_->next_event(timeout);
}

Status Client::listen(const std::function<bool(const Event&)>& handle) {
  while (true) {
    auto event = next_event(std::chrono::milliseconds(0));
    if (!event) return std::move(event).error();
    if (event->has_value() && !handle(**event)) return {};
  }
}

Status Client::end_events() { return state_->end_events(); }
std::uint64_t Client::events_dropped() const { return state_->events_dropped(); }

// --- the connection ---

const ServerInfo& Client::server() const { return state_->server(); }
bool Client::is_connected() { return state_->look(); }
Status Client::reconnect() { return state_->look() ? Status() : state_->connect_once(); }
void Client::disconnect() { state_->disconnect(); }
bool Client::in_transaction() const { return state_->memory().in_transaction(); }
int Client::keyspace() const { return state_->memory().keyspace(); }
bool Client::transaction_lost() const { return state_->memory().transaction_lost(); }
bool Client::has_subscriptions() const { return state_->memory().has_subscriptions(); }

}  // namespace kimdb::client
