// Any bytes as a YAML configuration and as the value of any key: an error or a configuration that
// prints and reads back as itself, in bounded time and memory.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "server/config_keys.h"
#include "server/config_yaml.h"

using kimdb::server::Config;
using kimdb::server::Key;
using kimdb::server::LoadedConfig;
using kimdb::server::Source;

namespace {

void as_file(std::string_view text) {
  LoadedConfig loaded;
  const kimdb::Status status =
      kimdb::server::read_config_yaml(text, "fuzz.yaml", Source::file, loaded);
  if (!status) {
    KIMDB_CHECK(status.error().message.starts_with("fuzz.yaml"));
    KIMDB_CHECK(status.error().message.find('\n') == std::string::npos);
    return;
  }
  static_cast<void>(kimdb::server::validate_config(loaded.config, false));
  LoadedConfig again;
  const std::string printed = kimdb::server::config_to_yaml(loaded.config, loaded.sources);
  KIMDB_CHECK(kimdb::server::read_config_yaml(printed, "printed", Source::file, again).has_value());
  KIMDB_CHECK(again.config == loaded.config);
}

void as_value(const Key& key, std::string_view text) {
  Config config;
  const Config before = config;
  if (!kimdb::server::set_value(config, key, text)) {
    KIMDB_CHECK(config == before);
    return;
  }
  Config copy;
  kimdb::server::copy_value(config, copy, key);
  KIMDB_CHECK(config == copy);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  as_file(text);
  for (const Key& key : kimdb::server::config_keys()) as_value(key, text);
  static_cast<void>(kimdb::server::nearest_name(text));
  return 0;
}
