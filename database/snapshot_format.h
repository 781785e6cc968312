// What Database puts into the sections of a snapshot file (wal/snapshot_file.h).
#pragma once

#include <cstdint>

namespace kimdb::database {

enum SnapshotKind : std::uint32_t {
  kStateSection = 1,  // engine/snapshot.h: of one partition, numbered by it
  kRecordsSection =
      2,  // (lsn varint, mutation with its length)*, applied in order after all state sections
};

}  // namespace kimdb::database
