// Where two logs part, by the histories of their terms.
//
// A term has one master, which makes all its frames; a node that has a term's first frame at an LSN
// has all that lies before it as that master had it (the chain is checked). So two logs are the
// same up to the end of the newest term that both have, and no further.
#pragma once

#include <optional>
#include <vector>

#include "base/lsn.h"
#include "wal/meta.h"

namespace kimdb::replication {

struct LogEnd {
  std::vector<wal::TermStart> history;  // rising
  Lsn last_lsn = 0;
};

// The last LSN that both have and that is the same in both; 0 where the logs differ from the
// beginning (or one is empty). Nothing where the histories cannot tell: they do not reach back far
// enough, or contradict each other.
std::optional<Lsn> last_common_lsn(const LogEnd& a, const LogEnd& b);

// Whether the node was a master itself, and has followed no other one since.
bool was_last_master(const LogEnd& log, const wal::Uuid& node_id);

}  // namespace kimdb::replication
