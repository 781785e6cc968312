#include "client/errors.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace kimdb::client {
namespace {

ErrorCode code_of(std::string_view code) {
  if (code == "NOAUTH" || code == "WRONGPASS" || code == "NOPERM") {
    return ErrorCode::permission_denied;
  }
  // What may go well later or on another server.
  for (const std::string_view temporary :
       {"LOADING", "BUSY", "READONLY", "MASTERDOWN", "OOM", "TRYAGAIN"}) {
    if (code == temporary) return ErrorCode::unavailable;
  }
  return ErrorCode::invalid_argument;
}

}  // namespace

Error error_of(const protocol::Value& reply) {
  std::string_view text = reply.string;
  const ErrorCode code = code_of(text.substr(0, text.find(' ')));
  if (text.starts_with("ERR ")) text.remove_prefix(4);
  // Said without a code, by Redis as well.
  const bool full = text.find("max number of clients") != std::string_view::npos ||
                    text.find("too many connections") != std::string_view::npos;
  return {full ? ErrorCode::unavailable : code, std::string(text)};
}

bool is_confirmation(const protocol::Value& push) {
  return !push.elements.empty() && push.elements[0].string.ends_with("subscribe");
}

Event event_of(protocol::Value push) {
  auto& parts = push.elements;
  if (parts.size() == 3 && parts[0].string == "message") {
    return {.kind = Event::Kind::message,
            .channel = std::move(parts[1].string),
            .payload = std::move(parts[2].string)};
  }
  if (parts.size() == 4 && parts[0].string == "pmessage") {
    return {.kind = Event::Kind::pattern_message,
            .pattern = std::move(parts[1].string),
            .channel = std::move(parts[2].string),
            .payload = std::move(parts[3].string)};
  }
  return {.kind = Event::Kind::other, .value = std::move(push)};
}

}  // namespace kimdb::client
