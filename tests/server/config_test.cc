#include "server/config.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <span>

#include "base/random.h"
#include "database/password.h"
#include "server/config_docs.h"
#include "server/config_keys.h"
#include "server/config_live.h"
#include "server/config_yaml.h"
#include "server/yaml_tree.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_seed.h"

namespace kimdb::server {
namespace {

using namespace std::chrono_literals;
using database::Role;

const char* const kHash =
    "$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

void write(const std::string& path, std::string_view text) { std::ofstream(path) << text; }

struct Fixture {
  support::TemporaryDirectory directory;
  std::string path = directory.path() + "/x.yaml";
  LoadOptions options{.path = path};

  Config load(std::string_view text) {
    write(path, text);
    const auto loaded = load_config(options);
    REQUIRE_MESSAGE(loaded, loaded.error().message);
    return loaded->config;
  }
  // The message, without the directory.
  std::string error(std::string_view text) {
    write(path, text);
    const auto loaded = load_config(options);
    if (loaded) return "no error";
    std::string message = loaded.error().message;
    const std::string prefix = directory.path() + "/";
    for (std::size_t at; (at = message.find(prefix)) != std::string::npos;) {
      message.erase(at, prefix.size());
    }
    return message;
  }
  std::string flag_error(std::string name, std::string value) {
    options = {.flags = {{std::move(name), std::move(value)}}};
    const auto loaded = load_config(options);
    return loaded ? "no error" : loaded.error().message;
  }
};

TEST_CASE("without a file the built-in defaults hold") {
  const auto loaded = load_config({});
  REQUIRE(loaded);
  CHECK(loaded->config == Config{});
  CHECK(loaded->sources.empty());
}

TEST_CASE_FIXTURE(Fixture, "every key of the Go database is read with its meaning") {
  const Config config = load(R"(
engine:
  type: "in_memory"
network:
  address: "127.0.0.1:3224"
  max_connections: 100
  max_message_size: "4KB"
  idle_timeout: 7m
logging:
  level: "debug"
  output: "stderr"
wal:
  enabled: false
  flushing_batch_size: 101
  flushing_batch_timeout: "11ms"
  max_segment_size: "12MB"
  data_directory: "/data/wal"
replication:
  enabled: false
  replica_type: "slave"
  master_address: "127.0.0.1:3233"
  sync_interval: "2s"
)");
  CHECK(config.engine.type == EngineType::in_memory);
  CHECK(config.network.address == "127.0.0.1:3224");
  CHECK(config.network.max_connections == 100);
  CHECK(config.network.max_message_size == 4096);
  CHECK(config.network.idle_timeout == 7min);
  CHECK(config.logging.level == LogLevel::debug);
  CHECK(config.logging.output == "stderr");
  CHECK_FALSE(config.wal.enabled);
  CHECK(config.wal.flushing_batch_size == 101);
  CHECK(config.wal.flushing_batch_timeout == 11ms);
  CHECK(config.wal.max_segment_size == 12 << 20);
  CHECK(config.wal.data_directory == "/data/wal");
  CHECK_FALSE(config.replication.enabled);
  CHECK(config.replication.replica_type == ReplicaType::slave);
  CHECK(config.replication.master_address == "127.0.0.1:3233");
  CHECK(config.replication.sync_interval == 2s);
}

TEST_CASE("the sample of a server by itself names every key with its default") {
  const auto loaded = load_config({.path = "configs/standalone.yaml"});
  REQUIRE_MESSAGE(loaded, loaded.error().message);
  CHECK(loaded->config == Config{});
  for (const Key& key : config_keys()) {
    CAPTURE(key.name);
    CHECK(loaded->sources.contains(key.name));
  }
}

TEST_CASE("the sample of a master has the values of the Go database") {
  const auto loaded = load_config({.path = "configs/master.yaml"});
  REQUIRE_MESSAGE(loaded, loaded.error().message);
  Config expected;
  expected.network.max_connections = 100;
  expected.network.idle_timeout = 5min;
  expected.wal.data_directory = "./data/master/wal";
  expected.replication.enabled = true;
  expected.replication.on_timeout = replication::OnTimeout::degrade;
  CHECK(loaded->config == expected);
}

TEST_CASE_FIXTURE(Fixture, "a mistake is one line with file, line, column and what to do") {
  CHECK(error("network:\n  adress: x\n") ==
        "x.yaml:2:3: unknown key network.adress (did you mean network.address?)");
  CHECK(error("netwrok:\n  address: x\n") ==
        "x.yaml:1:1: unknown key netwrok (did you mean network?)");
  CHECK(error("wal:\n  max_connections: 5\n") ==
        "x.yaml:2:3: unknown key wal.max_connections (did you mean network.max_connections?)");
  CHECK(error("htpt:\n  enabled: true\n").starts_with("x.yaml:1:1: unknown key htpt"));
  CHECK(error("wal:\n  max_segment_size: 10XB\n") ==
        "x.yaml:2:21: wal.max_segment_size: unknown unit of size (known: B, KB, MB, GB), not 10XB");
  CHECK(error("network:\n  idle_timeout: 5\n") ==
        "x.yaml:2:17: network.idle_timeout: the unit is missing (ms, s, m or h), not 5");
  CHECK(error("wal:\n  enabled: maybe\n") ==
        "x.yaml:2:12: wal.enabled: must be true or false, not maybe");
  CHECK(error("wal:\n  sync: allways\n") ==
        "x.yaml:2:9: wal.sync: must be one of commit, interval, off, not allways");
  CHECK(error("engine:\n  type: on_disk\n") ==
        "x.yaml:2:9: engine.type: must be in_memory, not on_disk");
  CHECK(error("network:\n  max_connections: 0\n") ==
        "x.yaml:2:20: network.max_connections: out of range, must be 1 to 1000000");
  CHECK(error("network:\n  max_message_size: 1GB\n") ==
        "x.yaml:2:21: network.max_message_size: out of range, must be 1KB to 512MB");
  CHECK(error("network:\n  address: [1, 2]\n") ==
        "x.yaml:2:12: network.address is one value, not a list");
  CHECK(error("network:\n  address:\n    host: x\n") ==
        "x.yaml:3:5: network.address is one value, it has no keys of its own");
  CHECK(error("network:\n  address:\n") ==
        "x.yaml:2:3: network.address has no value (leave the key out, or write \"\")");
  CHECK(error("network:\n  address: localhost\n") ==
        "x.yaml:2:12: network.address: not an address (write host:port), not localhost");
  CHECK(error("network: 5\n") ==
        "x.yaml:1:10: network is a section: its keys stand below it, indented");
  CHECK(error("wal:\n  sync: off\n  sync: off\n") == "x.yaml:3:3: duplicate key wal.sync");
  CHECK(error("wal:\n  sync: off\nwal:\n  sync: off\n") == "x.yaml:3:1: duplicate key wal");
  CHECK(error("wal: {sync: off\n") == "x.yaml:2:1: not YAML: end of map flow not found");
  CHECK(error("hello") ==
        "x.yaml:1:1: not a configuration: it begins with no section (like network:)");
  CHECK(error("wal:\n---\nwal:\n") == "x.yaml:3:1: a second document (---) is not read here");
}

TEST_CASE_FIXTURE(Fixture, "a mistake that only shows with other keys names its line, too") {
  CHECK(error("network:\n  address: 0.0.0.0:3223\n") ==
        "x.yaml:2:3: network.address: 0.0.0.0:3223 can be reached from other machines: set "
        "auth.enabled with auth.users, or tls.client_ca, or give --insecure");
  CHECK(error("engine:\n  partitions: 63\n") ==
        "x.yaml:2:3: engine.partitions: must be a power of two, not 63");
  CHECK(error("replication:\n  enabled: true\nwal:\n  sync: off\n")
            .starts_with("x.yaml:2:3: replication.enabled: needs wal.enabled: true and wal.sync"));
  CHECK(error("replication:\n  enabled: true\n  listen: 0.0.0.0:3232\n")
            .starts_with("x.yaml:3:3: replication.listen: 0.0.0.0:3232 can be reached"));
  const std::string tls =
      "replication:\n  enabled: true\n  listen: 0.0.0.0:3232\n  tls_ca: a\n  tls_cert: b\n";
  CHECK(error(tls).ends_with("replication.tls_ca: tls_ca, tls_cert and tls_key go together"));
  CHECK(error(tls + "  tls_key: c\n  user: \"\"\n").find("replication.user: must name") !=
        std::string::npos);
  CHECK(error("auth:\n  enabled: true\n")
            .starts_with("x.yaml:2:3: auth.enabled: nobody could log in"));
  CHECK(flag_error("network.address", ":3223").starts_with("--set: network.address: :3223 can be"));
}

TEST_CASE_FIXTURE(Fixture, "a file that cannot be read is named") {
  options.path = directory.path();
  CHECK(load_config(options).error().message ==
        directory.path() + ": cannot be read: Is a directory");
  options.path = directory.path() + "/none.yaml";
  CHECK(load_config(options).error().code == ErrorCode::not_found);
}

TEST_CASE_FIXTURE(Fixture, "an empty file and empty sections are the defaults") {
  CHECK(load("") == Config{});
  CHECK(load("# nothing\n\n") == Config{});
  CHECK(load("network:\nwal: {}\n") == Config{});
  CHECK(load("network: null\n") == Config{});
}

TEST_CASE_FIXTURE(Fixture, "YAML bombs go off without harm") {
  std::string laughs = "a: &a [x, x]\n";
  for (char c = 'b'; c < 'z'; ++c) {
    laughs += std::string(1, c) + ": &" + c + " [*" + char(c - 1) + ", *" + char(c - 1) + "]\n";
  }
  CHECK(error(laughs) == "x.yaml:1:4: anchors and aliases (& and *) are not read here");
  CHECK(error("wal: *x\n").find("not YAML") != std::string::npos);
  CHECK(error(std::string(500'000, '[')).ends_with(": nested too deeply"));
  CHECK(error(std::string(500'000, '{')).ends_with(": nested too deeply"));
  std::string list = "auth:\n  users: [";
  for (int i = 0; i < 200'000; ++i) list += "x, ";
  CHECK(error(list + "x]\n").ends_with(": too many values"));
  CHECK(error(std::string(kYamlBytesMax + 1, '#')) == "x.yaml: larger than 1 MiB");
  CHECK(error(std::string("wal:\0", 5)) == "x.yaml: holds a zero byte: not YAML");
}

TEST_CASE_FIXTURE(Fixture, "a long or unprintable name is clipped in the message") {
  const std::string message = error("\"" + std::string(900, 'x') + "\": 1\n");
  CHECK(message == "x.yaml:1:1: unknown key " + std::string(60, 'x') + "...");
  CHECK(error("\"a\\nb\": 1\n") == "x.yaml:1:1: unknown key a?b");
}

TEST_CASE_FIXTURE(
    Fixture, "flag, environment, override file, file, default: the first that names a key wins") {
  write(path,
        "network: {max_connections: 1, io_threads: 1, max_message_size: 1MB, address: "
        "'localhost:1'}");
  write(directory.path() + "/x.override.yaml",
        "network: {max_connections: 2, io_threads: 2, max_message_size: 2MB}");
  options.environment = {{"KIMDB_NETWORK_MAX_CONNECTIONS", "3"}, {"KIMDB_NETWORK_IO_THREADS", "3"}};
  options.flags = {{"network.max_connections", "4"}, {"network.max_connections", "5"}};
  const auto loaded = load_config(options);
  REQUIRE(loaded);
  CHECK(loaded->config.network.max_connections == 5);
  CHECK(loaded->config.network.io_threads == 3);
  CHECK(loaded->config.network.max_message_size == 2 << 20);
  CHECK(loaded->config.network.address == "localhost:1");
  CHECK(loaded->config.network.greeting == false);
  CHECK(loaded->sources.at("network.max_connections").source == Source::flag);
  CHECK(loaded->sources.at("network.io_threads").source == Source::environment);
  CHECK(loaded->sources.at("network.max_message_size").source == Source::override_file);
  CHECK(loaded->sources.at("network.address").source == Source::file);
  CHECK_FALSE(loaded->sources.contains("network.greeting"));
}

TEST_CASE(
    "a variable's bad value is an error, an unknown variable a warning where it looks like a key") {
  CHECK(load_config({.environment = {{"KIMDB_WAL_SYNC", "x"}}}).error().message ==
        "KIMDB_WAL_SYNC: wal.sync: must be one of commit, interval, off, not x");
  const auto loaded = load_config({.environment = {{"KIMDB_NETWORK_ADRESS", "x"},
                                                   {"KIMDB_PORT", "tcp://10.0.0.1:3223"},
                                                   {"KIMDB_PASSWORD", "secret"}}});
  REQUIRE(loaded);
  REQUIRE(loaded->warnings.size() == 1);
  CHECK(loaded->warnings[0].starts_with("KIMDB_NETWORK_ADRESS in the environment"));
}

TEST_CASE("every variable name belongs to one key") {
  std::set<std::string> names;
  for (const Key& key : config_keys()) {
    std::string name(key.name);
    for (char& c : name) c = c == '.' ? '_' : c;
    CHECK(names.insert(name).second);
  }
}

TEST_CASE_FIXTURE(Fixture, "a flag is checked like a file") {
  CHECK(flag_error("network.adress", "x") ==
        "--set: unknown key network.adress (did you mean network.address?)");
  CHECK(flag_error("wal.max_segment_size", "10 apples") ==
        "--set: wal.max_segment_size: unknown unit of size (known: B, KB, MB, GB), not 10 apples");
  CHECK(flag_error("slowlog.threshold", "100us") == "no error");
  CHECK(flag_error("snapshot.interval", "100us") ==
        "--set: snapshot.interval: must be whole milliseconds, not 100us");
}

TEST_CASE("listeners other machines can reach need authentication or --insecure") {
  Config config;
  config.network.resp_address = "[::]:6379";
  CHECK_FALSE(validate_config(config, false));
  CHECK(validate_config(config, true));
  config.auth.enabled = true;
  config.auth.users = {{"kim", kHash, {Role::admin, {}}}};
  CHECK(validate_config(config, false));
  config.network.resp_address = config.network.address;
  CHECK_FALSE(validate_config(config, false));
}

TEST_CASE("users have names of their own, argon2id hashes and known roles") {
  REQUIRE(database::is_password_hash(kHash));
  Config config;
  config.auth.users = {{"kim", kHash, {Role::admin, {}}}, {"lee", kHash, {}}};
  CHECK(validate_config(config, false));
  config.auth.users[1].name = "kim";
  CHECK(validate_config(config, false).error().message == "auth.users: kim is named twice");
  config.auth.users[1] = {"lee", "secret", {}};
  CHECK(validate_config(config, false).error().message ==
        "auth.users: the password_hash of lee is no argon2id hash (kimdb-cli passwd prints one)");
  for (const std::string name : {"", "a b", "a|b", "a\n"}) {
    config.auth.users[1] = {name, kHash, {}};
    CAPTURE(name);
    CHECK_FALSE(validate_config(config, false));
  }
}

TEST_CASE_FIXTURE(Fixture, "the list of users is read strictly") {
  const std::string good =
      "{name: kim, password_hash: \"" + std::string(kHash) + "\", role: readwrite}";
  const Config config = load("auth:\n  users:\n    - " + good + "\n");
  CHECK(config.auth.users == std::vector<Account>{{"kim", kHash, {Role::readwrite, {}}}});
  CHECK(error("auth: {users: [{name: kim, role: admin}]}") ==
        "x.yaml:1:16: a user needs password_hash");
  CHECK(error("auth: {users: [{name: kim, role: root, password_hash: x}]}") ==
        "x.yaml:1:34: role must be one of readonly, readwrite, admin, not root");
  CHECK(error("auth: {users: [{name: kim, name: lee}]}") ==
        "x.yaml:1:28: duplicate key name of a user");
  CHECK(error("auth: {users: [{nme: kim}]}") ==
        "x.yaml:1:17: unknown key nme of a user (known: name, password_hash, role, collections)");
  CHECK(error("auth: {users: [kim]}") ==
        "x.yaml:1:16: a user is {name: …, password_hash: …, role: …}");
  CHECK(error("auth: {users: [{password_hash: $argon2id$v=19$m=65536,t=2,p=1$YQ}]}") ==
        "x.yaml:1:55: between { and } a password_hash must stand in quotes");
  CHECK(load("auth:\n  users:\n    - name: kim\n      role: admin\n      password_hash: " +
             std::string(kHash) + "\n")
            .auth.users[0]
            .hash == kHash);
  CHECK(error("auth: {users: kim}").starts_with("x.yaml:1:15: auth.users is a list"));
}

TEST_CASE_FIXTURE(Fixture, "API keys and collections are read as strictly") {
  const std::string hash = database::hash_api_key("kimdb_x");
  const Config config = load("auth:\n  api_keys:\n    - {name: shop, key_hash: \"" + hash +
                             "\", role: readwrite, collections: {users: read, \"logs-*\": write}}");
  CHECK(config.auth.api_keys == std::vector<Account>{{"shop",
                                                      hash,
                                                      {Role::readwrite,
                                                       {{{"users", database::Access::read},
                                                         {"logs-*", database::Access::write}}}}}});
  const auto of_key = [&](const std::string& members) {
    return error("auth: {api_keys: [{name: shop, " + members + "}]}");
  };
  CHECK(of_key("role: admin") == "x.yaml:1:19: an API key needs key_hash");
  CHECK(of_key("password_hash: x") ==
        "x.yaml:1:32: unknown key password_hash of an API key (known: name, key_hash, role, "
        "collections)");
  CHECK(of_key("collections: [a]") ==
        "x.yaml:1:45: collections is {name or pattern: read, write or none}");
  CHECK(of_key("collections: {a: rw}") ==
        "x.yaml:1:49: access to a must be one of read, write, none");
  CHECK(of_key("collections: {a: read, a: none}") == "x.yaml:1:55: duplicate key a of collections");
  const std::string rest = "key_hash: \"" + hash + "\", role: ";
  CHECK(of_key(rest + "admin, collections: {a: read}").find("shop is an admin") !=
        std::string::npos);
  CHECK(of_key("key_hash: abc, role: admin").find("(kimdb-cli apikey makes both)") !=
        std::string::npos);
  CHECK(error("auth: {users: [{name: a, password_hash: \"" + std::string(kHash) +
              "\", role: admin}], api_keys: [{name: a, " + rest + "admin}]}")
            .find("a is named twice") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "the key of JSON Web Tokens is read at the start") {
  const auto key_in = [&](const std::string& text, database::JwtAlgorithm algorithm) {
    const std::string file = directory.path() + "/key";
    write(file, text);
    AuthConfig auth;
    auth.jwt_key = file;
    auth.jwt_algorithm = algorithm;
    return read_jwt_key(auth);
  };
  const std::string secret = "0123456789abcdef0123456789abcdef";
  CHECK(key_in(secret + "\n", database::JwtAlgorithm::hs256).value() == secret);
  CHECK(key_in("short", database::JwtAlgorithm::hs256).error().message.find("32 bytes") !=
        std::string::npos);
  CHECK(key_in(secret, database::JwtAlgorithm::rs256).error().message.find("no public RSA key") !=
        std::string::npos);
  AuthConfig auth;
  CHECK(read_jwt_key(auth).value().empty());
  auth.jwt_key = directory.path() + "/none";
  CHECK(read_jwt_key(auth).error().message.starts_with("auth.jwt_key: "));
}

// A configuration whose every key has some value of its range.
Config random_config(Random& random) {
  Config config;
  for (const Key& key : config_keys()) {
    std::string text;
    if (const auto* choice = std::get_if<ChoiceField>(&key.field)) {
      text = choice->names[random.below(choice->names.size())];
    } else if (std::holds_alternative<BoolField>(key.field)) {
      text = random.below(2) != 0 ? "true" : "false";
    } else if (std::holds_alternative<AddressField>(key.field)) {
      text = "[::1]:" + std::to_string(random.below(65536));
    } else if (std::holds_alternative<TextField>(key.field)) {
      constexpr std::string_view kBytes = " \"'\\#:-{}[]&*\n\tax~|>%@!,?";
      for (std::uint64_t n = random.below(12); n > 0; --n) {
        text.push_back(kBytes[random.below(kBytes.size())]);
      }
    } else if (const auto* list = std::get_if<AccountsField>(&key.field)) {
      text = "[{name: \"k#: \", " + std::string(list->hash_name) + ": '" + std::string(kHash) +
             "', role: readonly, collections: {\"*\": none, a-b: write}}, {name: x, " +
             std::string(list->hash_name) + ": y, role: admin}]";
    } else {
      const std::uint64_t value = key.min + random.below(key.max - key.min + 1);
      if (std::holds_alternative<MillisecondsField>(key.field)) {
        text = std::to_string(value / 1000) + "ms";
      } else if (std::holds_alternative<MicrosecondsField>(key.field)) {
        text = std::to_string(value) + "us";
      } else {
        text = std::to_string(value);
      }
    }
    const Status status = set_value(config, key, text);
    REQUIRE_MESSAGE(status, status.error().message);
  }
  return config;
}

TEST_CASE("what --check prints reads back as the same configuration") {
  SeededRandom random(support::test_seed("configuration round trip"));
  for (int i = 0; i < 500; ++i) {
    const Config config = random_config(random);
    const std::string text = config_to_yaml(config, {{"wal.sync", {Source::flag, "--set"}}});
    CAPTURE(text);
    LoadedConfig loaded;
    const Status status = read_config_yaml(text, "printed", Source::file, loaded);
    REQUIRE_MESSAGE(status, status.error().message);
    CHECK(loaded.config == config);
  }
}

TEST_CASE("copying key by key copies the whole configuration") {
  SeededRandom random(support::test_seed("configuration copy"));
  const Config from = random_config(random);
  Config to;
  for (const Key& key : config_keys()) {
    copy_value(from, to, key);
    CAPTURE(key.name);
    CHECK(same_value(from, to, key));
  }
  CHECK(from == to);
}

// --- a running server ---

struct LiveFixture : Fixture {
  std::vector<std::string> told;
  std::unique_ptr<LiveConfig> live;

  LiveConfig& start(std::string_view text) {
    write(path, text);
    auto loaded = load_config(options);
    REQUIRE_MESSAGE(loaded, loaded.error().message);
    live = std::make_unique<LiveConfig>(
        options, *std::move(loaded),
        [this](const Config&, std::span<const std::string_view> names) {
          told.assign(names.begin(), names.end());
        });
    return *live;
  }
  std::string overriding() const {
    return support::file_text(directory.path() + "/x.override.yaml");
  }
};

using Names = std::vector<std::string>;

TEST_CASE_FIXTURE(LiveFixture, "CONFIG GET shows keys by pattern, in any case") {
  start("network:\n  max_message_size: 4096\n");
  CHECK(live->get("NETWORK.max_mess*") ==
        std::vector<NameValue>{{"network.max_message_size", "4KB"}});
  CHECK(live->get("*").size() == config_keys().size());
  CHECK(live->get("none").empty());
}

TEST_CASE_FIXTURE(LiveFixture, "CONFIG GET keeps password hashes to itself") {
  start("auth: {users: [{name: kim, role: admin, password_hash: '" + std::string(kHash) + "'}]}");
  CHECK(live->get("auth.users")[0].second == "[{name: kim, password_hash: (hidden), role: admin}]");
}

TEST_CASE_FIXTURE(LiveFixture,
                  "CONFIG SET changes a key that can change and tells who acts on it") {
  start("");
  CHECK(live->set("network.idle_timeout", "1m30s"));
  CHECK(live->current().network.idle_timeout == 90s);
  CHECK(told == Names{"network.idle_timeout"});
  told.clear();
  CHECK(live->set("network.idle_timeout", "90s"));
  CHECK(told.empty());
}

TEST_CASE_FIXTURE(LiveFixture, "CONFIG SET of several keys changes all or none") {
  start("");
  const std::vector<NameValue> bad{{"network.max_connections", "7"},
                                   {"slowlog.max_entries", "1000001"}};
  CHECK(live->set(bad).error().message ==
        "slowlog.max_entries: out of range, must be 0 to 1000000");
  CHECK(live->current() == Config{});
  const std::vector<NameValue> good{{"network.max_connections", "7"}, {"slowlog.max_entries", "1"}};
  CHECK(live->set(good));
  CHECK(told == Names{"network.max_connections", "slowlog.max_entries"});
}

TEST_CASE_FIXTURE(LiveFixture, "CONFIG SET refuses unknown keys and keys that need a restart") {
  start("");
  CHECK(live->set("slowlog.treshold", "1s").error().message ==
        "unknown key slowlog.treshold (did you mean slowlog.threshold?)");
  CHECK(live->set("network.address", "127.0.0.1:1").error().code == ErrorCode::unsupported);
  CHECK(told.empty());
}

TEST_CASE_FIXTURE(LiveFixture,
                  "a reload takes over what can change and names what waits for a restart") {
  start("network:\n  max_connections: 5\n");
  CHECK(live->set("slowlog.max_entries", "3"));
  write(path, "network: {max_connections: 6, address: 'localhost:1'}\n");
  const auto reloaded = live->reload();
  REQUIRE(reloaded);
  CHECK(reloaded->changed ==
        std::vector<std::string_view>{"network.max_connections", "slowlog.max_entries"});
  CHECK(reloaded->need_restart == std::vector<std::string_view>{"network.address"});
  CHECK(told == Names{"network.max_connections", "slowlog.max_entries"});
  CHECK(live->current().network.max_connections == 6);
  CHECK(live->current().network.address == "127.0.0.1:3223");
  CHECK(live->current().slowlog.max_entries == 128);
}

TEST_CASE_FIXTURE(LiveFixture, "a reload of a bad file changes nothing") {
  start("network:\n  max_connections: 5\n");
  write(path, "network:\n  max_connections: 6\n  adress: x\n");
  CHECK_FALSE(live->reload());
  CHECK(live->current().network.max_connections == 5);
  CHECK(told.empty());
}

TEST_CASE_FIXTURE(LiveFixture, "who may log in changes with a restart, and a reload says so") {
  start("");
  write(path,
        "auth: {users: [{name: kim, role: admin, password_hash: '" + std::string(kHash) + "'}]}");
  const auto reloaded = live->reload();
  REQUIRE(reloaded);
  CHECK(reloaded->need_restart == std::vector<std::string_view>{"auth.users"});
  CHECK(live->current().auth.users.empty());
  CHECK(told.empty());
}

TEST_CASE_FIXTURE(
    LiveFixture,
    "CONFIG REWRITE keeps what was set, through reloads, restarts and further rewrites") {
  start("network:\n  max_connections: 5\n");
  REQUIRE(live->set("network.max_connections", "6"));
  REQUIRE(live->rewrite());
  REQUIRE(live->set("logging.level", "debug"));
  REQUIRE(live->rewrite());
  CHECK(overriding() ==
        "# Written by CONFIG REWRITE; read after x.yaml. Remove a key to go back to its value "
        "there.\n"
        "network:\n  max_connections: 6\nlogging:\n  level: debug\n");
  CHECK(live->reload()->changed.empty());
  const auto restarted = load_config(options);
  REQUIRE(restarted);
  CHECK(restarted->config == live->current());
  CHECK(support::file_text(path) == "network:\n  max_connections: 5\n");
}

TEST_CASE_FIXTURE(LiveFixture, "the override file is no more readable than the file beside it") {
  start("");
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  REQUIRE(live->set("slowlog.max_entries", "3"));
  REQUIRE(live->rewrite());
  struct stat status {};
  REQUIRE(::stat((directory.path() + "/x.override.yaml").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);
}

TEST_CASE_FIXTURE(LiveFixture, "a rewrite that fails says so and leaves nothing behind") {
  start("");
  REQUIRE(live->set("slowlog.max_entries", "3"));
  std::filesystem::create_directories(directory.path() + "/x.override.yaml/in/the/way");
  const Status status = live->rewrite();
  REQUIRE_FALSE(status);
  CHECK(status.error().code == ErrorCode::io_error);
  CHECK_FALSE(std::filesystem::exists(directory.path() + "/x.override.yaml.tmp"));
  LiveConfig without({}, {}, nullptr);
  CHECK(without.rewrite().error().code == ErrorCode::unsupported);
}

// --- documentation ---

TEST_CASE("every key has one line of help and its row in each document") {
  const std::string markdown = configuration_document();
  for (const Key& key : config_keys()) {
    CAPTURE(key.name);
    CHECK(key.help.ends_with("."));
    CHECK(key.help.find('\n') == std::string_view::npos);
    CHECK(markdown.find("| `" + std::string(key.name) + "` |") != std::string::npos);
  }
}

TEST_CASE("the documents in docs/ are the ones this build prints") {
  const bool configuration =
      support::file_text("docs/configuration.md") == configuration_document();
  CHECK_MESSAGE(configuration, "kimdb-server --print-docs configuration >docs/configuration.md");
  const bool manual = support::file_text("docs/man/kimdb-server.8") == manual_page(option_texts());
  CHECK_MESSAGE(manual, "kimdb-server --print-docs man >docs/man/kimdb-server.8");
}

}  // namespace
}  // namespace kimdb::server
