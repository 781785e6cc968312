// Who may do what. Checked once, in Database::execute, for every interface.
#pragma once

#include <cstdint>
#include <string>

namespace kimdb::database {

enum class Role : std::uint8_t {
  readonly,   // commands that read
  readwrite,  // and those that write data
  admin,      // everything
};

struct User {
  std::string name;
  std::string password_hash;  // argon2id, as kimdb-cli passwd prints it (database/password.h)
  Role role = Role::readonly;

  bool operator==(const User&) const = default;
};

inline const char* role_name(Role role) {
  switch (role) {
    case Role::readonly:
      return "readonly";
    case Role::readwrite:
      return "readwrite";
    case Role::admin:
      return "admin";
  }
  return "";
}

}  // namespace kimdb::database
