// What an HTTP connection becomes by a request, until it ends: a stream of events (event_stream.h)
// or a WebSocket. On its connection's I/O thread.
#pragma once

#include <string_view>

namespace kimdb::server {

class HttpStream {
 public:
  virtual ~HttpStream() = default;

  // What the client sends, and whether it may send more.
  virtual void on_received(std::string_view) {}
  virtual bool takes_input() const { return true; }
  // Changes may have come that it follows, or there is room again for what it has to send.
  virtual void on_ready() = 0;
  // About once a second.
  virtual void on_tick() {}
  // The log got further, or will not (Connection::release).
  virtual void release() {}
  // The server stops: what is sent now is the last.
  virtual void on_finish() {}
};

}  // namespace kimdb::server
