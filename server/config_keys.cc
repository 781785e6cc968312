#include "server/config_keys.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

#include "base/address.h"
#include "base/edit_distance.h"
#include "base/units.h"
#include "server/config_yaml.h"

namespace kimdb::server {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kGiB = 1 << 30;
constexpr std::uint64_t kPiB = 1ULL << 50;
constexpr std::uint64_t kMs = 1'000;
constexpr std::uint64_t kSecond = 1'000 * kMs;
constexpr std::uint64_t kDay = 86'400 * kSecond;

// The member `Member` of the section `Section` of a Config.
template <auto Section, auto Member>
constexpr auto at = [](Config& config) -> auto& {
  return config.*Section.*Member;
};

template <auto Section, auto Member>
constexpr ChoiceField choice(std::span<const std::string_view> names) {
  return {names,
          [](const Config& config) { return static_cast<std::size_t>(config.*Section.*Member); },
          [](Config& config, std::size_t index) {
            auto& member = config.*Section.*Member;
            member = static_cast<std::remove_reference_t<decltype(member)>>(index);
          }};
}

// Names in the order of the enumerations.
constexpr std::array kEngineTypes{"in_memory"sv};
constexpr std::array kEvictions{"noeviction"sv, "allkeys-lru"sv};
constexpr std::array kLogLevels{"debug"sv, "info"sv, "warning"sv, "error"sv, "off"sv};
constexpr std::array kLogFormats{"text"sv, "json"sv};
constexpr std::array kSyncs{"commit"sv, "interval"sv, "off"sv};
constexpr std::array kReplicaTypes{"master"sv, "slave"sv};
constexpr std::array kAcks{"none"sv, "received"sv, "synced"sv, "applied"sv};
constexpr std::array kOnTimeouts{"block"sv, "fail"sv, "degrade"sv};
constexpr std::array kJwtAlgorithms{"RS256"sv, "HS256"sv};

constexpr auto kEngine = &Config::engine;
constexpr auto kNetwork = &Config::network;
constexpr auto kHttp = &Config::http;
constexpr auto kTls = &Config::tls;
constexpr auto kLogging = &Config::logging;
constexpr auto kWal = &Config::wal;
constexpr auto kReplication = &Config::replication;
constexpr auto kAuth = &Config::auth;
constexpr auto kSnapshot = &Config::snapshot;
constexpr auto kSlowlog = &Config::slowlog;
constexpr auto kSql = &Config::sql;

constexpr bool kReloadable = true;
constexpr bool kAtStart = false;

// clang-format off
constexpr std::array kKeys{
    Key{"engine.type", choice<kEngine, &EngineConfig::type>(kEngineTypes), 0, 0, kAtStart,
        "Where the data lives."},
    Key{"engine.partitions", IntegerField{at<kEngine, &EngineConfig::partitions>}, 1, 4096, kAtStart,
        "Parts of the key space, each with its own lock; a power of two."},
    Key{"engine.max_memory", SizeField{at<kEngine, &EngineConfig::max_memory>}, 0, kPiB, kReloadable,
        "Memory for data; 0 is no limit."},
    Key{"engine.eviction", choice<kEngine, &EngineConfig::eviction>(kEvictions), 0, 0, kReloadable,
        "At max_memory: refuse writes, or remove the keys that were not used for longest."},

    Key{"network.address", AddressField{at<kNetwork, &NetworkConfig::address>, false}, 0, 0, kAtStart,
        "Where clients connect, lines and RESP on one port; an empty host is every interface."},
    Key{"network.resp_address", AddressField{at<kNetwork, &NetworkConfig::resp_address>, true}, 0, 0, kAtStart,
        "A second port on which every answer is RESP, for Redis tools; empty is none."},
    Key{"network.max_connections", IntegerField{at<kNetwork, &NetworkConfig::max_connections>}, 1, 1'000'000, kReloadable,
        "TCP connections at one time; one more is told so and closed."},
    Key{"network.max_message_size", SizeField{at<kNetwork, &NetworkConfig::max_message_size>}, kKiB, 512 * kMiB, kReloadable,
        "Longest request; a longer one is refused and thrown away as it arrives."},
    Key{"network.max_output_buffer", SizeField{at<kNetwork, &NetworkConfig::max_output_buffer>}, 64 * kKiB, 64 * kGiB, kReloadable,
        "A client that leaves more than this of its replies unread is closed."},
    Key{"network.idle_timeout", MillisecondsField{at<kNetwork, &NetworkConfig::idle_timeout>}, 0, 365 * kDay, kReloadable,
        "A connection of lines or RESP that is silent for this long is closed, but for one that has subscribed; 0 is never, as in Redis: client libraries take a closed connection for a failure."},
    Key{"network.tcp_keepalive", MillisecondsField{at<kNetwork, &NetworkConfig::tcp_keepalive>}, 0, 32'400 * kSecond, kReloadable,
        "A silent connection is probed by TCP after this long (in seconds, rounded up), and closed where nobody is there any more, after the same time again; 0 is not at all. New connections take a changed value."},
    Key{"network.request_timeout", MillisecondsField{at<kNetwork, &NetworkConfig::request_timeout>}, 0, kDay, kReloadable,
        "A request that has not arrived whole after this time ends its connection; 0 is never."},
    Key{"network.io_threads", IntegerField{at<kNetwork, &NetworkConfig::io_threads>}, 0, 256, kAtStart,
        "Threads that serve connections; 0 is one fewer than cores, at least one."},
    Key{"network.greeting", BoolField{at<kNetwork, &NetworkConfig::greeting>}, 0, 0, kReloadable,
        "Send HANDSHAKE|v1.0 when a client connects, before it has spoken."},

    Key{"http.address", AddressField{at<kHttp, &HttpConfig::address>, true}, 0, 0, kAtStart,
        "Where HTTP is spoken; empty is nowhere."},
    Key{"http.max_body_size", SizeField{at<kHttp, &HttpConfig::max_body_size>}, kKiB, 512 * kMiB, kAtStart,
        "Largest body of a request; a larger one is answered by 413."},
    Key{"http.cors_origins", TextField{at<kHttp, &HttpConfig::cors_origins>}, 0, 0, kAtStart,
        "Origins whose pages may use this server, say https://app.example.com, with commas between them; * is every one."},
    Key{"http.rate_limit", IntegerField{at<kHttp, &HttpConfig::rate_limit>}, 0, 1'000'000, kReloadable,
        "Requests a second of one login (of one address where nobody is logged in) over HTTP and WebSocket, so many at once at most; 0 is no limit."},
    Key{"http.idle_timeout", MillisecondsField{at<kHttp, &HttpConfig::idle_timeout>}, 0, 365 * kDay, kReloadable,
        "An HTTP connection without a request for this long is closed; 0 is never. WebSockets and streams of changes are none of those."},
    Key{"http.hosts", TextField{at<kHttp, &HttpConfig::hosts>}, 0, 0, kAtStart,
        "Names by which browsers may call this server besides localhost and addresses, with commas between them."},

    Key{"tls.cert", TextField{at<kTls, &TlsConfig::cert>}, 0, 0, kAtStart,
        "PEM file of the server's certificate: with it and tls.key, clients connect by TLS, and only so."},
    Key{"tls.key", TextField{at<kTls, &TlsConfig::key>}, 0, 0, kAtStart,
        "PEM file of its key."},
    Key{"tls.client_ca", TextField{at<kTls, &TlsConfig::client_ca>}, 0, 0, kAtStart,
        "PEM file of an authority: clients need a certificate of it."},

    Key{"logging.level", choice<kLogging, &LoggingConfig::level>(kLogLevels), 0, 0, kReloadable,
        "The least important lines that are logged."},
    Key{"logging.output", TextField{at<kLogging, &LoggingConfig::output>}, 0, 0, kAtStart,
        "stdout, stderr, syslog, or the path of a file (renamed at 100 MB, five are kept)."},
    Key{"logging.format", choice<kLogging, &LoggingConfig::format>(kLogFormats), 0, 0, kAtStart,
        "Lines for people, or one JSON object a line."},

    Key{"wal.enabled", BoolField{at<kWal, &WalConfig::enabled>}, 0, 0, kAtStart,
        "Keep a write-ahead log; without it all data is gone when the server stops."},
    Key{"wal.sync", choice<kWal, &WalConfig::sync>(kSyncs), 0, 0, kAtStart,
        "A write is answered when it is on disk (commit), when it is in the log's buffer (interval), in memory (off)."},
    Key{"wal.flushing_batch_size", IntegerField{at<kWal, &WalConfig::flushing_batch_size>}, 1, 1'000'000, kAtStart,
        "With sync: interval, this many writes are synced without waiting for flushing_batch_timeout."},
    Key{"wal.flushing_batch_timeout", MillisecondsField{at<kWal, &WalConfig::flushing_batch_timeout>}, kMs, 60 * kSecond, kAtStart,
        "With sync: interval, the longest time until a write is synced."},
    Key{"wal.max_segment_size", SizeField{at<kWal, &WalConfig::max_segment_size>}, 64 * kKiB, 4 * kGiB, kAtStart,
        "Size of one file of the log."},
    Key{"wal.max_transaction_size", SizeField{at<kWal, &WalConfig::max_transaction_size>}, 64 * kKiB, kGiB, kAtStart,
        "Largest transaction, as it stands in the log."},
    Key{"wal.data_directory", TextField{at<kWal, &WalConfig::data_directory>}, 0, 0, kAtStart,
        "Log and snapshots; made if it is missing. A relative path begins where the server was started."},

    Key{"replication.enabled", BoolField{at<kReplication, &ReplicationConfig::enabled>}, 0, 0, kAtStart,
        "Keep slaves in step with a master; needs wal.sync: commit."},
    Key{"replication.replica_type", choice<kReplication, &ReplicationConfig::replica_type>(kReplicaTypes), 0, 0, kAtStart,
        "The part this server plays."},
    Key{"replication.master_address", AddressField{at<kReplication, &ReplicationConfig::master_address>, false}, 0, 0, kAtStart,
        "Of a slave: the replication.listen of its master."},
    Key{"replication.sync_interval", MillisecondsField{at<kReplication, &ReplicationConfig::sync_interval>}, 10 * kMs, 3600 * kSecond, kAtStart,
        "Time between two heartbeats."},
    Key{"replication.listen", AddressField{at<kReplication, &ReplicationConfig::listen>, false}, 0, 0, kAtStart,
        "Where slaves connect, those of a slave too."},
    Key{"replication.ack", choice<kReplication, &ReplicationConfig::ack>(kAcks), 0, 0, kAtStart,
        "What slaves must have done before a write is answered: nothing, received it, synced it to their disk, or applied it as well."},
    Key{"replication.quorum", IntegerField{at<kReplication, &ReplicationConfig::quorum>}, 1, 64, kAtStart,
        "Slaves that must have done so."},
    Key{"replication.timeout", MillisecondsField{at<kReplication, &ReplicationConfig::timeout>}, 10 * kMs, 3600 * kSecond, kAtStart,
        "How long a write waits for the quorum before on_timeout counts."},
    Key{"replication.on_timeout", choice<kReplication, &ReplicationConfig::on_timeout>(kOnTimeouts), 0, 0, kAtStart,
        "Without the quorum: wait on (block), answer errors and refuse writes (fail), or answer without it (degrade), until it is back and has everything."},
    Key{"replication.max_wal_keep", SizeField{at<kReplication, &ReplicationConfig::max_wal_keep>}, 0, 1024 * kGiB, kAtStart,
        "So much of the log that snapshots have replaced is kept for slaves that are behind; who lacks more is sent a copy of the data."},
    Key{"replication.tls_ca", TextField{at<kReplication, &ReplicationConfig::tls_ca>}, 0, 0, kAtStart,
        "PEM file of the authority that has issued the nodes' certificates; with tls_cert and tls_key, replication is encrypted and both sides prove who they are."},
    Key{"replication.tls_cert", TextField{at<kReplication, &ReplicationConfig::tls_cert>}, 0, 0, kAtStart,
        "PEM file of this node's certificate, issued to replication.user."},
    Key{"replication.tls_key", TextField{at<kReplication, &ReplicationConfig::tls_key>}, 0, 0, kAtStart,
        "PEM file of its key."},
    Key{"replication.user", TextField{at<kReplication, &ReplicationConfig::user>}, 0, 0, kAtStart,
        "The common name that the certificate of the other side must have."},

    Key{"auth.enabled", BoolField{at<kAuth, &AuthConfig::enabled>}, 0, 0, kAtStart,
        "Clients log in (AUTH user password) before anything else."},
    Key{"auth.users", AccountsField{at<kAuth, &AuthConfig::users>, "a user", "password_hash"}, 0, 0, kAtStart,
        "Who may log in: name, password_hash (kimdb-cli passwd prints one), role (admin, readwrite, readonly), and collections ({users: read, \"logs-*\": write}) where it is for these alone."},
    Key{"auth.api_keys", AccountsField{at<kAuth, &AuthConfig::api_keys>, "an API key", "key_hash"}, 0, 0, kAtStart,
        "The same for programs: name, key_hash (kimdb-cli apikey makes one), role, collections."},
    Key{"auth.jwt_key", TextField{at<kAuth, &AuthConfig::jwt_key>}, 0, 0, kAtStart,
        "File that JSON Web Tokens are verified with: the issuer's public key (PEM) for RS256, the shared secret for HS256; empty: tokens are refused."},
    Key{"auth.jwt_algorithm", choice<kAuth, &AuthConfig::jwt_algorithm>(kJwtAlgorithms), 0, 0, kAtStart,
        "The one algorithm that tokens may be signed by."},
    Key{"auth.jwt_issuer", TextField{at<kAuth, &AuthConfig::jwt_issuer>}, 0, 0, kAtStart,
        "The claim iss that tokens must have; empty: any."},
    Key{"auth.jwt_audience", TextField{at<kAuth, &AuthConfig::jwt_audience>}, 0, 0, kAtStart,
        "What a token's claim aud must be, or contain; empty: anything."},

    Key{"snapshot.interval", MillisecondsField{at<kSnapshot, &SnapshotConfig::interval>}, 0, 365 * kDay, kReloadable,
        "Time between two snapshots; 0 is only by the log's size and by command."},

    Key{"slowlog.threshold", MicrosecondsField{at<kSlowlog, &SlowlogConfig::threshold>}, 0, kDay, kReloadable,
        "Commands that take longer are kept for SLOWLOG."},
    Key{"slowlog.max_entries", IntegerField{at<kSlowlog, &SlowlogConfig::max_entries>}, 0, 1'000'000, kReloadable,
        "Commands that are kept; 0 switches the slow log off."},

    Key{"sql.statement_timeout", MillisecondsField{at<kSql, &SqlConfig::statement_timeout>}, 0, kDay, kReloadable,
        "How long one SQL statement may run; 0 is without limit."},
    Key{"sql.answer_timeout", MillisecondsField{at<kSql, &SqlConfig::answer_timeout>}, 0, kDay, kReloadable,
        "How long a long answer may take to leave while its reader is slow; the state that it shows is kept meanwhile; 0 is without limit."},
    Key{"sql.max_memory", SizeField{at<kSql, &SqlConfig::max_memory>}, 0, kPiB, kReloadable,
        "Memory that one SQL statement may take, with what is held of its result; for joins a quarter more; 0 is without limit."},
    Key{"sql.keep_history", MillisecondsField{at<kSql, &SqlConfig::keep_history>}, 0, kDay, kReloadable,
        "How far back SELECT … AS OF reaches at least; what was replaced since stays in memory."},
    Key{"sql.idle_transaction_timeout", MillisecondsField{at<kSql, &SqlConfig::idle_transaction_timeout>}, 0, 365 * kDay, kReloadable,
        "A connection that is silent for this long within BEGIN … COMMIT is closed, and its transaction rolled back: what it may still read stays in memory; 0 is never."},
};
// clang-format on

Error invalid(const Key& key, std::string what) {
  return {ErrorCode::invalid_argument, std::string(key.name) + ": " + std::move(what)};
}

std::string joined(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) {
    text.append(text.empty() ? "" : ", ").append(name);
  }
  return text;
}

