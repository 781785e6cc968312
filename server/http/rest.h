// The REST interface: which command a request means, and what its reply becomes. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/lsn.h"
#include "protocol/reply_reader.h"
#include "server/http/message.h"

namespace kimdb::server {

// The command that a request stands for.
struct RestCall {
  std::vector<std::string> words;
  // What becomes of its reply, which is no error. `lsn`: what the reply depends on; of one document
  // that of the record which wrote it.
  HttpResponse (*answer)(const HttpRequest& request, const protocol::Value& reply,
                         Lsn lsn) = nullptr;
  bool open = false;          // without login
  bool streams_rows = false;  // rows that are many come in chunks (JsonRows)
  // What the connection becomes: a stream of the changes of the collection path[1], or a WebSocket.
  enum class Stream { none, events, websocket } stream = Stream::none;
  HttpResponse response;  // where there is nothing to execute: `words` is empty
};

// A row of SQL as JSON: of a map of its columns.
void append_row(std::string& out, const protocol::Value& row);

RestCall route(const HttpRequest& request);
// The reply of a command that has failed.
HttpResponse problem_of(const HttpRequest& request, std::string_view error);

}  // namespace kimdb::server
