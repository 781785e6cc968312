// The few keys of a server's configuration file that the CLI needs: where the server listens, and
// where its data is. Checks nothing else: that is the server's (kimdb-server --check).
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/result.h"

namespace kimdb::cli {

struct ConfigFile {
  std::optional<std::string> network_address;
  std::optional<std::string> data_directory;  // wal.data_directory
  std::optional<std::size_t> partitions;      // engine.partitions
};

// Values of the override file beside it (master.override.yaml, which CONFIG REWRITE writes) win.
// The error names the file, and line and column where it is no YAML.
Result<ConfigFile> read_config_file(const std::string& path);

}  // namespace kimdb::cli