Status check_range(const Key& key, std::uint64_t value) {
  if (value >= key.min && value <= key.max) return {};
  return invalid(key, "out of range, must be " + range_text(key));
}

// Number, size and duration: parse, check the range, store.
template <class Value, class Parsed>
Status set_number(const Key& key, std::string_view text, const Result<Parsed>& parsed,
                  std::uint64_t comparable, Value& member, Value value) {
  if (!parsed) return invalid(key, parsed.error().message + ", not " + shown(text));
  KIMDB_RETURN_IF_ERROR(check_range(key, comparable));
  member = value;
  return {};
}

struct Setter {
  Config& config;
  const Key& key;
  std::string_view text;

  Status operator()(const BoolField& field) const {
    std::string word(text);
    for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool yes = word == "true" || word == "yes" || word == "on";
    if (!yes && word != "false" && word != "no" && word != "off") {
      return invalid(key, "must be true or false, not " + shown(text));
    }
    field.at(config) = yes;
    return {};
  }
  Status operator()(const IntegerField& field) const {
    const auto parsed = parse_integer(text);
    const std::uint64_t value = parsed ? *parsed : 0;
    return set_number(key, text, parsed, value, field.at(config), value);
  }
  Status operator()(const SizeField& field) const {
    const auto parsed = parse_size(text);
    const std::uint64_t value = parsed ? *parsed : 0;
    return set_number(key, text, parsed, value, field.at(config), value);
  }
  Status operator()(const MillisecondsField& field) const {
    const auto parsed = parse_duration(text);
    const auto us = parsed ? *parsed : std::chrono::microseconds(0);
    if (us.count() % 1000 != 0)
      return invalid(key, "must be whole milliseconds, not " + shown(text));
    return set_number(key, text, parsed, static_cast<std::uint64_t>(us.count()), field.at(config),
                      std::chrono::duration_cast<std::chrono::milliseconds>(us));
  }
  Status operator()(const MicrosecondsField& field) const {
    const auto parsed = parse_duration(text);
    const auto us = parsed ? *parsed : std::chrono::microseconds(0);
    return set_number(key, text, parsed, static_cast<std::uint64_t>(us.count()), field.at(config),
                      us);
  }
  Status operator()(const TextField& field) const {
    if (text.find('\0') != std::string_view::npos) return invalid(key, "must not hold a zero byte");
    field.at(config) = text;
    return {};
  }
  Status operator()(const AddressField& field) const {
    if (!(text.empty() && field.may_be_empty)) {
      const auto address = parse_address(text);
      if (!address) return invalid(key, address.error().message + ", not " + shown(text));
    }
    field.at(config) = text;
    return {};
  }
  Status operator()(const ChoiceField& field) const {
    const auto found = std::find(field.names.begin(), field.names.end(), text);
    if (found == field.names.end()) {
      const bool only = field.names.size() == 1;
      return invalid(key, (only ? "must be " : "must be one of ") + joined(field.names) + ", not " +
                              shown(text));
    }
    field.set(config, static_cast<std::size_t>(found - field.names.begin()));
    return {};
  }
  Status operator()(const AccountsField& field) const {
    Result<std::vector<Account>> accounts = parse_accounts_yaml(text, key);
    if (!accounts) return std::move(accounts).error().in(key.name);
    field.at(config) = *std::move(accounts);
    return {};
  }
};

