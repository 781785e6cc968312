// An open transaction of a session, between BEGIN and COMMIT or ROLLBACK: the state that it sees
// and what it has changed of rows, keys and documents. Nothing of it is in the engine or the log
// before COMMIT, which writes one record or none. One thread.
#pragma once

#include <cstddef>
#include <optional>

#include "database/key_changes.h"
#include "database/read_set.h"
#include "database/sql/write_set.h"
#include "engine/engine.h"

namespace kimdb::database::sql {

struct Transaction {
  engine::ReadView view;
  WriteSet rows;
  KeyChanges keys;
  // Only if it is SERIALIZABLE: COMMIT then fails if somebody has changed what was read.
  std::optional<ReadSet> reads;

  bool empty() const { return rows.empty() && keys.empty(); }
  // Whether COMMIT has nothing to do: what has shown one state, and changed nothing, is as it would
  // be alone.
  bool is_over() const { return empty() && !(reads && reads->has_present()); }
  std::size_t bytes() const { return rows.bytes() + keys.bytes(); }
};

}  // namespace kimdb::database::sql
