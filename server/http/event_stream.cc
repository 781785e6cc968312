#include "server/http/event_stream.h"

#include "base/utf8.h"

namespace kimdb::server {

using database::DocumentChange;

std::string first_event(const database::FeedPosition& position) {
  const std::string text = to_string(position);
  return "id: " + text + "\nevent: subscribed\ndata: {\"position\":\"" + text + "\"}\n\n";
}

std::string to_events(const database::DocumentChanges& changes) {
  std::string out;
  for (const DocumentChange& change : changes) {
    const std::string_view name = change.kind == DocumentChange::Kind::insert   ? "insert"
                                  : change.kind == DocumentChange::Kind::update ? "update"
                                                                                : "delete";
    const std::string position = to_string(change.position);
    out += "id: " + position + "\nevent: ";
    out += name;
    out += "\ndata: {\"event\":\"";
    out += name;
    out += "\",\"id\":";
    append_json_string(out, change.id);
    if (!change.document.empty()) {
      out += ",\"data\":" + change.document;
      out += ",\"_version\":" + std::to_string(change.version);
    }
    out += ",\"position\":\"" + position + "\"";
    out += ",\"timestamp\":" + std::to_string(change.time_ms) + "}\n\n";
  }
  return out;
}

}  // namespace kimdb::server
