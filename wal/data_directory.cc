#include "wal/data_directory.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "wal/bytes.h"

namespace kimdb::wal {
namespace {

constexpr std::uint64_t kReserveBytes = 1 << 20;

bool take_number(std::string_view& text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

std::string to_file_name(const SnapshotName& name) {
  return std::to_string(name.lsn) + "." + std::to_string(name.term) + ".snap";
}

std::optional<SnapshotName> parse_snapshot_name(std::string_view file_name) {
  SnapshotName name;
  std::string_view text = file_name;
  if (!take_number(text, name.lsn) || !text.starts_with('.')) return std::nullopt;
  text.remove_prefix(1);
  if (!take_number(text, name.term) || text != ".snap" || to_file_name(name) != file_name)
    return std::nullopt;
  return name;
}

DataDirectory::DataDirectory(Filesystem& filesystem, Clock& clock, Random& random,
                             std::string directory)
    : filesystem_(filesystem),
      clock_(clock),
      random_(random),
      path_(std::move(directory)),
      log_directory_(path_ + "/log"),
      snapshot_directory_(path_ + "/snapshots"),
      incoming_directory_(path_ + "/incoming") {}

Result<std::unique_ptr<DataDirectory>> DataDirectory::open(Filesystem& filesystem, Clock& clock,
                                                           Random& random,
                                                           const std::string& directory) {
  std::unique_ptr<DataDirectory> opened(new DataDirectory(filesystem, clock, random, directory));
  if (Status status = opened->begin(); !status) {
    return std::move(status).error().in("wal.data_directory " + directory);
  }
  return opened;
}

Status DataDirectory::begin() {
  KIMDB_RETURN_IF_ERROR(filesystem_.make_directories(path_));
  auto lock = filesystem_.lock(path_ + "/LOCK", "pid " + std::to_string(::getpid()));
  if (!lock) {
    Error error = std::move(lock).error();
    if (error.code == ErrorCode::unavailable)
      error.message += ": stop it, or use another directory";
    return error;
  }
  lock_ = std::move(*lock);

  MutexLock guard(mutex_);
  auto exists = filesystem_.exists(path_ + "/META");
  if (!exists) return std::move(exists).error();
  if (!*exists) KIMDB_RETURN_IF_ERROR(create_meta());
  auto file = filesystem_.open(path_ + "/META", Filesystem::OpenMode::read_write);
  if (!file) return std::move(file).error();
  meta_file_ = std::move(*file);
  auto bytes = read_file(filesystem_, path_ + "/META", 2 * kMetaBytes);
  if (!bytes) return std::move(bytes).error();
  auto meta = decode_meta(*bytes);
  if (!meta) return std::move(meta).error().in("META");
  meta_ = std::move(*meta);
  // The process before may have failed to sync the newest slot, which the page cache shows all the
  // same. The next update goes into the other one: this one has to be on the disk by then. Where
  // only one slot checks it is, since the torn one was begun after its sync.
  if (both_slots_check(*bytes)) {
    const Status written = write_meta(meta_);
    if (!written) return Error(written.error()).in("META");
  }
  KIMDB_RETURN_IF_ERROR(filesystem_.make_directories(log_directory_));
  KIMDB_RETURN_IF_ERROR(filesystem_.make_directories(snapshot_directory_));
  return {};
}

// META appears whole or not at all: without it a directory that holds a log was never kimdb's, or
// lost it.
Status DataDirectory::create_meta() {
  for (const std::string& directory : {log_directory_, snapshot_directory_}) {
    auto there = filesystem_.exists(directory);
    if (!there) return std::move(there).error();
    if (!*there) continue;
    auto names = filesystem_.list(directory);
    if (!names) return std::move(names).error();
    for (const std::string& name : *names) {
      if (parse_segment_name(name) || parse_snapshot_name(name)) {
        return Error{ErrorCode::corrupt, "META is missing beside " + directory + "/" + name +
                                             "; restore it, or a backup of the whole directory"};
      }
    }
  }
  Meta meta;
  for (Uuid* uuid : {&meta.cluster_id, &meta.node_id}) {
    store(reinterpret_cast<char*>(uuid->data()), random_.next());
    store(reinterpret_cast<char*>(uuid->data()) + 8, random_.next());
  }
  meta.clean = true;
  std::string both;
  for (meta.generation = 0; meta.generation < 2; ++meta.generation) both += encode_meta(meta);
  KIMDB_RETURN_IF_ERROR(remove_if_exists(filesystem_, path_ + "/META.tmp"));
  KIMDB_RETURN_IF_ERROR(write_new_file(filesystem_, path_ + "/META.tmp", both));
  KIMDB_RETURN_IF_ERROR(filesystem_.rename(path_ + "/META.tmp", path_ + "/META"));
  return filesystem_.sync_directory(path_);
}

std::uint64_t DataDirectory::random() {
  MutexLock guard(mutex_);
  return random_.next();
}

Meta DataDirectory::meta() const {
  MutexLock guard(mutex_);
  return meta_;
}

Status DataDirectory::update_meta(const std::function<void(Meta&)>& change) {
  MutexLock guard(mutex_);
  Meta changed = meta_;
  change(changed);
  ++changed.generation;
  Status written = write_meta(changed);
  if (!written && written.error().code == ErrorCode::disk_full) {
    ignore(filesystem_.remove(path_ + "/RESERVE"),
           "where it is gone already the write fails again");
    written = write_meta(changed);
  }
  if (!written) return std::move(written).error().in("META");
  meta_ = std::move(changed);
  return {};
}

Status DataDirectory::write_meta(const Meta& meta) {
  KIMDB_RETURN_IF_ERROR(
      write_all(*meta_file_, (meta.generation & 1) * kMetaSlotBytes, encode_meta(meta)));
  return meta_file_->sync();
}

Result<std::vector<SegmentName>> DataDirectory::list_segments() const {
  auto names = filesystem_.list(log_directory_);
  if (!names) return std::move(names).error();
  std::vector<SegmentName> segments;
  for (const std::string& name : *names) {
    if (auto segment = parse_segment_name(name)) segments.push_back(*segment);
  }
  std::sort(segments.begin(), segments.end(),
            [](const SegmentName& a, const SegmentName& b) { return a.sequence < b.sequence; });
  for (std::size_t i = 1; i < segments.size(); ++i) {
    if (segments[i].sequence == segments[i - 1].sequence) {
      return Error{ErrorCode::corrupt,
                   "two segments have the same number: " + segment_path(segments[i - 1]) + " and " +
                       to_file_name(segments[i]) + "; move the wrong one away"};
    }
  }
  return segments;
}

Result<std::vector<SnapshotName>> DataDirectory::list_snapshots() const {
  auto names = filesystem_.list(snapshot_directory_);
  if (!names) return std::move(names).error();
  std::vector<SnapshotName> snapshots;
  for (const std::string& name : *names) {
    if (auto snapshot = parse_snapshot_name(name)) snapshots.push_back(*snapshot);
  }
  std::sort(snapshots.begin(), snapshots.end(), [](const SnapshotName& a, const SnapshotName& b) {
    return std::pair(a.lsn, a.term) > std::pair(b.lsn, b.term);
  });
  return snapshots;
}

void DataDirectory::restore_reserve() {
  const std::string path = path_ + "/RESERVE";
  auto exists = filesystem_.exists(path);
  if (!exists || *exists) return;
  auto file = filesystem_.open(path, Filesystem::OpenMode::create);
  if (!file) return;
  if (!(*file)->allocate(kReserveBytes)) {
    file->reset();
    ignore(filesystem_.remove(path), "an empty reserve is tried again the next time");
  }
}

}  // namespace kimdb::wal
