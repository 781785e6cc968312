// Damage on the disk: bits that flip, files that are gone. Refused or cut, never read as data.
#include <doctest/doctest.h>

#include <cstdio>

#include "tests/support/simulated_filesystem.h"
#include "tests/support/test_seed.h"
#include "tests/wal/test_log.h"

namespace kimdb::wal {
namespace {

using support::SimulatedFilesystem;

std::string segment_path(SimulatedFilesystem& filesystem, std::size_t index) {
  std::map<std::uint64_t, std::string> segments;
  for (const std::string& path : filesystem.files_below("/data/log")) {
    if (auto name = parse_segment_name(path.substr(path.find_last_of('/') + 1)))
      segments[name->sequence] = path;
  }
  REQUIRE(index < segments.size());
  return std::next(segments.begin(), static_cast<std::ptrdiff_t>(index))->second;
}

// Writes records in batches until the first segment has `bytes`.
void fill(TestLog& log, std::uint64_t bytes) {
  SeededRandom random(3);
  while (log.log->written_bytes() < bytes) {
    REQUIRE(log.log->reserve(4096));
    Lsn last = 0;
    for (int i = 0; i < 8; ++i) {
      std::string record(random.below(120), '\0');
      for (char& byte : record) byte = static_cast<char>(random.next());
      last = log.append(record);
    }
    REQUIRE(log.log->sync_through(last));
  }
}

// Flips every bit of [begin, end) of the file (every `stride`th one), recovers, and flips it back.
template <class Check>
void flip_each(SimulatedFilesystem& filesystem, const std::string& path, std::uint64_t stride,
               Check&& check) {
  const std::uint64_t bits = filesystem.contents(path).size() * 8;
  for (std::uint64_t bit = stride / 2; bit < bits; bit += stride) {
    CAPTURE(bit);
    filesystem.flip_bit(path, bit);
    check();
    filesystem.flip_bit(path, bit);
  }
}

bool is_prefix(const std::map<Lsn, std::string>& part, const std::map<Lsn, std::string>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

// KIMDB_BIT_STRIDE=1 tries every bit. An odd stride meets every bit of a byte.
std::uint64_t stride() {
  return support::environment_number("KIMDB_BIT_STRIDE", 12 * kSlowness + 1);
}

TEST_CASE("each bit of a log that was stopped cleanly flips: refused, or read as it was") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  log.options.max_segment_size = 1 << 20;
  REQUIRE(log.open());
  fill(log, 60 << 10);
  const auto whole = log.records;
  REQUIRE(log.close());
  REQUIRE(log.recover_only());
  REQUIRE(log.records == whole);
  const std::string path = segment_path(filesystem, 0);
  REQUIRE(filesystem.contents(path).size() >= 64 << 10);

  std::uint64_t refused = 0, harmless = 0;
  std::map<Lsn, std::string> seen;
  const RecordVisitor visit = [&](std::span<const RecordView> views) -> Status {
    for (const RecordView& view : views) seen.emplace(view.lsn, view.bytes);
    return {};
  };
  flip_each(filesystem, path, stride(), [&] {
    seen.clear();
    const auto scan = scan_log(*log.directory, {}, visit, {});
    REQUIRE(scan);
    REQUIRE(is_prefix(seen, whole));
    if (scan->damage) {
      ++refused;
      REQUIRE(scan->damage->path == path);
    } else {
      ++harmless;  // padding between frames, and the watermark at the end
      REQUIRE(seen == whole);
    }
  });
  std::printf("bits of a log: %llu refused, %llu harmless\n",
              static_cast<unsigned long long>(refused), static_cast<unsigned long long>(harmless));
  CHECK(refused > harmless * 30);
}

TEST_CASE(
    "each bit flips in a log that was not stopped: refused or cut, and what is left is a beginning "
    "of it") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  log.options.max_segment_size = 1 << 20;
  REQUIRE(log.open());
  fill(log, 3 << 10);
  const auto whole = log.records;
  const Lsn end = log.log->last_lsn();
  log.die();
  const std::string path = segment_path(filesystem, 0);
  const std::string bytes = filesystem.contents(path).substr(0, 8 << 10);
  const std::string meta = filesystem.contents("/data/META");

