#include "server/http/change_message.h"

#include "base/utf8.h"
#include "engine/document.h"

namespace kimdb::server {

using database::DocumentChange;

void append_change_members(std::string& out, const DocumentChange& change) {
  out += "\"event\":\"";
  out += database::event_name(change.kind);
  out += "\",\"id\":";
  append_json_string(out, change.id());
  if (change.kind != DocumentChange::Kind::remove) {
    const engine::Document document = engine::read_document(change.value);
    out += ",\"data\":";
    engine::append_document(out, change.id(), document);
    out += ",\"_version\":" + std::to_string(document.version);
  }
  out += ",\"position\":\"" + to_string(change.position);
  out += "\",\"timestamp\":" + std::to_string(change.time_ms);
}

}  // namespace kimdb::server
