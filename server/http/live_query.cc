#include "server/http/live_query.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "database/collection_watch.h"
#include "engine/json_reader.h"
#include "server/http/socket_message.h"

namespace kimdb::server {

std::vector<ShownDocument> shown_documents(const protocol::Value& reply) {
  std::vector<ShownDocument> documents;
  for (const protocol::Value& document : reply.elements[1].elements) {
    engine::JsonElement element;
    std::string_view id;
    if (!engine::JsonReader::of_this_thread().read(document.string, element) ||
        element["id"].get(id) != simdjson::SUCCESS)
      continue;
    std::uint64_t version = 0;
    if (element["_version"].get(version) != simdjson::SUCCESS) version = 0;
    documents.push_back({std::string(id), document.string, version});
  }
  return documents;
}

LiveQuery::LiveQuery(std::string id, std::vector<std::string> words, engine::Filter filter,
                     std::vector<ShownDocument> result)
    : id_(std::move(id)),
      words_(std::move(words)),
      filter_(std::move(filter)),
      result_(std::move(result)) {}

void LiveQuery::look_at(const database::DocumentChange& change) {
  stale_ = stale_ || asking_ || database::matches(filter_, change) ||
           std::any_of(result_.begin(), result_.end(),
                       [&](const ShownDocument& document) { return document.id == change.id(); });
}

std::string LiveQuery::message(std::string_view type, const ShownDocument& document) const {
  return "{\"type\":\"" + std::string(type) + "\"" + text_member("queryId", id_) +
         text_member("id", document.id);
}

std::vector<std::string> LiveQuery::become(std::vector<ShownDocument> result) {
  asking_ = false;
  std::vector<std::string> messages;
  std::unordered_set<std::string_view> stays;
  for (const ShownDocument& document : result) stays.insert(document.id);
  std::vector<ShownDocument> list;  // what the client has by now
  for (ShownDocument& document : result_) {
    if (stays.contains(document.id))
      list.push_back(std::move(document));
    else
      messages.push_back(message("removed", document) + "}");
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    const ShownDocument& document = result[i];
    const std::string index = ",\"index\":" + std::to_string(i);
    const auto here = list.begin() + static_cast<std::ptrdiff_t>(i);
    const auto there = std::find_if(
        here, list.end(), [&](const ShownDocument& each) { return each.id == document.id; });
    if (there == list.end()) {
      messages.push_back(message("added", document) + index + ",\"data\":" + document.json + "}");
      list.insert(here, document);
      continue;
    }
    if (there != here) {
      messages.push_back(message("moved", document) + index + "}");
      std::rotate(here, there, there + 1);
    }
    if (here->json != document.json)
      messages.push_back(message("changed", document) + index + ",\"data\":" + document.json + "}");
  }
  result_ = std::move(result);
  return messages;
}

}  // namespace kimdb::server
