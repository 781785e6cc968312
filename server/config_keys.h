// The one table of configuration keys. Parsing, --check, CONFIG GET and SET, the man page and
// docs/configuration.md are all made from it; to add a key, add a member to its struct in config.h
// and a row in config_keys.cc.
//
// Constant data and pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "server/config.h"

namespace kimdb::server {

// How a row reaches its member of Config.
struct BoolField {
  bool& (*at)(Config&);
};
struct IntegerField {
  std::uint64_t& (*at)(Config&);
};
struct SizeField {
  std::uint64_t& (*at)(Config&);
};
struct MillisecondsField {
  std::chrono::milliseconds& (*at)(Config&);
};
struct MicrosecondsField {
  std::chrono::microseconds& (*at)(Config&);
};
struct TextField {
  std::string& (*at)(Config&);
};
struct AddressField {
  std::string& (*at)(Config&);
  bool may_be_empty;
};
struct ChoiceField {
  std::span<const std::string_view> names;  // in the order of the enumeration
  std::size_t (*get)(const Config&);
  void (*set)(Config&, std::size_t);
};
// A list of {name, hash, role, collections}, its hashes not for showing.
struct AccountsField {
  std::vector<Account>& (*at)(Config&);
  std::string_view what;       // "a user"
  std::string_view hash_name;  // "password_hash"
};
using Field = std::variant<BoolField, IntegerField, SizeField, MillisecondsField, MicrosecondsField,
                           TextField, AddressField, ChoiceField, AccountsField>;

struct Key {
  std::string_view name;  // "network.address": section, dot, name in the section
  Field field;
  std::uint64_t min = 0;  // numbers as they are, sizes in bytes, durations in microseconds
  std::uint64_t max = 0;
  bool reloadable = false;  // CONFIG SET and SIGHUP change it without a restart
  std::string_view help;    // one line

  std::string_view section() const { return name.substr(0, name.find('.')); }
  std::string_view name_in_section() const { return name.substr(name.find('.') + 1); }
};

// All keys, those of a section together, in the order in which they are shown.
std::span<const Key> config_keys();

// Null where there is none. Names are case-sensitive.
const Key* find_key(std::string_view name);
bool is_section(std::string_view name);

// The known name (of a key or section) that is most like `name`; empty where none is near.
std::string_view nearest_name(std::string_view name);

// "unknown key network.adress (did you mean network.address?)"
std::string unknown_key_message(std::string_view name);

// Sets a key from text, as the YAML file has it ("4KB", "5m", "true"; a list in YAML).
// Checks type and range; the message begins with the key's name. `config` is unchanged on error.
Status set_value(Config& config, const Key& key, std::string_view text);

// The value as set_value reads it. Of accounts without the hashes: they are not for showing.
std::string value_text(const Config& config, const Key& key);

// Whether both have the same value, hashes included.
bool same_value(const Config& a, const Config& b, const Key& key);
void copy_value(const Config& from, Config& to, const Key& key);

// For documentation: "size", "1KB to 512MB".
std::string type_text(const Key& key);
std::string range_text(const Key& key);

// The user's text for a message: clipped, control bytes replaced.
std::string shown(std::string_view text);

}  // namespace kimdb::server
