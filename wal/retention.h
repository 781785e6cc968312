// Removing what a newer snapshot makes superfluous.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "wal/data_directory.h"

namespace kimdb::wal {

// Removes segments that lie wholly at or below `lsn`, but for the last `keep_bytes` of them; never
// the last one of the log.
Status remove_segments_through(DataDirectory& directory, Lsn lsn, std::uint64_t keep_bytes = 0);

// To be called after a snapshot was published: removes the snapshots behind the second newest, and
// the log that lies wholly below both of them, but for the last `keep_bytes` of it: for replicas
// that are behind.
Status remove_superfluous(DataDirectory& directory, std::uint64_t keep_bytes = 0);

}  // namespace kimdb::wal
