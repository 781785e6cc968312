// The end of a statement or of a transaction: its changes are compared with what stands now, under
// the locks of all they touch, and become one record of the log.
#pragma once

#include "base/lsn.h"
#include "base/result.h"
#include "database/sql/transaction.h"
#include "database/sql/write_set.h"

namespace kimdb::database {
class Database;
}

namespace kimdb::database::sql {

struct Committed {
  Lsn lsn = 0;
  // Somebody else has changed what was read, or the schema: nothing was changed. Who ran one
  // statement may run it again.
  bool conflict = false;
};

// An error where the changes cannot be: a unique key that is taken, a row that another one refers
// to, no room, a slave. Nothing was changed then.
Result<Committed> commit(Database& database, const WriteSet& rows);
// The same of rows, keys and documents. Of a serializable transaction it is a conflict, too, if
// what it has read is not what stands now.
Result<Committed> commit(Database& database, const Transaction& transaction);

}  // namespace kimdb::database::sql
