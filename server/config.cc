#include "server/config.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>

#include "base/address.h"
#include "database/password.h"
#include "server/config_keys.h"
#include "server/config_yaml.h"
#include "server/yaml_tree.h"

extern char** environ;

namespace kimdb::server {
namespace {

constexpr std::string_view kPrefix = "KIMDB_";

Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }

// Not through the Filesystem seam: a configuration may come from a pipe, which has no offsets.
Result<std::string> read_text(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const ErrorCode code = errno == ENOENT ? ErrorCode::not_found : ErrorCode::io_error;
    return Error{code, path + ": cannot be read: " + std::strerror(errno)};
  }
  std::string text;
  char block[16 << 10];
  ssize_t count = 0;
  while (text.size() <= kYamlBytesMax && (count = ::read(fd, block, sizeof block)) != 0) {
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      Error error{ErrorCode::io_error, path + ": cannot be read: " + std::strerror(errno)};
      ::close(fd);
      return error;
    }
    text.append(block, static_cast<std::size_t>(count));
  }
  ::close(fd);
  return text;  // read_config_yaml refuses what is over the limit
}

// network.max_connections -> KIMDB_NETWORK_MAX_CONNECTIONS
std::string variable_name(std::string_view key) {
  std::string name(kPrefix);
  for (const char c : key) {
    name.push_back(c == '.' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c));
  }
  return name;
}

Status read_environment(const std::vector<NameValue>& variables, LoadedConfig& loaded) {
  for (const auto& [variable, value] : variables) {
    const auto names_it = [&](const Key& key) { return variable_name(key.name) == variable; };
    const auto keys = config_keys();
    const auto key = std::find_if(keys.begin(), keys.end(), names_it);
    if (key != keys.end()) {
      Status status = set_value(loaded.config, *key, value);
      if (!status) return std::move(status).error().in(variable);
      loaded.sources[std::string(key->name)] = {Source::environment, variable};
      continue;
    }
    // Not an error: orchestrators set variables of their own, KIMDB_PORT for a service called
    // kimdb. But one that begins like a key is probably a slip.
    const bool like_a_key = std::any_of(keys.begin(), keys.end(), [&](const Key& candidate) {
      return variable.starts_with(variable_name(candidate.section()) + "_");
    });
    if (like_a_key) {
      loaded.warnings.push_back(shown(variable) + " in the environment names no configuration key");
    }
  }
  return {};
}

Status read_flags(const std::vector<NameValue>& flags, LoadedConfig& loaded) {
  for (const auto& [name, value] : flags) {
    const Key* key = find_key(name);
    if (key == nullptr) return invalid("--set: " + unknown_key_message(name));
    Status status = set_value(loaded.config, *key, value);
    if (!status) return std::move(status).error().in("--set");
    loaded.sources[name] = {Source::flag, "--set"};
  }
  return {};
}

// What is wrong with the value of one key, seen together with the others.
struct Objection {
  std::string_view key;
  std::string what;
};
using MaybeObjection = std::optional<Objection>;

MaybeObjection check_listener(std::string_view key, const std::string& text, bool open) {
  const Result<Address> address = parse_address(text);
  if (!address) return Objection{key, address.error().message};
  if (open || is_loopback(*address)) return std::nullopt;
  return Objection{key, text +
                            " can be reached from other machines: set auth.enabled with "
                            "auth.users, or tls.client_ca, or give --insecure"};
}

MaybeObjection check_network(const NetworkConfig& network, const HttpConfig& http, bool open) {
  if (auto objection = check_listener("network.address", network.address, open)) return objection;
  if (!http.address.empty())
    if (auto objection = check_listener("http.address", http.address, open)) return objection;
  if (network.resp_address.empty()) return std::nullopt;
  if (network.resp_address == network.address && !network.address.ends_with(":0")) {
    return Objection{"network.resp_address",
                     "needs a port of its own, not that of network.address"};
  }
  return check_listener("network.resp_address", network.resp_address, open);
}

bool usable_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '|';
  });
}

MaybeObjection check_account(std::string_view key, const Account& account) {
  if (!usable_name(account.name)) {
    return Objection{key, shown(account.name) +
                              " is no name (1 to 128 bytes without spaces, control bytes and |)"};
  }
  if (account.rights.collections && account.rights.role == database::Role::admin) {
    return Objection{key, shown(account.name) +
                              " is an admin, who has no list of collections: admins may do "
                              "everything"};
  }
  return std::nullopt;
}

MaybeObjection check_auth(const AuthConfig& auth) {
  if (auth.enabled && auth.users.empty() && auth.api_keys.empty() && auth.jwt_key.empty()) {
    return Objection{"auth.enabled",
                     "nobody could log in, auth.users is empty (kimdb-cli passwd prints a "
                     "password_hash), and so are auth.api_keys and auth.jwt_key"};
  }
  constexpr std::string_view kUsers = "auth.users";
  constexpr std::string_view kApiKeys = "auth.api_keys";
  std::set<std::string_view> names;
  const auto is_new = [&](const Account& account) { return names.insert(account.name).second; };
  for (const Account& user : auth.users) {
    if (auto objection = check_account(kUsers, user)) return objection;
    if (!is_new(user)) return Objection{kUsers, shown(user.name) + " is named twice"};
    if (!database::is_password_hash(user.hash)) {
      return Objection{kUsers, "the password_hash of " + shown(user.name) +
                                   " is no argon2id hash (kimdb-cli passwd prints one)"};
    }
  }
  for (const Account& key : auth.api_keys) {
    if (auto objection = check_account(kApiKeys, key)) return objection;
    if (!is_new(key)) return Objection{kApiKeys, shown(key.name) + " is named twice"};
    if (!database::is_api_key_hash(key.hash)) {
      return Objection{kApiKeys, "the key_hash of " + shown(key.name) +
                                     " is no hash of a key (kimdb-cli apikey makes both)"};
    }
  }
  return std::nullopt;
}

