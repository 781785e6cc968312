#include "wal/retention.h"

#include <utility>

namespace kimdb::wal {

namespace {

Result<std::uint64_t> size_of(DataDirectory& directory, const SegmentName& segment) {
  const auto file =
      directory.filesystem().open(directory.segment_path(segment), Filesystem::OpenMode::read);
  if (!file) return file.error();
  return (*file)->size();
}

}  // namespace

Status remove_segments_through(DataDirectory& directory, Lsn lsn, std::uint64_t keep_bytes) {
  auto segments = directory.list_segments();
  if (!segments) return std::move(segments).error();
  std::size_t end = 0;
  while (end + 1 < segments->size() && (*segments)[end + 1].first_lsn <= lsn + 1) ++end;
  for (std::uint64_t kept = 0; keep_bytes != 0 && end != 0; --end) {
    const auto size = size_of(directory, (*segments)[end - 1]);
    if (!size) return size.error();
    kept += *size;
    if (kept > keep_bytes) break;
  }
  for (std::size_t i = 0; i < end; ++i)
    KIMDB_RETURN_IF_ERROR(directory.filesystem().remove(directory.segment_path((*segments)[i])));
  return end != 0 ? directory.filesystem().sync_directory(directory.log_directory()) : Status();
}

Status remove_superfluous(DataDirectory& directory, std::uint64_t keep_bytes) {
  auto snapshots = directory.list_snapshots();
  if (!snapshots) return std::move(snapshots).error();
  if (snapshots->size() < 2) return {};
  for (std::size_t i = 2; i < snapshots->size(); ++i) {
    KIMDB_RETURN_IF_ERROR(directory.filesystem().remove(directory.snapshot_path((*snapshots)[i])));
  }
  if (snapshots->size() > 2)
    KIMDB_RETURN_IF_ERROR(directory.filesystem().sync_directory(directory.snapshot_directory()));
  // A damaged newest snapshot falls back to this one, and needs the log behind it.
  return remove_segments_through(directory, (*snapshots)[1].lsn, keep_bytes);
}

}  // namespace kimdb::wal
