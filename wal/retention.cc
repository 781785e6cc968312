#include "wal/retention.h"

#include <algorithm>
#include <utility>

namespace kimdb::wal {

Status remove_segments_through(DataDirectory& directory, Lsn lsn) {
  auto segments = directory.list_segments();
  if (!segments) return std::move(segments).error();
  bool removed = false;
  for (std::size_t i = 0; i + 1 < segments->size() && (*segments)[i + 1].first_lsn <= lsn + 1;
       ++i) {
    KIMDB_RETURN_IF_ERROR(directory.filesystem().remove(directory.segment_path((*segments)[i])));
    removed = true;
  }
  return removed ? directory.filesystem().sync_directory(directory.log_directory()) : Status();
}

Status remove_superfluous(DataDirectory& directory, Lsn needed_by_others) {
  auto snapshots = directory.list_snapshots();
  if (!snapshots) return std::move(snapshots).error();
  if (snapshots->size() < 2) return {};
  for (std::size_t i = 2; i < snapshots->size(); ++i) {
    KIMDB_RETURN_IF_ERROR(directory.filesystem().remove(directory.snapshot_path((*snapshots)[i])));
  }
  if (snapshots->size() > 2)
    KIMDB_RETURN_IF_ERROR(directory.filesystem().sync_directory(directory.snapshot_directory()));
  // A damaged newest snapshot falls back to this one, and needs the log behind it.
  return remove_segments_through(directory, std::min((*snapshots)[1].lsn, needed_by_others));
}

}  // namespace kimdb::wal