MaybeObjection check_storage(const Config& config) {
  if (!std::has_single_bit(config.engine.partitions)) {
    return Objection{"engine.partitions",
                     "must be a power of two, not " + std::to_string(config.engine.partitions)};
  }
  if (config.wal.enabled && config.wal.data_directory.empty()) {
    return Objection{"wal.data_directory", "must name a directory while wal.enabled is true"};
  }
  return std::nullopt;
}

// Whoever reaches the port of the replication gets all data.
MaybeObjection check_replication(const Config& config, bool insecure) {
  const ReplicationConfig& replication = config.replication;
  if (!replication.enabled) return std::nullopt;
  if (!config.wal.enabled || config.wal.sync != wal::Sync::commit) {
    return Objection{"replication.enabled",
                     "needs wal.enabled: true and wal.sync: commit (else a master that crashed "
                     "would give LSNs out twice)"};
  }
  const Result<Address> address = parse_address(replication.listen);
  if (!address) return Objection{"replication.listen", address.error().message};
  const int files =
      !replication.tls_ca.empty() + !replication.tls_cert.empty() + !replication.tls_key.empty();
  if (files != 0 && files != 3)
    return Objection{"replication.tls_ca", "tls_ca, tls_cert and tls_key go together"};
  if (files != 0 && replication.user.empty())
    return Objection{"replication.user", "must name whom the certificates are issued to"};
  if (insecure || files != 0 || is_loopback(*address)) return std::nullopt;
  return Objection{"replication.listen",
                   replication.listen +
                       " can be reached from other machines: set replication.tls_ca, tls_cert and "
                       "tls_key, or give --insecure on a network that is yours"};
}

MaybeObjection check(const Config& config, bool insecure) {
  if (auto objection = check_storage(config)) return objection;
  if (auto objection = check_replication(config, insecure)) return objection;
  if (config.logging.output.empty()) {
    return Objection{"logging.output", "must be stdout, stderr, syslog or the path of a file"};
  }
  if (auto objection = check_auth(config.auth)) return objection;
  if (config.tls.cert.empty() != config.tls.key.empty())
    return Objection{"tls.cert", "tls.cert and tls.key go together"};
  if (config.tls.cert.empty() && !config.tls.client_ca.empty())
    return Objection{"tls.client_ca", "needs tls.cert and tls.key"};
  // Whoever has a certificate may come in.
  const bool is_guarded = config.auth.enabled || !config.tls.client_ca.empty();
  return check_network(config.network, config.http, is_guarded || insecure);
}

Error error_of(const Objection& objection) {
  return Error{ErrorCode::invalid_argument, objection.what}.in(objection.key);
}

}  // namespace

Result<LoadedConfig> load_config(const LoadOptions& options) {
  LoadedConfig loaded;
  if (!options.path.empty()) {
    const Result<std::string> text = read_text(options.path);
    if (!text) return text.error();
    KIMDB_RETURN_IF_ERROR(read_config_yaml(*text, options.path, Source::file, loaded));

    const std::string overriding = override_path(options.path);
    const Result<std::string> more = read_text(overriding);
    if (more) {
      KIMDB_RETURN_IF_ERROR(read_config_yaml(*more, overriding, Source::override_file, loaded));
    } else if (more.error().code != ErrorCode::not_found) {
      return more.error();
    }
  }
  KIMDB_RETURN_IF_ERROR(read_environment(options.environment, loaded));
  KIMDB_RETURN_IF_ERROR(read_flags(options.flags, loaded));
  if (const auto objection = check(loaded.config, options.insecure)) {
    const auto origin = loaded.sources.find(objection->key);
    Error error = error_of(*objection);
    if (origin == loaded.sources.end()) return error;
    return std::move(error).in(origin->second.place);
  }
  return loaded;
}

Status validate_config(const Config& config, bool insecure) {
  if (const auto objection = check(config, insecure)) return error_of(*objection);
  return {};
}

Result<std::string> read_jwt_key(const AuthConfig& auth) {
  if (auth.jwt_key.empty()) return std::string();
  const Result<std::string> text = read_text(auth.jwt_key);
  if (!text) return Error(text.error()).in("auth.jwt_key");
  Result<std::string> key = database::check_jwt_key(auth.jwt_algorithm, *text);
  if (!key) return std::move(key).error().in("auth.jwt_key: " + auth.jwt_key);
  return key;
}

std::vector<NameValue> environment_variables() {
  std::vector<NameValue> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (!text.starts_with(kPrefix) || equals == std::string_view::npos) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

std::string override_path(std::string_view path) {
  for (const std::string_view ending : {".yaml", ".yml"}) {
    if (path.ends_with(ending)) {
      const std::string_view stem = path.substr(0, path.size() - ending.size());
      return std::string(stem).append(".override").append(ending);
    }
  }
  return std::string(path).append(".override.yaml");
}

}  // namespace kimdb::server
