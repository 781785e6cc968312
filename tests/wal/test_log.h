// A log on any filesystem, as Database uses it: the newest snapshot that checks, the log behind it,
// and what was there.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "wal/bytes.h"
#include "wal/incoming.h"
#include "wal/log.h"
#include "wal/reader.h"
#include "wal/retention.h"
#include "wal/snapshot_file.h"

namespace kimdb::wal {

// How much less of the exhaustive tests a sanitizer's build does.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr std::uint64_t kSlowness = 12;
#else
inline constexpr std::uint64_t kSlowness = 1;
#endif

struct TestLog {
  explicit TestLog(Filesystem& on, std::uint64_t seed = 1) : filesystem(on), random(seed) {}

  Filesystem& filesystem;
  SystemClock clock;
  SeededRandom random;
  LogOptions options = [] {
    LogOptions small;
    small.max_segment_size = 16 << 10;
    small.disk_full_retry = std::chrono::milliseconds(1);
    small.idle_timeout = std::chrono::seconds(10);
    return small;
  }();
  LogEvents events;
  std::uint64_t keep_log_bytes = 0;
  std::unique_ptr<DataDirectory> directory;
  std::unique_ptr<Log> log;
  Recovered recovered;
  std::map<Lsn, std::string> records;  // what is in the log, as far as it was recovered or appended
  std::size_t snapshots_refused = 0;

  // Opens the directory and recovers, without a log behind it.
  Status recover_only() {
    log.reset();
    directory.reset();
    records.clear();
    snapshots_refused = 0;
    auto opened = DataDirectory::open(filesystem, clock, random, "/data");
    if (!opened) return std::move(opened).error();
    directory = std::move(*opened);
    if (auto installed = install_accepted(*directory); !installed)
      return std::move(installed).error();
    Position after;
    KIMDB_RETURN_IF_ERROR(load_snapshot(after));
    auto result = recover(*directory, after, [&](std::span<const RecordView> views) -> Status {
      for (const RecordView& view : views) records[view.lsn] = view.bytes;
      return {};
    });
    if (!result) return std::move(result).error();
    recovered = std::move(*result);
    return {};
  }

  Status open() {
    KIMDB_RETURN_IF_ERROR(recover_only());
    auto started = Log::open(*directory, recovered, options, events);
    if (!started) return std::move(started).error();
    log = std::move(*started);
    return {};
  }

  Lsn append(std::string_view record) {
    const Lsn lsn =
        log->append(record.size(), [&](char* out, Lsn) { record.copy(out, record.size()); });
    records[lsn] = record;
    return lsn;
  }

  // All records up to the last one as one snapshot.
  Status take_snapshot() {
    const Lsn last = log->last_lsn();
    KIMDB_RETURN_IF_ERROR(log->sync_through(last));
    auto reader = Reader::open(*directory, last - 1);
    if (!reader) return std::move(reader).error();
    auto frame = reader->next(last);
    if (!frame) return std::move(frame).error();
    auto writer = SnapshotWriter::create(*directory);
    if (!writer) return std::move(writer).error();
    KIMDB_RETURN_IF_ERROR((*writer)->begin_section(7, 0, last));
    for (const auto& [lsn, record] : records) {
      KIMDB_RETURN_IF_ERROR((*writer)->append(
          ByteWriter().put(lsn).put(std::uint64_t{record.size()}).put_bytes(record).bytes()));
    }
    auto name = (*writer)->publish((*frame)->end, directory->meta().history);
    if (!name) return std::move(name).error();
    return remove_superfluous(*directory, keep_log_bytes);
  }

  Status close() {
    Status closed = log->close();
    log.reset();
    directory.reset();
    return closed;
  }
  // As a process ends that is killed; what it wrote stays in the page cache.
  void die() {
    log.reset();
    directory.reset();
  }

 private:
  Status load_snapshot(Position& after) {
    auto names = directory->list_snapshots();
    if (!names) return std::move(names).error();
    for (const SnapshotName& name : *names) {
      std::map<Lsn, std::string> loaded;
      auto file = SnapshotFile::open(filesystem, directory->snapshot_path(name));
      Status status = file ? load(*file, loaded) : Status(file.error());
      if (status) {
        records = std::move(loaded);
        after = file->end();
        return {};
      }
      if (status.error().code != ErrorCode::corrupt) return status;
      ++snapshots_refused;
    }
    return {};
  }

  static Status load(const SnapshotFile& file, std::map<Lsn, std::string>& loaded) {
    for (const SnapshotSection& section : file.sections()) {
      auto reader = file.read(section);
      if (!reader) return std::move(reader).error();
      for (;;) {
        auto block = reader->next_block();
        if (!block) return std::move(block).error();
        if (!block->has_value()) break;
        ByteReader items(**block);
        while (!items.rest().empty()) {
          const auto lsn = items.take<Lsn>();
          const auto size = items.take<std::uint64_t>();
          loaded[lsn] = items.take_bytes(size);
        }
        if (!items.ok()) return Error{ErrorCode::corrupt, "an item is cut short"};
      }
    }
    return {};
  }
};

// What was acknowledged and what was ever appended, to compare with what a recovery finds.
struct Ledger {
  std::map<Lsn, std::vector<std::string>>
      appended;         // in order: an LSN that a crash took back is given out again
  std::set<Lsn> terms;  // LSNs that began a term

  // Empty where all is well: everything up to `acknowledged` is there, and nothing is there that
  // was not appended.
  std::string complaint(const TestLog& found, Lsn acknowledged) const {
    const Lsn last = found.recovered.last_lsn();
    if (last < acknowledged)
      return "LSN " + std::to_string(acknowledged) + " was acknowledged, the log ends at " +
             std::to_string(last);
    for (Lsn lsn = 1; lsn <= last; ++lsn) {
      if (!found.records.contains(lsn) && !terms.contains(lsn))
        return "LSN " + std::to_string(lsn) + " is missing";
    }
    for (const auto& [lsn, record] : found.records) {
      const auto known = appended.find(lsn);
      if (lsn > last) return "LSN " + std::to_string(lsn) + " lies behind the end of the log";
      if (known == appended.end() ||
          std::find(known->second.begin(), known->second.end(), record) == known->second.end()) {
        return "LSN " + std::to_string(lsn) + " holds what was never appended there";
      }
      // What was acknowledged is never taken back, so it is what was appended there last.
      if (lsn <= acknowledged && record != known->second.back()) {
        return "LSN " + std::to_string(lsn) + " holds an older record than was acknowledged";
      }
    }
    return {};
  }
};

}  // namespace kimdb::wal
