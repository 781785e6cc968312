// The configuration of a running server: CONFIG GET, SET, REWRITE and the reload on SIGHUP.
//
// Owned by main. Thread-safe. Only keys marked reloadable in the table change; whoever acts on them
// (sessions, the sweeper, the log …) is told by `changed`. Changes come one at a time. Does file
// I/O in reload() and rewrite(): call those on a worker thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "server/config.h"

namespace kimdb::server {

struct Reloaded {
  std::vector<std::string_view> changed;  // in effect now
  std::vector<std::string_view>
      need_restart;  // differ in the files, keep their old values until a restart
  std::vector<std::string> warnings;
};

class LiveConfig {
 public:
  // Called after every change, on the thread that made it, with the whole configuration and the
  // names of the keys that changed. Must not call set, reload or rewrite.
  using Changed = std::function<void(const Config&, std::span<const std::string_view> names)>;

  // `options` are what `loaded` was loaded with; reload() uses them again.
  LiveConfig(LoadOptions options, LoadedConfig loaded, Changed changed);

  // Whether anybody has given the key a value, be it the default's.
  bool is_set(std::string_view name) const;
  Config current() const;

  // Names and values, as CONFIG SET takes them, of the keys that match a pattern with * and ?, in
  // any case. Password hashes read "(hidden)".
  std::vector<NameValue> get(std::string_view pattern) const;

  // Changes all of `settings` or, on error, nothing: invalid_argument for an unknown key, a value
  // that does not fit or does not go with the others; unsupported for a key that needs a restart.
  Status set(std::span<const NameValue> settings);
  Status set(std::string_view name, std::string_view text);

  // Reads files, environment and flags again. What CONFIG SET changed and CONFIG REWRITE did not
  // keep is lost. On error nothing changes.
  Result<Reloaded> reload();

  // Writes what was changed at run time, now or by an earlier rewrite, to
  // override_path(options.path), whole or not at all, with the mode of the YAML file. unsupported
  // where there is no such file.
  Status rewrite();

 private:
  LoadedConfig loaded() const;
  void install(LoadedConfig next, std::span<const std::string_view> changed) REQUIRES(changing_);

  const LoadOptions options_;
  const Changed changed_;
  Mutex changing_;  // held through a change and its callback; taken before mutex_
  mutable Mutex mutex_;
  LoadedConfig loaded_ GUARDED_BY(mutex_);
};

}  // namespace kimdb::server
