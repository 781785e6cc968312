#include "cli/remote_executor.h"

#include <chrono>
#include <utility>

#include "client/repeatable.h"

namespace kimdb::cli {
namespace {

using client::Event;

Value text_value(std::string text) {
  return {.type = Value::Type::bulk, .string = std::move(text)};
}

// An event as the push it came as.
Value value_of(const Event& event) {
  Value push{.type = Value::Type::push};
  switch (event.kind) {
    case Event::Kind::message:
      push.elements = {text_value("message"), text_value(event.channel), text_value(event.payload)};
      return push;
    case Event::Kind::pattern_message:
      push.elements = {text_value("pmessage"), text_value(event.pattern), text_value(event.channel),
                       text_value(event.payload)};
      return push;
    case Event::Kind::resubscribed:
      push.elements = {text_value("resubscribed")};
      if (!event.channel.empty()) push.elements.push_back(text_value(event.channel));
      push.elements.push_back(text_value(event.channel.empty()
                                             ? "messages may have been missed"
                                             : "changes may have been missed; what is there now:"));
      return push;
    case Event::Kind::monitor:
      return text_value(event.payload);
    case Event::Kind::other:
      break;
  }
  return event.value;
}

}  // namespace

Result<Value> RemoteExecutor::execute(const Words& words) {
  auto reply = client_.call(std::span<const std::string>(words));
  if (reply) note_read_only(words, *reply);
  return reply;
}

Result<Value> RemoteExecutor::execute(const Words& words, const Take& take) {
  interrupt_.clear();
  auto reply = client_.call_streamed(std::span<const std::string>(words), take);
  if (reply) note_read_only(words, *reply);
  return reply;
}

Status RemoteExecutor::execute_all(std::span<const Words> commands, std::vector<Value>& replies,
                                   const Take& take) {
  // Even before what could go on without it: nobody reads these replies one by one.
  if (!client_.is_connected() && client_.transaction_lost())
    return Error{ErrorCode::unavailable, "the transaction was lost with the connection"};
  client::Pipeline pipeline;
  for (const Words& words : commands) pipeline.add(std::span<const std::string>(words));
  return client_.run(pipeline, replies, take);
}

std::string RemoteExecutor::prompt() {
  interrupt_.clear();
  // A server that went away while nobody typed is noticed here, and back again if it is.
  const Status connected = client_.reconnect();
  return prompt_text({.name = address_,
                      .role = connected ? std::string_view(client_.server().role) : "",
                      .keyspace = client_.keyspace(),
                      .in_transaction = client_.in_transaction(),
                      .transaction_lost = client_.transaction_lost(),
                      .read_only = read_only_});
}

Status RemoteExecutor::stream(const Show& show) {
  while (true) {
    auto event = client_.next_event(std::chrono::milliseconds(0));
    if (!event) {
      const bool interrupted = interrupt_.is_set();
      interrupt_.clear();
      ignore(client_.end_events(), "what ends them ends them without an answer as well");
      if (interrupted) return {};
      return std::move(event).error();
    }
    if (!event->has_value()) continue;
    show({}, value_of(**event));
    if ((*event)->kind == Event::Kind::resubscribed && !(*event)->channel.empty())
      show({"DOC", "WATCH"}, (*event)->value);
  }
}

void RemoteExecutor::note_read_only(const Words& words, const Value& reply) {
  if (reply.is_error()) {
    read_only_ = read_only_ || reply.string.starts_with("READONLY");
    return;
  }
  const std::vector<std::string_view> views(words.begin(), words.end());
  if (!client::is_repeatable(views)) read_only_ = false;
}

std::string prompt_text(const PromptState& state) {
  std::string text = "kimdb " + std::string(state.name);
  if (state.keyspace != 0) text += "/" + std::to_string(state.keyspace);
  text += state.role.empty() ? " (not connected)" : " [" + std::string(state.role) + "]";
  if (!state.role.empty() && state.read_only) text += " [read-only]";
  if (state.in_transaction) text += " (tx)";
  if (state.transaction_lost) text += " (tx lost)";
  return text + "> ";
}

}  // namespace kimdb::cli
