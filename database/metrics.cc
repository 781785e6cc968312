#include "database/metrics.h"

#include <sys/resource.h>

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "database/database.h"
#include "database/info.h"

namespace kimdb::database {

namespace {

using Label = std::pair<std::string_view, std::string_view>;
using Labels = std::initializer_list<Label>;

enum class Type { counter, gauge, histogram };

// Writes families: about(), then the samples of that metric.
class Exposition {
 public:
  void about(std::string_view name, Type type, std::string_view help) {
    name_ = name;
    line("# HELP ", help);
    line("# TYPE ", type == Type::counter ? "counter"
                    : type == Type::gauge ? "gauge"
                                          : "histogram");
  }

  template <class Number>
  void sample(Labels labels, Number value) {
    sample("", labels, value);
  }

  void histogram(Labels labels, const DurationHistogram::Counts& counts) {
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < counts.buckets.size(); ++i) {
      so_far += counts.buckets[i];
      bound_ = i < DurationHistogram::kBounds.size() ? text_of(DurationHistogram::kBounds[i])
                                                     : std::string("+Inf");
      sample("_bucket", labels, so_far);
    }
    bound_.clear();
    sample("_sum", labels, counts.seconds());
    sample("_count", labels, so_far);
  }

  // A metric of one sample.
  template <class Number>
  void single(std::string_view name, Type type, std::string_view help, Number value) {
    about(name, type, help);
    sample({}, value);
  }

  std::string take() { return std::move(text_); }

 private:
  template <class Number>
  static std::string text_of(Number value) {
    char digits[40];
    return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
  }

  void line(std::string_view kind, std::string_view rest) {
    text_.append(kind).append(name_).append(" ").append(rest).append("\n");
  }

  template <class Number>
  void sample(std::string_view suffix, Labels labels, Number value) {
    text_.append(name_).append(suffix);
    char before = '{';
    const auto label = [&](std::string_view name, std::string_view its) {
      text_ += before;
      before = ',';
      text_.append(name).append("=\"");
      for (const char c : its) {
        if (c == '\\' || c == '"') text_ += '\\';
        if (c == '\n')
          text_ += "\\n";
        else
          text_ += c;
      }
      text_ += '"';
    };
    for (const auto& [name, its] : labels) label(name, its);
    if (!bound_.empty()) label("le", bound_);
    if (before == ',') text_ += '}';
    text_.append(" ").append(text_of(value)).append("\n");
  }

