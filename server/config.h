// The server's configuration: plain structs with the built-in defaults, and loading them.
//
// Values come, the first that names a key winning, from flags (--set), the environment
// (KIMDB_NETWORK_ADDRESS), the override file that CONFIG REWRITE writes beside the YAML file, the
// YAML file, the defaults below. What each key means, its unit and its range is said once, in
// config_keys.cc. Loading happens on the main thread (at the start and on SIGHUP); a Config itself
// is a value without locks.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/logging.h"
#include "base/result.h"
#include "database/rights.h"
#include "database/token.h"
#include "replication/options.h"
#include "wal/log.h"

namespace kimdb::server {

enum class EngineType { in_memory };
enum class Eviction { noeviction, allkeys_lru };
enum class ReplicaType { master, slave };

using database::Account;
using database::JwtAlgorithm;

struct EngineConfig {
  EngineType type = EngineType::in_memory;
  std::uint64_t partitions = 64;
  std::uint64_t max_memory = 0;  // bytes; 0: no limit
  Eviction eviction = Eviction::noeviction;

  bool operator==(const EngineConfig&) const = default;
};

struct NetworkConfig {
  std::string address = "127.0.0.1:3223";
  std::string resp_address;  // empty: no second port
  std::uint64_t max_connections = 10'000;
  std::uint64_t max_message_size = 1 << 20;                           // bytes
  std::uint64_t max_output_buffer = 64 << 20;                         // bytes
  std::chrono::milliseconds idle_timeout{0};                          // 0: none
  std::chrono::milliseconds tcp_keepalive = std::chrono::minutes(5);  // 0: none
  std::chrono::milliseconds request_timeout = std::chrono::seconds(30);
  std::uint64_t io_threads = 0;  // 0: one fewer than there are cores
  bool greeting = false;

  bool operator==(const NetworkConfig&) const = default;
};

struct HttpConfig {
  std::string address = "127.0.0.1:40000";  // empty: no HTTP
  std::uint64_t max_body_size = 10 << 20;   // bytes
  std::string cors_origins;                 // with commas between them
  std::string hosts;                        // the same
  std::uint64_t rate_limit = 0;             // requests a second; 0: no limit
  std::chrono::milliseconds idle_timeout = std::chrono::minutes(5);  // 0: none

  bool operator==(const HttpConfig&) const = default;
};

struct LoggingConfig {
  LogLevel level = LogLevel::info;
  std::string output = "stdout";  // stdout, stderr, syslog or a file
  LogFormat format = LogFormat::text;

  bool operator==(const LoggingConfig&) const = default;
};

struct WalConfig {
  bool enabled = true;
  wal::Sync sync = wal::Sync::commit;
  std::uint64_t flushing_batch_size = 100;
  std::chrono::milliseconds flushing_batch_timeout{10};
  std::uint64_t max_segment_size = 10 << 20;      // bytes
  std::uint64_t max_transaction_size = 64 << 20;  // bytes
  std::string data_directory = "./data";

  bool operator==(const WalConfig&) const = default;
};

struct ReplicationConfig {
  bool enabled = false;
  ReplicaType replica_type = ReplicaType::master;
  std::string master_address = "127.0.0.1:3232";
  std::chrono::milliseconds sync_interval = std::chrono::seconds(1);  // between heartbeats
  std::string listen = "127.0.0.1:3232";
  replication::Ack ack = replication::Ack::synced;
  std::uint64_t quorum = 1;
  std::chrono::milliseconds timeout = std::chrono::seconds(5);
  replication::OnTimeout on_timeout = replication::OnTimeout::fail;
  std::uint64_t max_wal_keep = 1 << 30;  // bytes
  // Paths of PEM files; all or none. Of the certificates' common name: `user`.
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  std::string user = "replicator";

  bool operator==(const ReplicationConfig&) const = default;
};

struct AuthConfig {
  bool enabled = false;
  std::vector<Account> users;
  std::vector<Account> api_keys;
  std::string jwt_key;  // path of a file; empty: no JWT
  JwtAlgorithm jwt_algorithm = JwtAlgorithm::rs256;
  std::string jwt_issuer;    // empty: any
  std::string jwt_audience;  // the same

  bool operator==(const AuthConfig&) const = default;
};

struct SnapshotConfig {
  std::chrono::milliseconds interval = std::chrono::minutes(5);  // 0: by log size and command only

  bool operator==(const SnapshotConfig&) const = default;
};

struct SlowlogConfig {
  std::chrono::microseconds threshold = std::chrono::milliseconds(10);
  std::uint64_t max_entries = 128;  // 0: off

  bool operator==(const SlowlogConfig&) const = default;
};

struct SqlConfig {
  std::chrono::milliseconds statement_timeout = std::chrono::seconds(30);  // 0: none
  std::chrono::milliseconds answer_timeout = std::chrono::minutes(10);     // 0: none
  std::uint64_t max_memory = std::uint64_t{256} << 20;                     // 0: no limit
  std::chrono::milliseconds keep_history{0};
  std::chrono::milliseconds idle_transaction_timeout = std::chrono::minutes(5);  // 0: none

  bool operator==(const SqlConfig&) const = default;
};

// Of clients' connections: paths of PEM files.
struct TlsConfig {
  std::string cert;  // empty: connections are not encrypted
  std::string key;
  std::string client_ca;  // empty: clients need no certificate

  bool operator==(const TlsConfig&) const = default;
};

struct Config {
  EngineConfig engine;
  NetworkConfig network;
  HttpConfig http;
  TlsConfig tls;
  LoggingConfig logging;
  WalConfig wal;
  ReplicationConfig replication;
  AuthConfig auth;
  SnapshotConfig snapshot;
  SlowlogConfig slowlog;
  SqlConfig sql;

  bool operator==(const Config&) const = default;
};

// Where the value of a key comes from; keys that are not named come from the defaults.
enum class Source { file, override_file, environment, flag, runtime };
struct Origin {
  Source source;
  std::string place;  // for messages: "configs/master.yaml:12:3", "KIMDB_WAL_SYNC", "--set"
};
using Sources = std::map<std::string, Origin, std::less<>>;

using NameValue = std::pair<std::string, std::string>;

struct LoadOptions {
  std::string path;                    // the YAML file; empty: none
  std::vector<NameValue> environment;  // what environment_variables() gives
  std::vector<NameValue> flags;        // --set key=value, in the order given
  bool insecure = false;               // see validate_config
};

struct LoadedConfig {
  Config config;
  Sources sources;
  std::vector<std::string> warnings;  // for the log, once it is open
};

// Reads, merges and validates. The error's message names the file, line and column (path:12:3: …),
// the variable or the flag, and what to do. Reads the files and nothing else.
Result<LoadedConfig> load_config(const LoadOptions& options);

// What no single key can say: listeners outside the loopback need auth.enabled or `insecure`,
// authentication needs users, partitions are a power of two, and so on.
Status validate_config(const Config& config, bool insecure);

// The contents of auth.jwt_key, checked; empty where there is none.
Result<std::string> read_jwt_key(const AuthConfig& auth);

// The process's variables that begin with KIMDB_.
std::vector<NameValue> environment_variables();

// master.yaml -> master.override.yaml
std::string override_path(std::string_view path);

}  // namespace kimdb::server
