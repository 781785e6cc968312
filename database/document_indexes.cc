#include "database/document_indexes.h"

#include <utility>

#include "engine/document.h"
#include "engine/index.h"

namespace kimdb::database {

std::string index_refusal(engine::Engine& engine, const FinalDocuments& changed,
                          const std::function<bool(std::string_view key)>& is_changed,
                          const std::function<void(const std::string& key)>& holds) {
  std::map<std::pair<std::string, std::string>, std::string_view> claimed;  // index and key
  for (const auto& [document_key, body] : changed) {
    if (!body) continue;
    const std::string_view collection = engine::split_document_key(document_key).collection;
    for (const engine::IndexPointer& index : engine.partition_of(engine.hash(document_key))
                                                 .collections(engine::kDocuments)
                                                 .indexes(collection)) {
      const engine::IndexDefinition& definition = index->definition();
      const auto keys = engine::index_keys(definition, *body);
      if (!keys) return "ERR " + keys.error().message;
      for (const std::string& key : *keys) {
        if (!definition.unique || engine::has_null_part(definition, key)) continue;
        const auto [claim, is_new] =
            claimed.try_emplace({engine::index_key(definition), key}, document_key);
        const auto holder = is_new ? index->holder_of(key, is_changed) : std::string(claim->second);
        if (!holder) continue;
        holds(*holder);
        return "ERR duplicate key: the document \"" +
               std::string(engine::split_document_key(*holder).id) + "\" has the same " +
               definition.fields + " (index " + definition.name + ")";
      }
    }
  }
  return {};
}

}  // namespace kimdb::database
