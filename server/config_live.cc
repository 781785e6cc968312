#include "server/config_live.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/glob.h"
#include "server/config_keys.h"
#include "server/config_yaml.h"

namespace kimdb::server {
namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Error failed(const std::string& path) {
  const ErrorCode code =
      errno == ENOSPC || errno == EDQUOT ? ErrorCode::disk_full : ErrorCode::io_error;
  return {code, path + ": cannot be written: " + std::strerror(errno)};
}

Status write_and_sync(int fd, const std::string& path, std::string_view text, mode_t mode) {
  if (::fchmod(fd, mode) != 0) return failed(path);
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(path);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return ::fsync(fd) == 0 ? Status() : failed(path);
}

Status sync_directory(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed(directory);
  const Status status = ::fsync(fd) == 0 ? Status() : failed(directory);
  ::close(fd);
  return status;
}

// Replaces `path` whole or leaves it: a new file, synced, renamed over it. The file may hold
// password hashes, so it never has more rights than `mode`, not for a moment.
Status replace_file(const std::string& path, std::string_view text, mode_t mode) {
  const std::string fresh = path + ".tmp";
  ::unlink(fresh.c_str());  // left behind by a crash
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return failed(fresh);
  Status status = write_and_sync(fd, fresh, text, mode);
  ::close(fd);
  if (status && ::rename(fresh.c_str(), path.c_str()) != 0) status = failed(path);
  if (!status) {
    ::unlink(fresh.c_str());
    return status;
  }
  return sync_directory(directory_of(path));
}

}  // namespace

LiveConfig::LiveConfig(LoadOptions options, LoadedConfig loaded, Changed changed)
    : options_(std::move(options)), changed_(std::move(changed)), loaded_(std::move(loaded)) {}

LoadedConfig LiveConfig::loaded() const {
  MutexLock lock(mutex_);
  return loaded_;
}

Config LiveConfig::current() const { return loaded().config; }

bool LiveConfig::is_set(std::string_view name) const {
  MutexLock lock(mutex_);
  return loaded_.sources.find(name) != loaded_.sources.end();
}

std::vector<NameValue> LiveConfig::get(std::string_view pattern) const {
  const Config config = current();
  std::vector<NameValue> settings;
  for (const Key& key : config_keys()) {
    if (glob_matches(pattern, key.name, true)) {
      settings.emplace_back(key.name, value_text(config, key));
    }
  }
  return settings;
}

Status LiveConfig::set(std::string_view name, std::string_view text) {
  const NameValue setting{name, text};
  return set({&setting, 1});
}

Status LiveConfig::set(std::span<const NameValue> settings) {
  MutexLock lock(changing_);
  LoadedConfig next = loaded();
  const Config before = next.config;
  std::vector<std::string_view> changed;
  for (const auto& [name, text] : settings) {
    const Key* key = find_key(name);
    if (key == nullptr) return Error{ErrorCode::invalid_argument, unknown_key_message(name)};
    if (!key->reloadable) {
      return Error{ErrorCode::unsupported,
                   name + " cannot change while the server runs: set it in the file and restart"};
    }
    KIMDB_RETURN_IF_ERROR(set_value(next.config, *key, text));
    next.sources[name] = {Source::runtime, "CONFIG SET"};
  }
  KIMDB_RETURN_IF_ERROR(validate_config(next.config, options_.insecure));
  for (const Key& key : config_keys()) {
    if (!same_value(before, next.config, key)) changed.push_back(key.name);
  }
  install(std::move(next), changed);
  return {};
}

Result<Reloaded> LiveConfig::reload() {
  MutexLock lock(changing_);
  Result<LoadedConfig> fresh = load_config(options_);
  if (!fresh) return std::move(fresh).error();

  LoadedConfig next = loaded();
  Reloaded result;
  for (const Key& key : config_keys()) {
    const bool same = same_value(next.config, fresh->config, key);
    if (!same && !key.reloadable) {
      result.need_restart.push_back(key.name);
      continue;
    }
    if (!same) {
      result.changed.push_back(key.name);
      copy_value(fresh->config, next.config, key);
    }
    next.sources.erase(std::string(key.name));
    const auto origin = fresh->sources.find(key.name);
    if (origin != fresh->sources.end()) next.sources.insert(*origin);
  }
  // New values together with old ones that wait for a restart.
  KIMDB_RETURN_IF_ERROR(validate_config(next.config, options_.insecure));
  result.warnings = std::move(fresh->warnings);
  install(std::move(next), result.changed);
  return result;
}

Status LiveConfig::rewrite() {
  MutexLock lock(changing_);
  if (options_.path.empty()) {
    return Error{ErrorCode::unsupported,
                 "the server runs without a configuration file: start it with --config to keep "
                 "changes"};
  }
  struct stat yaml {};
  if (::stat(options_.path.c_str(), &yaml) != 0 || !S_ISREG(yaml.st_mode)) {
    return Error{ErrorCode::unsupported,
                 options_.path + ": not a file, there is no place beside it to write to"};
  }
  LoadedConfig next = loaded();
  std::vector<std::string_view> names;
  for (const Key& key : config_keys()) {
    const auto origin = next.sources.find(key.name);
    if (origin == next.sources.end()) continue;
    const Source source = origin->second.source;
    if (source == Source::runtime || source == Source::override_file) names.push_back(key.name);
  }
  const std::string path = override_path(options_.path);
  const std::string text = "# Written by CONFIG REWRITE; read after " +
                           options_.path.substr(options_.path.rfind('/') + 1) +
                           ". Remove a key to go back to its value there.\n" +
                           keys_to_yaml(next.config, names);
  KIMDB_RETURN_IF_ERROR(replace_file(path, text, yaml.st_mode & 0777));
  for (const std::string_view name : names) {
    next.sources[std::string(name)] = {Source::override_file, path};
  }
  MutexLock state(mutex_);
  loaded_ = std::move(next);
  return {};
}

void LiveConfig::install(LoadedConfig next, std::span<const std::string_view> changed) {
  const Config config = next.config;
  {
    MutexLock lock(mutex_);
    loaded_ = std::move(next);
  }
  if (!changed.empty() && changed_) changed_(config, changed);
}

}  // namespace kimdb::server
