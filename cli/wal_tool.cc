#include "cli/wal_tool.h"

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/units.h"
#include "cli/mutation_text.h"
#include "cli/output.h"
#include "engine/mutation.h"
#include "wal/data_directory.h"
#include "wal/recovery.h"
#include "wal/scan.h"
#include "wal/snapshot_file.h"

namespace kimdb::cli {
namespace {

constexpr int kSound = 0;
constexpr int kDamaged = 1;
constexpr int kFailed = 2;

int fail(const Error& error) {
  complain(error.message);
  return kFailed;
}

// The seams that a data directory borrows, and the directory itself.
struct Opened {
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<wal::DataDirectory> directory;
};

Result<std::unique_ptr<Opened>> open_directory(Filesystem& filesystem, const std::string& path) {
  // Opening would make a directory that is not there.
  auto exists = filesystem.exists(path + "/META");
  if (!exists) return std::move(exists).error();
  if (!*exists) return Error{ErrorCode::not_found, "no data directory: " + path + " has no META"};
  auto opened = std::make_unique<Opened>();
  auto directory = wal::DataDirectory::open(filesystem, opened->clock, opened->random, path);
  if (!directory) return std::move(directory).error();
  opened->directory = std::move(*directory);
  return opened;
}

struct Snapshots {
  wal::Position newest_sound;  // {}: none
  std::string report;          // a line each
  bool damaged = false;
};

// Reads every block of every snapshot.
Result<Snapshots> check_snapshots(wal::DataDirectory& directory) {
  auto names = directory.list_snapshots();  // newest first
  if (!names) return std::move(names).error();
  Snapshots result;
  for (const wal::SnapshotName& name : *names) {
    const std::string path = directory.snapshot_path(name);
    auto file = wal::SnapshotFile::open(directory.filesystem(), path);
    const Status status = file ? file->verify() : Status(file.error());
    if (!status) {
      result.damaged = true;
      result.report += "snapshot " + path + ": DAMAGED: " + status.error().message + "\n";
      continue;
    }
    if (result.newest_sound.lsn == 0) result.newest_sound = file->end();
    result.report += fmt::format("snapshot {}: sound, at LSN {}\n", path, file->end().lsn);
  }
  return result;
}

std::string repair_command(const std::string& path, Lsn lsn) {
  return fmt::format("kimdb-cli wal repair {} --truncate-at {} --accept-data-loss", path, lsn);
}

std::string log_report(const wal::LogScan& scan) {
  return fmt::format("log: {} segments, {} records, {}, sound up to LSN {}\n", scan.segments.size(),
                     scan.records, format_size(scan.bytes), scan.end.lsn);
}

std::string damage_report(const wal::Damage& damage, const std::string& directory) {
  return fmt::format(
      "DAMAGED: {} at offset {}: {}; what begins at LSN {} is lost, although it was synced once\n"
      "Restore the file or a backup; or give up what is behind with:\n  {}\n",
      damage.path, damage.offset, damage.what, damage.lsn, repair_command(directory, damage.lsn));
}

// Counts records that this build cannot decode although their checksums are right.
class DecodeCheck {
 public:
  Status operator()(std::span<const wal::RecordView> records) {
    for (const wal::RecordView& record : records) {
      for (std::string_view rest = record.bytes; !rest.empty();) {
        auto operation = engine::take_operation(rest);
        if (operation) continue;
        report_ += fmt::format("record at LSN {}: {}\n", record.lsn, operation.error().message);
        break;
      }
    }
    return {};
  }
  const std::string& report() const { return report_; }

 private:
  std::string report_;
};

// Where a dump can begin to read: at the first record, or at the oldest snapshot behind which the
// log is whole.
Result<wal::Position> oldest_start(wal::DataDirectory& directory) {
  auto segments = directory.list_segments();
  if (!segments) return std::move(segments).error();
  if (segments->empty() || segments->front().first_lsn <= 1) return wal::Position{};
  auto names = directory.list_snapshots();
  if (!names) return std::move(names).error();
  wal::Position start;
  for (const wal::SnapshotName& name : *names) {
    if (name.lsn + 1 < segments->front().first_lsn) break;
    auto file = wal::SnapshotFile::open(directory.filesystem(), directory.snapshot_path(name));
    if (file) start = file->end();
  }
  return start;
}

// Prints records while they are visited.
class Dumper {
 public:
  Dumper(Lsn from, std::uint64_t limit) : from_(from), limit_(limit) {}

