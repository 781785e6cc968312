// Collections and the key space as tables:
//
//   users_docs   id, data (its JSON), version, created_at, updated_at
//   kv           key, value, expires_at; of keyspace 0
#pragma once

#include <memory>
#include <string>

#include "database/sql/source.h"
#include "engine/engine.h"

namespace kimdb::database::sql {

// Null where the collection has no documents.
std::unique_ptr<Source> collection_source(engine::Engine& engine, std::string collection);
std::unique_ptr<Source> key_source(engine::Engine& engine);

}  // namespace kimdb::database::sql
