#include "cli/config_file.h"

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace kimdb::cli {
namespace {

// Of section and key; nothing where either is missing.
template <class T>
void take(const YAML::Node& root, const char* section, const char* key, std::optional<T>& out) {
  if (!root.IsMap() || !root[section] || !root[section].IsMap()) return;
  if (const YAML::Node value = root[section][key]; value && value.IsScalar()) out = value.as<T>();
}

Status read_into(const std::string& path, ConfigFile& config) {
  try {
    const YAML::Node root = YAML::LoadFile(path);
    take(root, "network", "address", config.network_address);
    take(root, "wal", "data_directory", config.data_directory);
    take(root, "engine", "partitions", config.partitions);
  } catch (const YAML::BadFile&) {
    return Error{ErrorCode::not_found, "cannot read the configuration " + path};
  } catch (const YAML::Exception& failure) {
    return Error{ErrorCode::invalid_argument, path + ":" + std::to_string(failure.mark.line + 1) +
                                                  ":" + std::to_string(failure.mark.column + 1) +
                                                  ": " + failure.msg};
  }
  return {};
}

// As the server names it: master.yaml -> master.override.yaml.
std::string override_path_of(const std::string& path) {
  for (const std::string_view ending : {".yaml", ".yml"}) {
    if (path.ends_with(ending)) {
      return path.substr(0, path.size() - ending.size()) + ".override" + std::string(ending);
    }
  }
  return path + ".override.yaml";
}

}  // namespace

Result<ConfigFile> read_config_file(const std::string& path) {
  ConfigFile config;
  KIMDB_RETURN_IF_ERROR(read_into(path, config));
  const std::string override_path = override_path_of(path);
  if (std::filesystem::exists(override_path)) {
    KIMDB_RETURN_IF_ERROR(read_into(override_path, config));
  }
  return config;
}

}  // namespace kimdb::cli
