#include "database/session.h"

#include <utility>

namespace kimdb::database {

void Session::log_in(Identity identity) {
  authenticated = true;
  rights = std::move(identity.rights);
  expires_at_ms = identity.expires_at_ms;
  info.set_user(identity.name);
}

void Session::log_out(bool auth_enabled) {
  authenticated = false;
  sql_transaction.reset();
  rights = {auth_enabled ? Role::readonly : Role::admin, {}};
  expires_at_ms = 0;
  info.set_user("default");
}

}  // namespace kimdb::database