  std::uint64_t refused = 0, cut = 0, harmless = 0;
  for (std::uint64_t bit = stride() / 2; bit < bytes.size() * 8; bit += stride()) {
    SimulatedFilesystem damaged;
    REQUIRE(damaged.make_directories("/data/log"));
    damaged.set_contents("/data/META", meta);
    damaged.set_contents(path, bytes);
    damaged.flip_bit(path, bit);
    TestLog found(damaged);
    const Status recovered = found.recover_only();
    CAPTURE(bit);
    if (!recovered) {
      REQUIRE(recovered.error().code == ErrorCode::corrupt);
      REQUIRE(damaged.contents(path).size() == bytes.size());  // nothing was touched
      ++refused;
      continue;
    }
    REQUIRE(is_prefix(found.records, whole));
    ++(found.recovered.last_lsn() == end ? harmless : cut);
  }
  CHECK(refused > 0);
  CHECK(cut > 0);
  CHECK(harmless > 0);
}

TEST_CASE(
    "each bit of a snapshot flips: it is refused, and the one before it gives the same state") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  REQUIRE(log.open());
  fill(log, 2 << 10);
  REQUIRE(log.take_snapshot());
  fill(log, 4 << 10);
  REQUIRE(log.take_snapshot());
  REQUIRE(log.log->sync_through(log.append("behind both")));
  const auto whole = log.records;
  const Lsn end = log.log->last_lsn();
  REQUIRE(log.close());
  REQUIRE(log.recover_only());
  CHECK(log.snapshots_refused == 0);
  CHECK(log.records == whole);
  const auto snapshots = log.directory->list_snapshots();
  REQUIRE(snapshots->size() == 2);
  const std::string newest = log.directory->snapshot_path(snapshots->front());
  flip_each(filesystem, newest, stride() * 3, [&] {
    REQUIRE(log.recover_only());
    REQUIRE(log.snapshots_refused == 1);
    REQUIRE(log.records == whole);
    REQUIRE(log.recovered.last_lsn() == end);
  });
}

TEST_CASE("a snapshot that the disk has not kept as it was written is not published") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  REQUIRE(log.open());
  {
    auto writer = SnapshotWriter::create(*log.directory);
    REQUIRE(writer);
    REQUIRE((*writer)->begin_section(7, 0, 1));
    // The second item ends the first block, which is written.
    for (int i = 0; i < 2; ++i) REQUIRE((*writer)->append(std::string(kSnapshotBlockBytes, 's')));
    filesystem.flip_bit("/data/snapshots/writing.tmp", 8 * 5000);
    const auto published = (*writer)->publish({.lsn = 1, .term = 1}, {});
    REQUIRE(!published);
    CHECK(published.error().code == ErrorCode::corrupt);
  }
  CHECK(filesystem.files_below("/data/snapshots").empty());
  CHECK(log.directory->meta().checkpoint_lsn == 0);
}

TEST_CASE("bits of META flip: the other slot counts, and the state is the same") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  REQUIRE(log.open());
  fill(log, 2 << 10);
  const auto whole = log.records;
  REQUIRE(log.close());
  flip_each(filesystem, "/data/META", stride() * 5, [&] {
    REQUIRE(log.recover_only());
    REQUIRE(log.records == whole);
  });
  filesystem.flip_bit("/data/META", 100);
  filesystem.flip_bit("/data/META", 8 * 4096 + 100);
  const Status refused = log.recover_only();
  CHECK(refused.error().code == ErrorCode::corrupt);
}

