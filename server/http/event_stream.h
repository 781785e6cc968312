// Changes of a collection as Server-Sent Events: one event for each, whose id is the position
// behind it. A browser that connects anew names the last id it has seen.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "database/change_feed.h"
#include "server/http/http_stream.h"

namespace kimdb::server {

class HttpSession;

class EventStream final : public HttpStream {
 public:
  EventStream(HttpSession& session, std::string collection,
              std::unique_ptr<database::ChangeReader> reader);

  void on_ready() override;
  void on_tick() override;

 private:
  void send(std::string_view text);

  HttpSession& session_;
  const std::string collection_;
  std::unique_ptr<database::ChangeReader> reader_;
  std::int64_t last_sent_ms_ = 0;
};

}  // namespace kimdb::server