struct Formatter {
  Config& config;  // const in effect: fields give references that are only read

  std::string operator()(const BoolField& field) const {
    return field.at(config) ? "true" : "false";
  }
  std::string operator()(const IntegerField& field) const {
    return std::to_string(field.at(config));
  }
  std::string operator()(const SizeField& field) const { return format_size(field.at(config)); }
  std::string operator()(const MillisecondsField& field) const {
    return format_duration(field.at(config));
  }
  std::string operator()(const MicrosecondsField& field) const {
    return format_duration(field.at(config));
  }
  std::string operator()(const TextField& field) const { return field.at(config); }
  std::string operator()(const AddressField& field) const { return field.at(config); }
  std::string operator()(const ChoiceField& field) const {
    return std::string(field.names[field.get(config)]);
  }
  std::string operator()(const AccountsField& field) const {
    return accounts_to_yaml(field.at(config), field.hash_name, ShowHashes::no);
  }
};

}  // namespace

std::span<const Key> config_keys() { return kKeys; }

const Key* find_key(std::string_view name) {
  const auto found =
      std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& key) { return key.name == name; });
  return found == kKeys.end() ? nullptr : &*found;
}

bool is_section(std::string_view name) {
  return std::any_of(kKeys.begin(), kKeys.end(),
                     [&](const Key& key) { return key.section() == name; });
}

