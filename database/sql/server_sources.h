// What the server says of itself, as tables:
//
//   kimdb_connections   id, address, name, user, age_s, idle_s, command, commands        for admins
//   kimdb_partitions    partition, keys, documents, rows, bytes, undo, last_lsn
//   kimdb_wal           last_lsn, written_lsn, durable_lsn, committed_lsn, term
//   kimdb_replicas      address, synced_lsn, applied_lsn, lag_lsn, lag_bytes, lag_ms     for admins
//   kimdb_slowlog       id, time, duration_us, command, address, name                    for admins
#pragma once

#include <memory>
#include <string_view>

#include "database/sql/source.h"

namespace kimdb::database {
class Database;
}

namespace kimdb::database::sql {

// Null where none has this name.
std::unique_ptr<Source> server_source(Database& database, std::string_view name);

// All of them, with collections and the key space.
class DatabaseSources final : public Sources {
 public:
  explicit DatabaseSources(Database& database) : database_(database) {}
  std::unique_ptr<Source> find(std::string_view name) override;

 private:
  Database& database_;
};

}  // namespace kimdb::database::sql
