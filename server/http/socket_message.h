// The messages of a WebSocket, which are JSON objects with a type (docs/websocket.md): what a
// client's message asks for, and what is sent back. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "database/change_feed.h"
#include "protocol/reply_reader.h"

namespace kimdb::server {

struct SocketCall {
  enum class Kind {
    command,
    auth,
    subscribe,
    unsubscribe,
    live_query,
    end_query,
    batch,
    answered
  } kind = Kind::command;
  std::string type;                // of the request
  std::string reply_type;          // of what is answered
  std::string echo;                // members that come back: ,"requestId":7
  std::vector<std::string> words;  // the command
  // The reply's members, each with a comma before it.
  std::string (*answer)(const SocketCall& call, const protocol::Value& reply) = nullptr;
  std::string reply;  // kind answered: all of it
  std::string collection;
  std::string id;
  bool shows_conflict = false;  // a version conflict is answered with the document that is there
  bool must_exist = false;      // a version conflict means that it is not there
  std::string query_id;         // of a live query
  std::string commands;         // of a transaction: their list, as JSON
  // Of a subscription or a live query:
  std::string filter;  // JSON; empty: none
  std::optional<database::FeedPosition> since;
  std::int64_t received_ms = 0;
  // Of a batch: done one after the other, each answered by itself in the one reply.
  std::vector<SocketCall> operations;
};

// `now_ms`: Unix, for replies that tell the server's time.
SocketCall read_socket_message(std::string_view text, std::int64_t now_ms);

// {"type":"…"<echo><members>}
std::string socket_reply(const SocketCall& call, std::string_view type, std::string_view members);
std::string socket_error(std::string_view echo, std::string_view code, std::string_view message);
// Of a command's reply, which is an error or not.
std::string socket_answer(const SocketCall& call, const protocol::Value& reply);
// What a batch's reply says of one of its operations, answered or executed; `reply` of the latter.
std::string batch_result(const SocketCall& operation, const protocol::Value* reply);
// ,"name":"text"
std::string text_member(std::string_view name, std::string_view text);

}  // namespace kimdb::server