std::string_view nearest_name(std::string_view name) {
  NearestName nearest(name);
  const bool has_dot = name.find('.') != std::string_view::npos;
  for (const Key& key : kKeys) {
    if (has_dot) {
      nearest.consider(key.name);
      // The right key in the wrong section.
      if (name.substr(name.rfind('.') + 1) == key.name_in_section()) nearest.consider(key.name, 1);
    } else {
      nearest.consider(key.section());
      nearest.consider(key.name, key.name_in_section());
    }
  }
  return nearest.nearest();
}

std::string unknown_key_message(std::string_view name) {
  std::string message = "unknown key " + shown(name);
  if (const std::string_view nearest = nearest_name(name); !nearest.empty()) {
    message.append(" (did you mean ").append(nearest).append("?)");
  }
  return message;
}

Status set_value(Config& config, const Key& key, std::string_view text) {
  return std::visit(Setter{config, key, text}, key.field);
}

std::string value_text(const Config& config, const Key& key) {
  return std::visit(Formatter{const_cast<Config&>(config)}, key.field);
}

bool same_value(const Config& a, const Config& b, const Key& key) {
  if (const auto* list = std::get_if<AccountsField>(&key.field))
    return list->at(const_cast<Config&>(a)) == list->at(const_cast<Config&>(b));
  return value_text(a, key) == value_text(b, key);
}

