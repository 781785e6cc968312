// Loading a snapshot file into an engine. Pure but for the file and its threads.
#pragma once

#include "base/result.h"
#include "engine/engine.h"
#include "wal/snapshot_file.h"

namespace kimdb::database {

// Loads the state sections on all cores, then the records that make them exact. `engine` is empty
// and nobody else's; after an error nothing may be assumed of it. corrupt where a block does not
// check, or is no state.
Status load_snapshot(const wal::SnapshotFile& file, engine::Engine& engine);

}  // namespace kimdb::database
