// From what a server sends to what the library's functions give back. Pure. Not installed.
#pragma once

#include "base/result.h"
#include "client/options.h"
#include "protocol/reply_reader.h"

namespace kimdb::client {

// `reply` is an error reply; its text is kept, without the code "ERR".
Error error_of(const protocol::Value& reply);

// "subscribe", "punsubscribe", …: the answer to such a command, not a message.
bool is_confirmation(const protocol::Value& push);

Event event_of(protocol::Value push);

}  // namespace kimdb::client