void copy_value(const Config& from, Config& to, const Key& key) {
  if (const auto* list = std::get_if<AccountsField>(&key.field)) {
    list->at(to) = list->at(const_cast<Config&>(from));
    return;
  }
  ignore(set_value(to, key, value_text(from, key)), "a value that was set before reads back");
}

std::string type_text(const Key& key) {
  struct Names {
    std::string operator()(const BoolField&) const { return "boolean"; }
    std::string operator()(const IntegerField&) const { return "number"; }
    std::string operator()(const SizeField&) const { return "size"; }
    std::string operator()(const MillisecondsField&) const { return "duration"; }
    std::string operator()(const MicrosecondsField&) const { return "duration"; }
    std::string operator()(const TextField&) const { return "text"; }
    std::string operator()(const AddressField&) const { return "address"; }
    std::string operator()(const ChoiceField&) const { return "choice"; }
    std::string operator()(const AccountsField&) const { return "list"; }
  };
  return std::visit(Names{}, key.field);
}

std::string range_text(const Key& key) {
  const auto between = [&](auto format) { return format(key.min) + " to " + format(key.max); };
  if (std::holds_alternative<IntegerField>(key.field)) {
    return between([](std::uint64_t value) { return std::to_string(value); });
  }
  if (std::holds_alternative<SizeField>(key.field)) return between(format_size);
  if (std::holds_alternative<MillisecondsField>(key.field) ||
      std::holds_alternative<MicrosecondsField>(key.field)) {
    return between([](std::uint64_t us) {
      return format_duration(std::chrono::microseconds(static_cast<std::int64_t>(us)));
    });
  }
  if (const auto* field = std::get_if<ChoiceField>(&key.field)) return joined(field->names);
  if (std::holds_alternative<BoolField>(key.field)) return "true, false";
  return {};
}

std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  if (text.empty()) return "\"\"";
  std::string clean(text.substr(0, kLongest));
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text.size() > kLongest ? clean + "..." : clean;
}

}  // namespace kimdb::server
