#include "cli/mutation_text.h"

#include "engine/mutation.h"
#include "protocol/quoting.h"

namespace kimdb::cli {
namespace {

using engine::Operation;
using engine::OperationKind;

class Line {
 public:
  Line(std::string& out, std::size_t bytes_max) : out_(out), bytes_max_(bytes_max) {}

  void word(std::string_view text) { out_ += text; }
  void field(std::string_view name, std::string_view text) {
    out_ += " " + std::string(name) + "=" + std::string(text);
  }
  void number(std::string_view name, std::uint64_t value) { field(name, std::to_string(value)); }
  void bytes(std::string_view name, std::string_view value) {
    const std::string_view shown = value.substr(0, bytes_max_);
    std::string text;
    if (protocol::needs_quotes_as_word(shown)) {
      protocol::append_quoted(text, shown);
    } else {
      text = shown;
    }
    if (shown.size() < value.size()) text += "… (" + std::to_string(value.size()) + " bytes)";
    field(name, text);
  }

 private:
  std::string& out_;
  std::size_t bytes_max_;
};

std::string_view name_of(OperationKind kind) {
  switch (kind) {
    case OperationKind::put:
      return "put";
    case OperationKind::remove:
      return "remove";
    case OperationKind::set_expiry:
      return "set_expiry";
    case OperationKind::write_range:
      return "write_range";
    case OperationKind::flush:
      return "flush";
    case OperationKind::request:
      return "request";
    case OperationKind::forget:
      return "forget";
    case OperationKind::dropped:
      return "dropped";
  }
  return "unknown";
}

std::string_view name_of(engine::RemoveReason reason) {
  switch (reason) {
    case engine::RemoveReason::command:
      return "command";
    case engine::RemoveReason::expired:
      return "expired";
    case engine::RemoveReason::evicted:
      return "evicted";
  }
  return "unknown";
}

// Those behind the ones that SELECT numbers have names; empty: the number is all there is.
std::string_view name_of_keyspace(std::uint8_t keyspace) {
  switch (keyspace) {
    case engine::kDocuments:
      return "documents";
    case engine::kIndexes:
      return "indexes";
    case engine::kSchemas:
      return "schemas";
    case engine::kRows:
      return "rows";
    case engine::kCounters:
      return "counters";
    case engine::kEveryKeyspace:
      return "all";
    default:
      return {};
  }
}

void write_keyspace(const Operation& o, Line& line) {
  const std::string_view name = name_of_keyspace(o.keyspace);
  line.field("keyspace", name.empty() ? std::to_string(o.keyspace) : std::string(name));
}

void write_replaces(const Operation& o, Line& line) {
  if (o.replaces == engine::kOwnRecord) {
    line.field("replaces", "own");
  } else if (o.replaces != 0) {
    line.number("replaces", o.replaces);
  }
}

void write_expiry(const Operation& o, Line& line) {
  if (o.expires_at != 0) {
    line.number("expires_at", static_cast<std::uint64_t>(o.expires_at));
  } else if (o.kind == OperationKind::set_expiry) {
    line.field("expires_at", "never");
  }
}

void write(const Operation& o, Line line) {
  line.word(name_of(o.kind));
  switch (o.kind) {
    case OperationKind::put:
    case OperationKind::remove:
    case OperationKind::set_expiry:
    case OperationKind::write_range:
      write_keyspace(o, line);
      line.bytes("key", o.key);
      if (o.kind == OperationKind::write_range) line.number("offset", o.number);
      if (o.kind == OperationKind::put) line.bytes("value", o.value);
      if (o.kind == OperationKind::write_range) line.bytes("bytes", o.value);
      if (o.kind == OperationKind::remove) line.field("reason", name_of(o.reason));
      write_expiry(o, line);
      write_replaces(o, line);
      break;
    case OperationKind::flush:
      write_keyspace(o, line);
      break;
    case OperationKind::request:
    case OperationKind::dropped:
      line.bytes("client", o.key);
      line.number("sequence", o.number);
      if (o.kind == OperationKind::request) line.bytes("result", o.value);
      break;
    case OperationKind::forget:
      line.bytes("client", o.key);
      break;
  }
}

}  // namespace

std::string mutation_text(std::string_view mutation, std::size_t bytes_max) {
  std::string text;
  while (!mutation.empty()) {
    if (!text.empty()) text += '\n';
    const auto operation = engine::take_operation(mutation);
    if (!operation) return text + "malformed: " + operation.error().message;
    write(*operation, Line(text, bytes_max));
  }
  return text;
}

}  // namespace kimdb::cli