TEST_CASE("a missing segment is damage, and its LSNs are named") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  REQUIRE(log.open());
  fill(log, 60 << 10);  // several segments of 16 KiB
  REQUIRE(log.close());
  const auto segments = [&] {
    REQUIRE(log.recover_only());
    return log.directory->list_segments().value();
  }();
  REQUIRE(segments.size() >= 4);
  for (const std::size_t missing : {std::size_t{0}, std::size_t{1}, segments.size() - 1}) {
    const std::string path = log.directory->segment_path(segments[missing]);
    const std::string bytes = filesystem.contents(path);
    REQUIRE(filesystem.remove(path));
    const Status refused = log.recover_only();
    REQUIRE(!refused);
    CAPTURE(refused.error().message);
    CHECK(refused.error().code == ErrorCode::corrupt);
    std::string range = std::to_string(segments[missing].first_lsn);
    if (missing + 1 < segments.size())
      range += " to " + std::to_string(segments[missing + 1].first_lsn - 1);
    CHECK(refused.error().message.find("LSN") != std::string::npos);
    CHECK(refused.error().message.find(range) != std::string::npos);
    filesystem.set_contents(path, bytes);
  }
  CHECK(log.recover_only());
}

TEST_CASE("a log that ends before what META knows to be synced is damaged, even where it checks") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  REQUIRE(log.open());
  const std::uint64_t before = log.log->written_bytes();
  REQUIRE(log.log->sync_through(log.append("gone")));
  REQUIRE(log.close());
  const std::string path = segment_path(filesystem, 0);
  filesystem.set_contents(path, filesystem.contents(path).substr(0, kSegmentHeaderBytes + before));
  const Status refused = log.recover_only();
  REQUIRE(!refused);
  CHECK(refused.error().message.find("LSN 2") != std::string::npos);
}

TEST_CASE("damage in the middle names file, offset, LSN and the repair") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  REQUIRE(log.open());
  fill(log, 6 << 10);
  REQUIRE(log.close());
  const std::string path = segment_path(filesystem, 0);
  filesystem.flip_bit(path, 8 * (4096 + 3000));
  const Status refused = log.recover_only();
  REQUIRE(!refused);
  CAPTURE(refused.error().message);
  CHECK(refused.error().message.find(path + ", offset ") != std::string::npos);
  CHECK(refused.error().message.find("kimdb-cli wal repair /data --truncate-at ") !=
        std::string::npos);
}

TEST_CASE("a segment of another cluster, under another name or of a newer format is refused") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  REQUIRE(log.open());
  REQUIRE(log.log->sync_through(log.append("a")));
  REQUIRE(log.close());
  const std::string path = segment_path(filesystem, 0);
  const std::string bytes = filesystem.contents(path);

  SegmentHeader header = decode_segment_header(bytes).value();
  header.cluster_id[3] ^= 1;
  filesystem.set_contents(path, encode_segment_header(header) + bytes.substr(kSegmentHeaderBytes));
  CHECK(log.recover_only().error().message.find("another cluster") != std::string::npos);

  header = decode_segment_header(bytes).value();
  header.incompatible_flags = 4;
  filesystem.set_contents(path, encode_segment_header(header) + bytes.substr(kSegmentHeaderBytes));
  CHECK(log.recover_only().error().code == ErrorCode::unsupported);

  log.die();
  filesystem.set_contents(path, bytes);
  REQUIRE(filesystem.rename(path, "/data/log/2-1.wal"));
  CHECK(log.recover_only().error().code == ErrorCode::corrupt);
}

TEST_CASE("a log without its META is not taken for a new one") {
  SimulatedFilesystem filesystem;
  TestLog log(filesystem);
  REQUIRE(log.open());
  REQUIRE(log.close());
  REQUIRE(filesystem.remove("/data/META"));
  const Status refused = log.recover_only();
  REQUIRE(!refused);
  CHECK(refused.error().message.find("META is missing") != std::string::npos);
}

}  // namespace
}  // namespace kimdb::wal
