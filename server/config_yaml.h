// The configuration as YAML, in and out. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/config.h"

namespace kimdb::server {

struct Key;

// Sets what `text` names in `loaded.config` and marks it as from `source`. Messages begin with
// "name:line:column: ". On error `loaded` is half changed and of no use.
Status read_config_yaml(std::string_view text, std::string_view name, Source source,
                        LoadedConfig& loaded);

// The value of a key that is a list of accounts:
// "[{name: kim, password_hash: $argon2id$…, role: admin, collections: {users: read}}]".
Result<std::vector<Account>> parse_accounts_yaml(std::string_view text, const Key& key);

enum class ShowHashes { no, yes };
// One line of YAML; with ShowHashes::no the hashes read "(hidden)".
std::string accounts_to_yaml(const std::vector<Account>& accounts, std::string_view hash_name,
                             ShowHashes show);

// Every key with its value; read_config_yaml reads it back to the same Config. Keys that `sources`
// names get a comment saying where they come from.
std::string config_to_yaml(const Config& config, const Sources& sources);

// The same for the keys named only.
std::string keys_to_yaml(const Config& config, const std::vector<std::string_view>& names);

}  // namespace kimdb::server