  std::string text_;
  std::string_view name_;
  std::string bound_;  // of the bucket that is written
};

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void process(Database& db, Exposition& out) {
  out.about("kimdb_build_info", Type::gauge, "Which kimdb this is; always 1.");
  out.sample({{"version", KIMDB_VERSION}}, 1);
  out.single("kimdb_uptime_seconds", Type::gauge, "Time since the server started.",
             static_cast<double>(db.now_ms() - db.started_at_ms()) / 1000);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  out.single("process_start_time_seconds", Type::gauge,
             "When the process started, in seconds since the Unix epoch.",
             static_cast<double>(db.started_at_ms()) / 1000);
  out.single("process_cpu_seconds_total", Type::counter,
             "Processor time that the process has taken.",
             seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
  out.single("process_resident_memory_bytes", Type::gauge, "Resident memory of the process.",
             resident_bytes());
  out.single("kimdb_data_memory_bytes", Type::gauge, "Memory that data takes.",
             db.engine().memory());
  out.single("kimdb_data_memory_limit_bytes", Type::gauge, "engine.max_memory; 0: no limit.",
             db.max_memory());
}

void connections(Database& db, Exposition& out) {
  Host* const host = db.host();
  if (host == nullptr) return;
  constexpr std::string_view kNames[] = {"tcp", "http", "websocket", "events"};
  std::size_t open[std::size(kNames)] = {};
  host->for_each_session([&](const SessionInfo& info) {
    ++open[static_cast<std::size_t>(info.protocol.load(std::memory_order_relaxed))];
  });
  const Host::NetworkStatistics network = host->network_statistics();
  out.about(
      "kimdb_connections", Type::gauge,
      "Open connections: tcp (lines and RESP), http, websocket, events (Server-Sent Events).");
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    out.sample({{"protocol", kNames[i]}}, open[i]);
  out.single("kimdb_connections_limit", Type::gauge, "network.max_connections.",
             network.max_connections);
  out.single("kimdb_connections_accepted_total", Type::counter, "Connections that were opened.",
             network.connections_received);
  out.single("kimdb_connections_rejected_total", Type::counter,
             "Connections that were refused over network.max_connections.",
             network.connections_rejected);
  out.single("kimdb_slow_clients_dropped_total", Type::counter,
             "Connections that were closed since the client did not read.",
             network.slow_clients_dropped);
  out.about("kimdb_network_bytes_total", Type::counter, "Bytes of clients' connections.");
  out.sample({{"direction", "in"}}, network.bytes_in);
  out.sample({{"direction", "out"}}, network.bytes_out);
}

void commands(Database& db, Exposition& out) {
  const auto counters = db.statistics().sum_since_start();
  const auto each = [&](auto&& write) {
    for (const CommandRow& row : db.commands().rows())
      if (const CommandCounters& c = counters[row.index]; c.calls + c.rejected != 0) write(row, c);
  };
  out.about("kimdb_operations_total", Type::counter, "Commands that were executed.");
  each([&](const CommandRow& row, const CommandCounters& c) {
    out.sample({{"command", row.name}}, c.calls);
  });
  out.about("kimdb_operations_failed_total", Type::counter,
            "Commands that were executed and answered by an error.");
  each([&](const CommandRow& row, const CommandCounters& c) {
    out.sample({{"command", row.name}}, c.failed);
  });
  out.about("kimdb_operations_rejected_total", Type::counter,
            "Commands that were refused before they were executed.");
  each([&](const CommandRow& row, const CommandCounters& c) {
    out.sample({{"command", row.name}}, c.rejected);
  });
  out.about("kimdb_command_duration_seconds", Type::histogram,
            "How long commands take to execute, without waiting for the log or for slaves.");
  each([&](const CommandRow& row, const CommandCounters& c) {
    if (c.calls != 0) out.histogram({{"command", row.name}}, c.durations);
  });
  out.about("kimdb_errors_total", Type::counter, "Errors that were answered, by their code.");
  for (const auto& [code, count] : db.statistics().errors_since_start())
    out.sample({{"code", code}}, count);
}

void data(Context& c, Exposition& out) {
  Database& db = c.database;
  const std::size_t partitions = db.engine().partition_count();
  std::vector<std::size_t> keys_of(partitions);
  std::size_t keys[engine::kKeyKeyspaces] = {}, expiring[engine::kKeyKeyspaces] = {};
  std::size_t documents = 0, rows = 0;
  for (std::size_t i = 0; i < partitions; ++i)
    c.with_partition(i, [&](engine::Partition& partition) {
      for (std::uint8_t number = 0; number < engine::kKeyKeyspaces; ++number) {
        keys[number] += partition.size(number);
        expiring[number] += partition.expiring(number);
        keys_of[i] += partition.size(number);
      }
      documents += partition.size(engine::kDocuments);
      rows += partition.size(engine::kRows);
    });
  const auto by_keyspace = [&](const std::size_t(&counts)[engine::kKeyKeyspaces]) {
    for (std::size_t i = 0; i < engine::kKeyKeyspaces; ++i)
      if (i == 0 || keys[i] != 0) out.sample({{"keyspace", std::to_string(i)}}, counts[i]);
  };
  out.about("kimdb_keys", Type::gauge, "Keys there are; of keyspaces that have some, and of 0.");
  by_keyspace(keys);
  out.about("kimdb_keys_expiring", Type::gauge, "Keys that have an expiry time.");
  by_keyspace(expiring);
  out.about("kimdb_partition_keys", Type::gauge, "Keys of each partition, in all keyspaces.");
  for (std::size_t i = 0; i < partitions; ++i)
    out.sample({{"partition", std::to_string(i)}}, keys_of[i]);
  out.single("kimdb_documents", Type::gauge, "Documents there are, in all collections.", documents);
  out.single("kimdb_rows", Type::gauge, "Rows there are, in all tables.", rows);
  const Statistics::Totals totals = db.statistics().totals_since_start();
  out.about("kimdb_key_lookups_total", Type::counter, "Keys that were looked up for reading.");
  out.sample({{"result", "hit"}}, totals.hits);
  out.sample({{"result", "miss"}}, totals.misses);
  out.single("kimdb_keys_expired_total", Type::counter, "Keys that have expired.", totals.expired);
  out.single("kimdb_keys_evicted_total", Type::counter,
             "Keys that were removed for want of memory.", totals.evicted);
  out.single("kimdb_pubsub_channels", Type::gauge, "Channels that somebody subscribed to.",
             db.pubsub().channels("*").size());
  out.single("kimdb_pubsub_patterns", Type::gauge, "Patterns that somebody subscribed to.",
             db.pubsub().pattern_count());
}

void log(Database& db, Exposition& out) {
  out.single("kimdb_wal_last_lsn", Type::gauge, "LSN of the last record.", db.log().last_lsn());
  out.single("kimdb_wal_durable_lsn", Type::gauge, "LSN up to which the log is on disk.",
             db.log().durable_lsn());
  out.single("kimdb_wal_committed_lsn", Type::gauge, "LSN up to which clients are shown the data.",
             db.log().committed_lsn());
  if (db.directory() == nullptr) return;
  out.single("kimdb_wal_written_bytes_total", Type::counter, "Bytes written to the log.",
             db.log().written_bytes());
  out.about("kimdb_wal_fsync_duration_seconds", Type::histogram,
            "How long the log's syncs to disk take.");
  out.histogram({}, db.log().sync_durations());
  out.single("kimdb_wal_disk_full", Type::gauge, "1 while writes are refused on a full disk.",
             db.log().disk_full() ? 1 : 0);
  const Checkpointer::Progress snapshot = db.checkpointer().progress();
  out.single("kimdb_snapshot_running", Type::gauge, "1 while a snapshot is written.",
             snapshot.running ? 1 : 0);
  out.single("kimdb_snapshot_failed", Type::gauge,
             "1 where the last snapshot could not be written.", snapshot.last_failed ? 1 : 0);
  out.single("kimdb_snapshot_last_success_timestamp_seconds", Type::gauge,
             "When the last snapshot was written (at first: the start of the server), in seconds "
             "since the Unix epoch.",
             static_cast<double>(snapshot.last_success_ms) / 1000);
  out.single("kimdb_snapshot_last_lsn", Type::gauge, "LSN of the newest snapshot.",
             snapshot.last_lsn);
}

void replication(Database& db, Exposition& out) {
  const Host::ReplicationStatus status =
      db.host() == nullptr ? Host::ReplicationStatus() : db.host()->replication_status();
  out.single("kimdb_is_master", Type::gauge, "1 on a master, 0 on a slave.", db.is_slave() ? 0 : 1);
  if (!status.enabled) return;
  std::vector<std::pair<std::string, Host::ReplicationStatus::Lag>> lags;
  if (db.is_slave()) {
    out.single("kimdb_replication_connected", Type::gauge,
               "1 while this slave is connected to its master.", status.connected ? 1 : 0);
    lags.emplace_back(db.node_id(), status.lag);
  } else {
    out.single("kimdb_replication_slaves", Type::gauge, "Slaves that are connected.",
               status.slaves.size());
    out.single("kimdb_replication_quorum_missing", Type::gauge,
               "1 while the quorum is missing, with on_timeout: fail or degrade.",
               status.quorum_missing ? 1 : 0);
    for (const auto& slave : status.slaves) lags.emplace_back(slave.address, slave.lag);
  }
  const auto each = [&](std::string_view name, std::string_view help, auto&& value) {
    if (lags.empty()) return;
    out.about(name, Type::gauge, help);
    for (const auto& [replica, lag] : lags) out.sample({{"replica", replica}}, value(lag));
  };
  each(
      "kimdb_replication_lag_lsn",
      "Records that a slave (a master names each by its address; a slave itself by its id) has not "
      "applied.",
      [](const auto& lag) { return lag.lsn; });
  each("kimdb_replication_lag_bytes", "Bytes of the log that a slave has not applied.",
       [](const auto& lag) { return lag.bytes; });
  each("kimdb_replication_lag_seconds",
       "How long ago the first record was written that a slave has not applied.",
       [](const auto& lag) { return static_cast<double>(lag.ms) / 1000; });
}

}  // namespace

std::string metrics_text(Context& c) {
  Exposition out;
  process(c.database, out);
  connections(c.database, out);
  commands(c.database, out);
  data(c, out);
  log(c.database, out);
  replication(c.database, out);
  return out.take();
}

}  // namespace kimdb::database
