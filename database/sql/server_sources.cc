#include "database/sql/server_sources.h"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/ascii.h"
#include "database/database.h"
#include "database/sql/data_sources.h"
#include "database/sql/timestamp.h"

namespace kimdb::database::sql {

using engine::SqlValue;

namespace {

using Value = std::variant<std::int64_t, std::string>;
using Row = std::vector<Value>;
using MakeRows = std::vector<Row> (*)(Database& database);

Value number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

Value time(std::int64_t unix_ms) {
  std::string text;
  append_timestamp(text, unix_ms);
  return text;
}

class MadeRows final : public SourceRows {
 public:
  explicit MadeRows(std::vector<Row> rows) : rows_(std::move(rows)) {}
  bool at_end() const override { return position_ == rows_.size(); }
  bool next() override {
    ++position_;
    return true;
  }
  std::int64_t id() const override { return static_cast<std::int64_t>(position_); }
  SqlValue column(std::size_t column) override {
    const Value& value = rows_[position_][column];
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return SqlValue::of(*integer);
    return SqlValue::text(std::get<std::string>(value));
  }

 private:
  const std::vector<Row> rows_;
  std::size_t position_ = 0;
};

struct ServerTable {
  std::string_view name;
  std::string_view columns;
  bool for_admins = false;
  MakeRows rows;
};

std::vector<Row> connections(Database& database) {
  std::vector<Row> rows;
  const std::int64_t now = database.now_ms();
  if (Host* host = database.host())
    host->for_each_session([&](const SessionInfo& info) {
      const CommandRow* command = info.last_command.load(std::memory_order_relaxed);
      rows.push_back({number(info.id), info.address, info.name(), info.user(),
                      (now - info.connected_at_ms) / 1000, (now - info.last_active_ms) / 1000,
                      std::string(command == nullptr ? "" : command->name), number(info.commands)});
    });
  return rows;
}

std::vector<Row> partitions(Database& database) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < database.engine().partition_count(); ++i) {
    engine::Partition& partition = database.engine().partition(i);
    MutexLock lock(partition.mutex());
    std::size_t keys = 0;
    for (std::uint8_t keyspace = 0; keyspace < engine::kKeyKeyspaces; ++keyspace)
      keys += partition.size(keyspace);
    rows.push_back({number(i), number(keys), number(partition.size(engine::kDocuments)),
                    number(partition.size(engine::kRows)), partition.memory(),
                    number(partition.undo().size()), number(partition.last_lsn())});
  }
  return rows;
}

std::vector<Row> wal(Database& database) {
  const wal::Log& log = database.log();
  return {{number(log.last_lsn()), number(log.written_lsn()), number(log.durable_lsn()),
           number(log.committed_lsn()), number(log.term())}};
}

std::vector<Row> replicas(Database& database) {
  std::vector<Row> rows;
  if (Host* host = database.host())
    for (const Host::ReplicationStatus::Slave& slave : host->replication_status().slaves)
      rows.push_back({slave.address, number(slave.synced_lsn), number(slave.applied_lsn),
                      number(slave.lag.lsn), number(slave.lag.bytes), slave.lag.ms});
  return rows;
}

std::vector<Row> slowlog(Database& database) {
  std::vector<Row> rows;
  for (const Slowlog::Entry& entry : database.slowlog().newest(SIZE_MAX)) {
    std::string command;
    for (const std::string& word : entry.words) command += (command.empty() ? "" : " ") + word;
    rows.push_back({number(entry.id), time(entry.time_ms), number(entry.duration_us), command,
                    entry.address, entry.name});
  }
  return rows;
}

constexpr std::array kTables = {
    ServerTable{"kimdb_connections",
                "id BIGINT, address TEXT, name TEXT, user TEXT, age_s BIGINT, idle_s BIGINT, "
                "command TEXT, commands BIGINT",
                true, connections},
    ServerTable{"kimdb_partitions",
                "partition BIGINT, keys BIGINT, documents BIGINT, rows BIGINT, bytes BIGINT, "
                "undo BIGINT, last_lsn BIGINT",
                false, partitions},
    ServerTable{"kimdb_wal",
                "last_lsn BIGINT, written_lsn BIGINT, durable_lsn BIGINT, committed_lsn BIGINT, "
                "term BIGINT",
                false, wal},
    ServerTable{"kimdb_replicas",
                "address TEXT, synced_lsn BIGINT, applied_lsn BIGINT, lag_lsn BIGINT, "
                "lag_bytes BIGINT, lag_ms BIGINT",
                true, replicas},
    ServerTable{"kimdb_slowlog",
                "id BIGINT, time TIMESTAMP TEXT COLLATE timestamp, duration_us BIGINT, "
                "command TEXT, address TEXT, name TEXT",
                true, slowlog},
};

class ServerSource final : public Source {
 public:
  ServerSource(Database& database, const ServerTable& table) : database_(database), table_(table) {}

  std::string_view name() const override { return table_.name; }
  std::string declaration() const override {
    return "CREATE TABLE x(" + std::string(table_.columns) + ")";
  }
  double row_count() override { return 100; }
  std::unique_ptr<SourceRows> begin(Execution& execution,
                                    const std::optional<Sought>& /*sought*/) override {
    if (table_.for_admins && !execution.is_admin) {
      execution.error = Error{ErrorCode::permission_denied,
                              "NOPERM only admins may read " + std::string(table_.name)};
      return nullptr;
    }
    return std::make_unique<MadeRows>(table_.rows(database_));
  }

 private:
  Database& database_;
  const ServerTable& table_;
};

}  // namespace

std::unique_ptr<Source> server_source(Database& database, std::string_view name) {
  for (const ServerTable& table : kTables)
    if (equals_ignoring_case(table.name, name))
      return std::make_unique<ServerSource>(database, table);
  return nullptr;
}

std::unique_ptr<Source> DatabaseSources::find(std::string_view name) {
  if (equals_ignoring_case(name, "kv")) return key_source(database_.engine());
  if (auto source = server_source(database_, name)) return source;
  if (!engine::is_collection_name(name)) return nullptr;
  return collection_source(database_.engine(), std::string(name));
}

}  // namespace kimdb::database::sql
