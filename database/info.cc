#include "database/info.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "database/arguments.h"
#include "database/database.h"

namespace kimdb::database {

namespace {

class Text {
 public:
  void section(std::string_view name) {
    if (!text_.empty()) text_ += "\r\n";
    text_ += "# " + std::string(name) + "\r\n";
  }
  void line(std::string_view name, std::string_view value) {
    text_ += std::string(name) + ":" + std::string(value) + "\r\n";
  }
  template <class Number>
  void number(std::string_view name, Number value) {
    line(name, std::to_string(value));
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string human_bytes(std::int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "K", "M", "G", "T"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f%s" : "%.2f%s", value, kUnits[unit]);
  return text;
}

void server(Database& db, Text& text) {
  utsname system{};
  uname(&system);
  const std::int64_t uptime = (db.now_ms() - db.started_at_ms()) / 1000;
  text.section("Server");
  text.line("redis_version", "7.0.15");  // what clients may rely on
  text.line("kimdb_version", KIMDB_VERSION);
  if (const std::string id = db.node_id(); !id.empty()) text.line("node_id", id);
  text.line("redis_mode", "standalone");
  text.line("os", std::string(system.sysname) + " " + system.release + " " + system.machine);
  text.number("arch_bits", 64);
  text.number("process_id", getpid());
  text.number("tcp_port", db.host() == nullptr ? 0 : db.host()->network_statistics().port);
  text.number("server_time_usec", db.now_ms() * 1000);
  text.number("uptime_in_seconds", uptime);
  text.number("uptime_in_days", uptime / 86400);
  text.line("config_file", db.host() == nullptr ? "" : db.host()->config_file());
}

void clients(Database& db, Text& text) {
  std::size_t connected = 0, subscribed = 0;
  if (db.host() != nullptr)
    db.host()->for_each_session([&](const SessionInfo& info) {
      ++connected;
      subscribed += info.channels.load(std::memory_order_relaxed) +
                        info.patterns.load(std::memory_order_relaxed) >
                    0;
    });
  text.section("Clients");
  text.number("connected_clients", connected);
  text.number("maxclients",
              db.host() == nullptr ? 0 : db.host()->network_statistics().max_connections);
  text.number("pubsub_clients", subscribed);
  text.number("blocked_clients", 0);
}

void memory(Database& db, Text& text) {
  const std::int64_t used = db.engine().memory(), resident = resident_bytes();
  text.section("Memory");
  text.number("used_memory", used);
  text.line("used_memory_human", human_bytes(used));
  text.number("used_memory_rss", resident);
  text.line("used_memory_rss_human", human_bytes(resident));
  text.number("maxmemory", db.max_memory());
  text.line("maxmemory_human", human_bytes(static_cast<std::int64_t>(db.max_memory())));
  text.line("maxmemory_policy", db.evicts() ? "allkeys-lru" : "noeviction");
}

void persistence(Database& db, Text& text) {
  const Checkpointer::Progress status = db.checkpointer().progress();
  text.section("Persistence");
  text.number("loading", 0);
  text.number("rdb_bgsave_in_progress", status.running ? 1 : 0);
  text.number("rdb_last_save_time", status.last_success_ms / 1000);
  text.line("rdb_last_bgsave_status", status.last_failed ? "err" : "ok");
  text.number("aof_enabled", db.options().wal_enabled ? 1 : 0);
  text.number("wal_enabled", db.options().wal_enabled ? 1 : 0);
  text.line("wal_sync", db.options().log.sync == wal::Sync::commit     ? "commit"
                        : db.options().log.sync == wal::Sync::interval ? "interval"
                                                                       : "off");
  text.number("wal_last_lsn", db.log().last_lsn());
  text.number("wal_durable_lsn", db.log().durable_lsn());
  text.number("wal_committed_lsn", db.log().committed_lsn());
  text.number("snapshot_last_lsn", status.last_lsn);
}

void statistics(Database& db, Text& text) {
  const Statistics::Totals totals = db.statistics().totals();
  text.section("Stats");
  if (db.host() != nullptr) {
    const Host::NetworkStatistics network = db.host()->network_statistics();
    text.number("total_connections_received", network.connections_received);
    text.number("rejected_connections", network.connections_rejected);
    text.number("total_net_input_bytes", network.bytes_in);
    text.number("total_net_output_bytes", network.bytes_out);
  }
  text.number("total_commands_processed", totals.commands);
  text.number("total_error_replies", totals.errors);
  text.number("keyspace_hits", totals.hits);
  text.number("keyspace_misses", totals.misses);
  text.number("expired_keys", totals.expired);
  text.number("evicted_keys", totals.evicted);
  text.number("pubsub_channels", db.pubsub().channels("*").size());
  text.number("pubsub_patterns", db.pubsub().pattern_count());
}

void replication(Database& db, Text& text) {
  const Host::ReplicationStatus status =
      db.host() == nullptr ? Host::ReplicationStatus() : db.host()->replication_status();
  text.section("Replication");
  text.line("role", db.is_slave() ? "slave" : "master");
  if (db.is_slave()) {
    const std::size_t colon = status.master_address.rfind(':');
    text.line("master_host", status.master_address.substr(0, colon));
    text.line("master_port",
              colon == std::string::npos ? "" : status.master_address.substr(colon + 1));
    text.line("master_link_status", status.connected ? "up" : "down");
    if (!status.connected) text.line("master_link_error", status.why_not);
    text.number("master_last_io_seconds_ago",
                status.master_heard_ms == 0 ? -1 : (db.now_ms() - status.master_heard_ms) / 1000);
    text.number("master_sync_in_progress", status.copy.bytes_total != 0);
    if (status.copy.bytes_total != 0) {
      text.number("master_sync_total_bytes", status.copy.bytes_total);
      text.number("master_sync_read_bytes", status.copy.bytes);
    }
    text.number("slave_lag_lsn", status.lag.lsn);
    text.number("slave_lag_bytes", status.lag.bytes);
    text.number("slave_lag_ms", status.lag.ms);
    text.number("slave_repl_offset", db.applied_lsn());
    text.number("slave_read_only", 1);
  }
  if (db.directory() != nullptr) {
    const wal::Meta meta = db.directory()->meta();
    text.number("log_last_term", meta.history.empty() ? 0 : meta.history.back().term);
    text.number("log_last_lsn", db.log().durable_lsn());
  }
  text.number("connected_slaves", status.slaves.size());
  for (std::size_t i = 0; i < status.slaves.size(); ++i) {
    const auto& slave = status.slaves[i];
    const std::size_t colon = slave.address.rfind(':');
    text.line(
        "slave" + std::to_string(i),
        "ip=" + slave.address.substr(0, colon) + ",port=" + slave.address.substr(colon + 1) +
            ",state=" + (slave.copy.bytes_total == 0 ? "online" : "send_bulk") + ",offset=" +
            std::to_string(slave.synced_lsn) + ",applied=" + std::to_string(slave.applied_lsn) +
            ",lag_lsn=" + std::to_string(slave.lag.lsn) + ",lag_bytes=" +
            std::to_string(slave.lag.bytes) + ",lag_ms=" + std::to_string(slave.lag.ms) + ",lag=" +
            std::to_string(std::max<std::int64_t>(0, db.now_ms() - slave.last_heard_ms) / 1000));
  }
  if (status.enabled && !db.is_slave()) text.number("quorum_missing", status.quorum_missing);
  text.number("master_repl_offset", db.log().last_lsn());
}

void cpu(Text& text) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    char value[32];
    std::snprintf(value, sizeof value, "%ld.%06ld", static_cast<long>(time.tv_sec),
                  static_cast<long>(time.tv_usec));
    return std::string(value);
  };
  text.section("CPU");
  text.line("used_cpu_sys", seconds(usage.ru_stime));
  text.line("used_cpu_user", seconds(usage.ru_utime));
}

void command_statistics(Database& db, Text& text) {
  text.section("Commandstats");
  const auto counters = db.statistics().sum();
  for (const CommandRow& row : db.commands().rows()) {
    const CommandCounters& c = counters[row.index];
    if (c.calls + c.rejected == 0) continue;
    const double microseconds = static_cast<double>(c.ticks) / cycles_per_microsecond();
    char value[160];
    std::snprintf(value, sizeof value,
                  "calls=%llu,usec=%.0f,usec_per_call=%.2f,rejected_calls=%llu,failed_calls=%llu",
                  static_cast<unsigned long long>(c.calls), microseconds,
                  c.calls == 0 ? 0 : microseconds / static_cast<double>(c.calls),
                  static_cast<unsigned long long>(c.rejected),
                  static_cast<unsigned long long>(c.failed));
    text.line("cmdstat_" + std::string(row.name), value);
  }
}

void keyspace(Context& c, Text& text) {
  text.section("Keyspace");
  for (std::uint8_t number = 0; number < engine::kKeyKeyspaces; ++number) {
    std::size_t keys = 0, expires = 0;
    for (std::size_t i = 0; i < c.database.engine().partition_count(); ++i)
      c.with_partition(i, [&](engine::Partition& partition) {
        c.depends_on(partition.last_lsn());
        keys += partition.size(number);
        expires += partition.expiring(number);
      });
    if (keys != 0)
      text.line("db" + std::to_string(number), "keys=" + std::to_string(keys) + ",expires=" +
                                                   std::to_string(expires) + ",avg_ttl=0");
  }
}

}  // namespace

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

std::string info_text(Context& c, std::span<const std::string_view> sections) {
  Database& database = c.database;
  const auto wanted = [&](std::string_view name, bool by_default = true) {
    return std::any_of(sections.begin(), sections.end(),
                       [&](std::string_view section) {
                         return is_word(section, name) || is_word(section, "all") ||
                                is_word(section, "everything") ||
                                (by_default && is_word(section, "default"));
                       }) ||
           (sections.empty() && by_default);
  };
  Text text;
  if (wanted("server")) server(database, text);
  if (wanted("clients")) clients(database, text);
  if (wanted("memory")) memory(database, text);
  if (wanted("persistence")) persistence(database, text);
  if (wanted("stats")) statistics(database, text);
  if (wanted("replication")) replication(database, text);
  if (wanted("cpu")) cpu(text);
  if (wanted("commandstats", false)) command_statistics(database, text);
  if (wanted("keyspace")) keyspace(c, text);
  return text.take();
}

}  // namespace kimdb::database
