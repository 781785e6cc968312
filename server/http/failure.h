// What the error reply of a command is called over HTTP and WebSocket.
#pragma once

#include <string_view>

namespace kimdb::server {

struct Failure {
  int status = 400;         // of HTTP
  std::string_view code;    // stays the same while texts may change
  std::string_view detail;  // borrows from the reply
};

Failure failure_of(std::string_view error);

}  // namespace kimdb::server
