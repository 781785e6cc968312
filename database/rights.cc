#include "database/rights.h"

#include <algorithm>
#include <array>

#include "base/glob.h"

namespace kimdb::database {

namespace {

// In the order of the enumerations.
constexpr std::array<std::string_view, 3> kRoles = {"readonly", "readwrite", "admin"};
constexpr std::array<std::string_view, 3> kAccesses = {"none", "read", "write"};

template <class Value>
std::optional<Value> value_of(const std::array<std::string_view, 3>& names, std::string_view name) {
  const auto* const found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Value>(found - names.begin());
}

}  // namespace

Access Rights::access_to(std::string_view collection) const {
  const Access most = role == Role::readonly ? Access::read : Access::write;
  if (!collections) return most;
  const CollectionRight* best = nullptr;
  for (const CollectionRight& right : *collections) {
    if (right.pattern == collection) return std::min(most, right.access);
    if (glob_matches(right.pattern, collection) &&
        (best == nullptr || right.pattern.size() > best->pattern.size()))
      best = &right;
  }
  return best == nullptr ? Access::none : std::min(most, best->access);
}

std::string_view role_name(Role role) { return kRoles[static_cast<std::size_t>(role)]; }
std::optional<Role> role_of(std::string_view name) { return value_of<Role>(kRoles, name); }
std::string_view access_name(Access access) { return kAccesses[static_cast<std::size_t>(access)]; }
std::optional<Access> access_of(std::string_view name) { return value_of<Access>(kAccesses, name); }

}  // namespace kimdb::database
