#include "wal/incoming.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "base/check.h"

namespace kimdb::wal {
namespace {

constexpr std::string_view kPartEnding = ".part";
// So much may wait for the disk: the rest of the machine is not to stand still at the end.
constexpr std::uint64_t kSyncEveryBytes = 64 << 20;

std::string part_name(const SnapshotId& id) {
  return std::to_string(id.lsn) + "." + std::to_string(id.term) + "." + std::to_string(id.salt) +
         "." + std::to_string(id.size) + std::string(kPartEnding);
}

std::optional<SnapshotId> parse_part_name(const std::string& name) {
  std::array<std::uint64_t, 4> numbers{};
  const char* at = name.data();
  const char* const end = at + name.size();
  for (std::uint64_t& number : numbers) {
    const auto [behind, error] = std::from_chars(at, end, number);
    if (error != std::errc() || behind == end) return std::nullopt;
    at = behind + 1;
  }
  const SnapshotId id{numbers[0], numbers[1], numbers[2], numbers[3]};
  return part_name(id) == name ? std::optional(id) : std::nullopt;
}

Result<std::vector<std::string>> list_incoming(const DataDirectory& directory) {
  const auto exists = directory.filesystem().exists(directory.incoming_directory());
  if (!exists) return exists.error();
  if (!*exists) return std::vector<std::string>();
  return directory.filesystem().list(directory.incoming_directory());
}

Result<std::optional<SnapshotName>> find_accepted(const DataDirectory& directory) {
  const auto names = list_incoming(directory);
  if (!names) return names.error();
  std::optional<SnapshotName> accepted;
  const auto key = [](const SnapshotName& name) { return std::pair(name.lsn, name.term); };
  for (const std::string& name : *names) {
    const auto snapshot = parse_snapshot_name(name);
    if (snapshot && (!accepted || key(*snapshot) > key(*accepted))) accepted = snapshot;
  }
  return accepted;
}

}  // namespace

std::string IncomingSnapshot::path() const {
  return directory_->incoming_directory() + "/" + part_name(progress_->id);
}

Result<IncomingSnapshot> IncomingSnapshot::open(DataDirectory& directory) {
  IncomingSnapshot incoming(directory);
  const auto names = list_incoming(directory);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    const auto id = parse_part_name(name);
    if (!id) continue;
    KIMDB_RETURN_IF_ERROR(incoming.discard());
    auto file = directory.filesystem().open(directory.incoming_directory() + "/" + name,
                                            Filesystem::OpenMode::read_write);
    if (!file) return std::move(file).error();
    const auto size = (*file)->size();
    if (!size) return size.error();
    incoming.file_ = std::move(*file);
    incoming.progress_ = {*id, std::min(*size, id->size)};
  }
  return incoming;
}

Status IncomingSnapshot::begin(const SnapshotId& id) {
  if (progress_ && progress_->id == id) return {};
  KIMDB_RETURN_IF_ERROR(discard());
  Filesystem& filesystem = directory_->filesystem();
  KIMDB_RETURN_IF_ERROR(filesystem.make_directories(directory_->incoming_directory()));
  auto file = filesystem.open(directory_->incoming_directory() + "/" + part_name(id),
                              Filesystem::OpenMode::create);
  if (!file) return std::move(file).error();
  file_ = std::move(*file);
  progress_ = {id, 0};
  synced_bytes_ = 0;
  return filesystem.sync_directory(directory_->incoming_directory());
}

Status IncomingSnapshot::append(std::uint64_t offset, std::string_view bytes) {
  if (!progress_ || offset != progress_->bytes || bytes.size() > progress_->id.size - offset)
    return Error{ErrorCode::corrupt, "a part of a snapshot does not follow the one before it"};
  KIMDB_RETURN_IF_ERROR(write_all(*file_, offset, bytes));
  progress_->bytes += bytes.size();
  if (progress_->bytes - synced_bytes_ < kSyncEveryBytes) return {};
  KIMDB_RETURN_IF_ERROR(file_->sync());
  file_->forget_cached();
  synced_bytes_ = progress_->bytes;
  return {};
}

Result<SnapshotFile> IncomingSnapshot::finish() {
  KIMDB_CHECK(is_whole());
  KIMDB_RETURN_IF_ERROR(file_->sync());
  auto file = SnapshotFile::open(directory_->filesystem(), path());
  if (file && file->id() != progress_->id)
    return Error{ErrorCode::corrupt, path() + " is another snapshot than its name says"};
  return file;
}

Status IncomingSnapshot::accept() {
  Filesystem& filesystem = directory_->filesystem();
  const std::string from = path();
  const SnapshotName name{progress_->id.lsn, progress_->id.term};
  file_.reset();
  progress_.reset();
  KIMDB_RETURN_IF_ERROR(
      filesystem.rename(from, directory_->incoming_directory() + "/" + to_file_name(name)));
  return filesystem.sync_directory(directory_->incoming_directory());
}

Status IncomingSnapshot::discard() {
  if (!progress_) return {};
  file_.reset();
  const Status removed = directory_->filesystem().remove(path());
  progress_.reset();
  return removed;
}

Result<bool> has_accepted(const DataDirectory& directory) {
  const auto found = find_accepted(directory);
  if (!found) return found.error();
  return found->has_value();
}

Result<std::optional<Position>> install_accepted(DataDirectory& directory) {
  Filesystem& filesystem = directory.filesystem();
  const auto found = find_accepted(directory);
  if (!found) return found.error();
  if (!found->has_value()) return std::optional<Position>();
  const SnapshotName accepted = **found;
  const std::string path = directory.incoming_directory() + "/" + to_file_name(accepted);
  const auto file = SnapshotFile::open(filesystem, path);
  if (!file) return file.error();

  const auto segments = directory.list_segments();
  if (!segments) return segments.error();
  for (const SegmentName& segment : *segments)
    KIMDB_RETURN_IF_ERROR(filesystem.remove(directory.segment_path(segment)));
  KIMDB_RETURN_IF_ERROR(filesystem.sync_directory(directory.log_directory()));
  const auto snapshots = directory.list_snapshots();
  if (!snapshots) return snapshots.error();
  for (const SnapshotName& snapshot : *snapshots)
    KIMDB_RETURN_IF_ERROR(filesystem.remove(directory.snapshot_path(snapshot)));
  KIMDB_RETURN_IF_ERROR(directory.update_meta([&](Meta& meta) {
    meta.cluster_id = file->cluster_id();
    meta.term = std::max(meta.term, file->end().term);
    meta.history = file->history();
    // A term that began behind it was none of its own.
    std::erase_if(meta.history,
                  [&](const TermStart& term) { return term.first_lsn > file->end().lsn; });
    meta.checkpoint_lsn = meta.durable_lsn = file->end().lsn;
    meta.last_sequence = 0;  // the log begins anew, behind the snapshot
    meta.clean = false;
  }));
  // An older one must never take its turn later.
  const auto names = list_incoming(directory);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    const std::string other = directory.incoming_directory() + "/" + name;
    if (parse_snapshot_name(name) && other != path) KIMDB_RETURN_IF_ERROR(filesystem.remove(other));
  }
  // Last: as long as the file lies here, all of this is done again.
  KIMDB_RETURN_IF_ERROR(filesystem.rename(path, directory.snapshot_path(accepted)));
  KIMDB_RETURN_IF_ERROR(filesystem.sync_directory(directory.snapshot_directory()));
  KIMDB_RETURN_IF_ERROR(filesystem.sync_directory(directory.incoming_directory()));
  return std::optional(file->end());
}

}  // namespace kimdb::wal
