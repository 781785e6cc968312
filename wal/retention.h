// Removing what a newer snapshot makes superfluous.
#pragma once

#include "base/result.h"
#include "wal/data_directory.h"

namespace kimdb::wal {

// Removes segments that lie wholly at or below `lsn`; never the last one.
Status remove_segments_through(DataDirectory& directory, Lsn lsn);

// To be called after a snapshot was published: removes the snapshots behind the second newest, and
// the log that lies wholly below both of them and below `needed_by_others` (of replicas; by default
// nobody).
Status remove_superfluous(DataDirectory& directory, Lsn needed_by_others = ~Lsn{0});

}  // namespace kimdb::wal
