// Who may do what. Checked once, in Database::execute, for every interface.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kimdb::database {

enum class Role : std::uint8_t {
  readonly,   // commands that read
  readwrite,  // and those that write data
  admin,      // everything
};

enum class Access : std::uint8_t { none, read, write };

// What somebody may do in the collections whose names match.
struct CollectionRight {
  std::string pattern;  // a glob, "logs-*"
  Access access = Access::none;

  bool operator==(const CollectionRight&) const = default;
};

struct Rights {
  Role role = Role::readonly;
  // Where there is such a list, these collections and no other data: no keys, no channels.
  std::optional<std::vector<CollectionRight>> collections;

  // What of a collection the list and the role together allow. Of the patterns that match, the name
  // itself counts before a longer pattern, that before a shorter one, and the first of equals.
  Access access_to(std::string_view collection) const;

  bool operator==(const Rights&) const = default;
};

// Who may log in.
struct Account {
  std::string name;
  // Of a user's password as kimdb-cli passwd prints it (database/password.h), or of a program's key
  // as kimdb-cli apikey does (database/token.h).
  std::string hash;
  Rights rights;

  bool operator==(const Account&) const = default;
};

// Somebody who has logged in.
struct Identity {
  std::string name;
  Rights rights;
  std::int64_t expires_at_ms = 0;  // Unix ms; 0: never

  bool operator==(const Identity&) const = default;
};

std::string_view role_name(Role role);
std::optional<Role> role_of(std::string_view name);
std::string_view access_name(Access access);
std::optional<Access> access_of(std::string_view name);

}  // namespace kimdb::database
