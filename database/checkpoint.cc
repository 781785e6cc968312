#include "database/checkpoint.h"

#include <chrono>
#include <thread>

#include "base/varint.h"
#include "database/database.h"
#include "database/snapshot_format.h"
#include "engine/snapshot.h"
#include "wal/reader.h"
#include "wal/retention.h"
#include "wal/snapshot_file.h"

namespace kimdb::database {

Checkpointer::Progress Checkpointer::progress() const {
  return {.running = running_.load(),
          .last_failed = last_failed_.load(),
          .last_success_ms = last_success_ms_.load(),
          .last_lsn = last_lsn_.load()};
}

void Checkpointer::start_from(Lsn snapshot_lsn, std::int64_t now_ms) {
  last_lsn_ = snapshot_lsn;
  last_success_ms_ = now_ms;
}

bool Checkpointer::save_in_background() {
  if (scheduled_.exchange(true)) return false;
  database_.workers().post([this](std::size_t) {
    const Status saved = save();
    if (!saved.has_value())
      database_.logger().error("no snapshot was written: {}", saved.error().message);
    scheduled_ = false;
  });
  return true;
}

Status Checkpointer::save() {
  if (!database_.options().wal_enabled)
    return Error{ErrorCode::unsupported, "snapshots need wal.enabled"};
  MutexLock lock(writing_);
  running_ = true;
  const Status written = write();
  running_ = false;
  last_failed_ = !written.has_value();
  return written;
}

Status Checkpointer::exclude(const std::function<Status()>& action) {
  MutexLock lock(writing_);
  return action();
}

Status Checkpointer::write() {
  wal::Log& log = database_.log();
  wal::DataDirectory& directory = *database_.directory();
  const std::int64_t begin = database_.clock().monotonic_ns();
  auto writer = wal::SnapshotWriter::create(directory);
  if (!writer) return std::move(writer).error();
  // What a slave has not applied is not in the state that is copied.
  const Lsn first = database_.applied_lsn();
  KIMDB_RETURN_IF_ERROR(copy_state(**writer, first));
  const Lsn last = database_.applied_lsn();
  KIMDB_RETURN_IF_ERROR(log.sync_through(last));
  auto end = append_records(**writer, first, last);
  if (!end) return std::move(end).error();
  KIMDB_RETURN_IF_ERROR(wait_until_committed(end->lsn));
  const std::uint64_t bytes = (*writer)->written_bytes();
  const auto name = (*writer)->publish(*end, directory.meta().history);
  if (!name) return name.error();
  KIMDB_RETURN_IF_ERROR(wal::remove_superfluous(directory, database_.options().keep_log_bytes));

  last_lsn_ = end->lsn;
  last_bytes_ = bytes;
  log_bytes_at_last_ = log.written_bytes();
  last_success_ms_ = database_.now_ms();
  log.set_keep_free_bytes(bytes);
  database_.logger().info("snapshot at LSN {}: {} bytes in {:.3f} s", end->lsn, bytes,
                          static_cast<double>(database_.clock().monotonic_ns() - begin) / 1e9);
  return {};
}

// A snapshot never holds what may still be taken back.
Status Checkpointer::wait_until_committed(Lsn lsn) {
  const wal::Log& log = database_.log();
  if (log.sync() != wal::Sync::commit) return {};
  const std::int64_t begin = database_.clock().monotonic_ns();
  while (log.committed_lsn() < lsn) {
    if (database_.clock().monotonic_ns() - begin > 10'000'000'000)
      return Error{ErrorCode::unavailable,
                   "the replicas have not acknowledged LSN " + std::to_string(lsn)};
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return {};
}

// A section of the file is the unit of loading: one for each partition lets several threads share
// them.
Status Checkpointer::copy_state(wal::SnapshotWriter& writer, Lsn first) {
  engine::SnapshotCopier copier(database_.engine());
  std::string section;
  for (std::size_t begun = ~std::size_t{0}, partition = 0;;
       section.clear(), partition = copier.partition()) {
    if (!copier.next_section(section)) return {};
    if (partition != begun)
      KIMDB_RETURN_IF_ERROR(
          writer.begin_section(kStateSection, static_cast<std::uint32_t>(partition), first));
    begun = partition;
    KIMDB_RETURN_IF_ERROR(writer.append(section));
  }
}

// The records behind `first`, up to the end of the frame that holds `last` or a later one: what the
// snapshot is exact at.
Result<wal::Position> Checkpointer::append_records(wal::SnapshotWriter& writer, Lsn first,
                                                   Lsn last) {
  KIMDB_RETURN_IF_ERROR(writer.begin_section(kRecordsSection, 0, last));
  auto reader = wal::Reader::open(*database_.directory(), first);
  if (!reader) return std::move(reader).error();
  // What a slave has not applied may still be cut from its log.
  const Lsn limit = database_.is_slave() ? database_.applied_lsn() : database_.log().durable_lsn();
  std::string item;
  for (;;) {
    auto frame = reader->next(limit);
    if (!frame) return std::move(frame).error();
    if (!frame->has_value()) break;
    KIMDB_RETURN_IF_ERROR(wal::visit_records(
        (*frame)->header, (*frame)->payload, first,
        [&](std::span<const wal::RecordView> records) -> Status {
          for (const wal::RecordView& record : records) {
            item.resize(varint_size(record.lsn) + sized_bytes_size(record.bytes));
            put_sized_bytes(put_varint(item.data(), record.lsn), record.bytes);
            KIMDB_RETURN_IF_ERROR(writer.append(item));
          }
          return {};
        }));
  }
  return reader->end();
}

bool Checkpointer::due_by_size() const {
  const std::uint64_t log_bytes = database_.log().written_bytes() - log_bytes_at_last_.load();
  return log_bytes > std::max<std::uint64_t>(kLogBytesMin, 2 * last_bytes_.load());
}

}  // namespace kimdb::database
