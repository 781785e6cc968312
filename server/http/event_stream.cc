#include "server/http/event_stream.h"

#include <utility>

#include "server/http/change_message.h"
#include "server/http/http_session.h"

namespace kimdb::server {

namespace {

void append_event(std::string& out, const database::DocumentChange& change) {
  out += "id: " + to_string(change.position) + "\nevent: ";
  out += event_name(change.kind);
  out += "\ndata: {";
  append_change_members(out, change);
  out += "}\n\n";
}

}  // namespace

EventStream::EventStream(HttpSession& session, std::string collection,
                         std::unique_ptr<database::ChangeReader> reader)
    : session_(session), collection_(std::move(collection)), reader_(std::move(reader)) {
  const std::string position = to_string(reader_->begin());
  send("id: " + position + "\nevent: subscribed\ndata: {\"position\":\"" + position + "\"}\n\n");
}

void EventStream::send(std::string_view text) {
  last_sent_ms_ = session_.now_ms();
  session_.send_stream(text);
}

void EventStream::on_ready() {
  std::string events;
  while (session_.wants_more()) {
    const auto batch = reader_->next();
    if (!batch) return session_.close("its changes cannot be read: " + batch.error().message);
    if (*batch == nullptr) return;
    for (const database::DocumentChange& change : (*batch)->changes) {
      if (change.collection() != collection_ || !reader_->is_new(change)) continue;
      append_event(events, change);
      reader_->take(change);
      if (events.size() < Connection::kSendBytes) continue;
      send(events);
      events.clear();
      if (!session_.wants_more()) return;
    }
    reader_->take(**batch);
    if (!events.empty()) send(events);
    events.clear();
  }
}

void EventStream::on_tick() {
  if (!session_.is_logged_in()) return session_.close("its login has expired");
  // So that whatever stands between does not take the silence for the end.
  constexpr std::int64_t kSilenceMs = 15'000;
  if (session_.now_ms() - last_sent_ms_ >= kSilenceMs) send(": no changes\n\n");
}

}  // namespace kimdb::server
