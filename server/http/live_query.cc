#include "server/http/live_query.h"

#include <algorithm>
#include <utility>

#include "engine/hash.h"
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
                     const std::vector<ShownDocument>& result)
    : id_(std::move(id)), words_(std::move(words)), filter_(std::move(filter)) {
  for (const ShownDocument& document : result) {
    result_.push_back(known(document));
    ids_.insert(document.id);
  }
}

// Two hashes of 64 bits: documents that have both in common are taken for the same.
LiveQuery::Known LiveQuery::known(const ShownDocument& document) {
  return {document.id, {engine::Hasher(1)(document.json), engine::Hasher(2)(document.json)}};
}

void LiveQuery::look_at(database::ShownChange& shown) {
  stale_ = stale_ || asking_ || ids_.contains(std::string(shown.change().id())) ||
           shown.matches(filter_);
}

std::string LiveQuery::message(std::string_view type, std::string_view id) const {
  return "{\"type\":\"" + std::string(type) + "\"" + text_member("queryId", id_) +
         text_member("id", id);
}

std::vector<std::string> LiveQuery::become(const std::vector<ShownDocument>& result) {
  asking_ = false;
  std::vector<std::string> messages;
  std::unordered_set<std::string> stays;
  for (const ShownDocument& document : result) stays.insert(document.id);
  std::vector<Known> list;  // what the client has by now
  for (Known& document : result_) {
    if (stays.contains(document.id))
      list.push_back(std::move(document));
    else
      messages.push_back(message("removed", document.id) + "}");
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    const ShownDocument& document = result[i];
    const Known now = known(document);
    const std::string index = ",\"index\":" + std::to_string(i);
    const std::string data = ",\"data\":" + document.json + "}";
    const auto here = list.begin() + static_cast<std::ptrdiff_t>(i);
    const auto there =
        std::find_if(here, list.end(), [&](const Known& each) { return each.id == now.id; });
    if (there == list.end()) {
      messages.push_back(message("added", now.id) + index + data);
      list.insert(here, now);
      continue;
    }
    if (there != here) {
      messages.push_back(message("moved", now.id) + index + "}");
      std::rotate(here, there, there + 1);
    }
    if (here->hash != now.hash) messages.push_back(message("changed", now.id) + index + data);
    *here = now;
  }
  result_ = std::move(list);
  ids_ = std::move(stays);
  return messages;
}

}  // namespace kimdb::server
