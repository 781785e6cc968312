// What the indexes of collections say to documents that are to be put: a unique one may refuse
// them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "engine/engine.h"

namespace kimdb::database {

// Documents as they will be, by their keys; no body: it will not be there.
using FinalDocuments = std::map<std::string_view, std::optional<std::string_view>>;

// Why the indexes do not take the documents; empty: they do. `is_changed`: documents that are not
// as the indexes have them; those of `changed` are among them. Calls holds(key) for a document that
// is in the way. Where an index is unique, this holds as long as the caller has all partitions
// locked.
std::string index_refusal(engine::Engine& engine, const FinalDocuments& changed,
                          const std::function<bool(std::string_view key)>& is_changed,
                          const std::function<void(const std::string& key)>& holds);

}  // namespace kimdb::database