  Status operator()(std::span<const wal::RecordView> records) {
    for (const wal::RecordView& record : records) {
      if (record.lsn < from_) continue;
      if (limit_ != 0 && printed_ == limit_) {
        finished_ = true;
        return Error{ErrorCode::unavailable, "the limit is reached"};
      }
      print(record);
    }
    flush();
    return {};
  }
  // The visit was ended on purpose.
  bool finished() const { return finished_; }
  void flush() { show(std::exchange(out_, {})); }

 private:
  void print(const wal::RecordView& record) {
    const std::string text = mutation_text(record.bytes);
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      out_ += fmt::format("{} {} {}\n", record.lsn, record.commit_time_ms, rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    ++printed_;
  }

  const Lsn from_;
  const std::uint64_t limit_;
  std::uint64_t printed_ = 0;
  std::string out_;
  bool finished_ = false;
};

}  // namespace

int check_wal(Filesystem& filesystem, const Options& options) {
  auto opened = open_directory(filesystem, options.wal_directory);
  if (!opened) return fail(opened.error());
  wal::DataDirectory& directory = *(*opened)->directory;
  auto snapshots = check_snapshots(directory);
  if (!snapshots) return fail(snapshots.error());
  show(snapshots->report);
  DecodeCheck decode;
  auto scan = wal::scan_log(directory, snapshots->newest_sound, std::ref(decode), {});
  if (!scan) return fail(scan.error());
  show(log_report(*scan) + decode.report());
  if (scan->damage) {
    show(damage_report(*scan->damage, options.wal_directory));
    return kDamaged;
  }
  if (snapshots->damaged || !decode.report().empty()) {
    show("DAMAGED: see above\n");
    return kDamaged;
  }
  if (scan->torn) {
    show(
        "Behind it lies a torn tail that was never acknowledged as synced; the next start cuts "
        "it.\n");
  }
  show("sound\n");
  return kSound;
}

int dump_wal(Filesystem& filesystem, const Options& options) {
  auto opened = open_directory(filesystem, options.wal_directory);
  if (!opened) return fail(opened.error());
  wal::DataDirectory& directory = *(*opened)->directory;
  auto start = oldest_start(directory);
  if (!start) return fail(start.error());
  if (start->lsn >= options.from) {
    complain(fmt::format("the log begins at LSN {}; what was before is in the snapshot only",
                         start->lsn + 1));
  }
  Dumper dumper(options.from, options.limit);
  auto scan = wal::scan_log(directory, *start, std::ref(dumper), {});
  dumper.flush();
  if (dumper.finished()) return kSound;
  if (!scan) return fail(scan.error());
  if (!scan->damage) return kSound;
  complain("the log is damaged here; see: kimdb-cli wal check " + options.wal_directory);
  return kDamaged;
}

int repair_wal(Filesystem& filesystem, const Options& options) {
  auto opened = open_directory(filesystem, options.wal_directory);
  if (!opened) return fail(opened.error());
  wal::DataDirectory& directory = *(*opened)->directory;
  auto snapshots = check_snapshots(directory);
  if (!snapshots) return fail(snapshots.error());
  auto scan = wal::scan_log(directory, snapshots->newest_sound,
                            [](std::span<const wal::RecordView>) { return Status(); }, {});
  if (!scan) return fail(scan.error());
  if (!scan->damage) {
    complain(
        fmt::format("the log is sound up to LSN {}: there is nothing to repair", scan->end.lsn));
    return kDamaged;
  }
  if (options.truncate_at != scan->damage->lsn) {
    complain(fmt::format("the damage begins at LSN {}, not {}; to cut there: {}", scan->damage->lsn,
                         options.truncate_at,
                         repair_command(options.wal_directory, scan->damage->lsn)));
    return kDamaged;
  }
  std::vector<std::string> copies;
  if (const Status cut = wal::cut_log(directory, *scan, copies); !cut) return fail(cut.error());
  show(fmt::format("cut behind LSN {}\n", scan->end.lsn));
  for (const std::string& copy : copies) show("what was there is kept in " + copy + "\n");
  return kSound;
}

}  // namespace kimdb::cli
