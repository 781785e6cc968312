#include "wal/format.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "base/random.h"
#include "tests/support/test_seed.h"
#include "wal/data_directory.h"
#include "wal/meta.h"

namespace kimdb::wal {
namespace {

// The bytes of the block ```hex of a document, as `hexdump -C` would show them.
std::string hex_of(const std::string& path) {
  std::ifstream in(path);
  REQUIRE_MESSAGE(in.good(), "run the tests from the top of the tree: cannot read " << path);
  std::string line, bytes;
  while (std::getline(in, line) && line != "```hex") {
  }
  while (std::getline(in, line) && line != "```") {
    if (line == "*") continue;
    std::istringstream fields(line);
    std::string field;
    fields >> field;
    bytes.resize(std::stoul(field, nullptr, 16), '\0');  // lines that were left out are zeros
    while (fields >> field) bytes.push_back(static_cast<char>(std::stoul(field, nullptr, 16)));
  }
  return bytes;
}

TEST_CASE("the worked example of docs/wal_format.md is what the code reads and writes") {
  const std::string file = hex_of("docs/wal_format.md");
  REQUIRE(file.size() > kSegmentHeaderBytes + 2 * kFrameHeaderBytes);
  const auto header = decode_segment_header(file);
  REQUIRE(header);
  CHECK(header->sequence == 3);
  CHECK(header->first_lsn == 41);
  CHECK(header->salt == 0x1122334455667788);
  CHECK(to_string(header->cluster_id) == "000102030405060708090a0b0c0d0e0f");
  CHECK(encode_segment_header(*header) == file.substr(0, kSegmentHeaderBytes));

  FramePlace place{.salt = header->salt, .offset = kSegmentHeaderBytes};
  const auto frame = decode_frame_header(std::string_view(file).substr(kSegmentHeaderBytes), place);
  REQUIRE(frame);
  CHECK(frame->first_lsn == 41);
  CHECK(frame->last_lsn() == 42);
  CHECK(frame->durable_lsn == 40);
  CHECK(frame->commit_time_ms == 1790000000123);
  std::string_view payload =
      std::string_view(file).substr(kSegmentHeaderBytes + kFrameHeaderBytes, frame->payload_size);
  CHECK(payload_checks(*frame, payload, place));
  CHECK(next_chain(header->chain, *frame, payload) == frame->chain);
  CHECK(take_record(payload) == "hello");
  CHECK(take_record(payload) == "log");
  CHECK(take_record(payload) == std::nullopt);

  place.offset += frame_size(frame->payload_size);
  const auto watermark = decode_frame_header(std::string_view(file).substr(place.offset), place);
  REQUIRE(watermark);
  CHECK(watermark->is_watermark());
  CHECK(watermark->durable_lsn == 42);
  CHECK(watermark->first_lsn == 43);
  CHECK(watermark->chain == frame->chain);
  CHECK(place.offset + kFrameHeaderBytes == file.size());
}

TEST_CASE("a frame that lies elsewhere, or in a segment with another salt, does not check") {
  const std::string payload = std::string("\5\0\0\0hello", 9);
  FrameHeader header;
  header.first_lsn = 1;
  header.count = 1;
  const FramePlace place{.salt = 5, .offset = 4096};
  char raw[kFrameHeaderBytes];
  seal_frame(header, payload, 0, place, raw);
  const std::string_view bytes(raw, sizeof raw);
  CHECK(decode_frame_header(bytes, place));
  CHECK(payload_checks(header, payload, place));
  CHECK(!decode_frame_header(bytes, {.salt = 5, .offset = 4104}));
  CHECK(!decode_frame_header(bytes, {.salt = 6, .offset = 4096}));
  CHECK(!payload_checks(header, payload, {.salt = 5, .offset = 4104}));
  CHECK(!decode_frame_header(bytes.substr(0, 71), place));
}

TEST_CASE("long payloads have the same checksums as short ones, read once or twice") {
  SeededRandom random(support::test_seed("frame checksums"));
  for (const std::size_t size :
       {std::size_t{100}, std::size_t{4095}, std::size_t{4096}, std::size_t{100000}}) {
    std::string payload(size, '\0');
    for (char& byte : payload) byte = static_cast<char>(random.next());
    FrameHeader header;
    header.first_lsn = 9;
    header.count = 1;
    const FramePlace place{.salt = random.next(), .offset = 8192};
    char raw[kFrameHeaderBytes];
    seal_frame(header, payload, 77, place, raw);
    CHECK(payload_checks(header, payload, place));
    CHECK(next_chain(77, header, payload) == header.chain);
    CHECK(next_chain(78, header, payload) != header.chain);
  }
}

TEST_CASE("random bytes are no header, no META and no segment") {
  SeededRandom random(support::test_seed("random headers"));
  for (int i = 0; i < 20000; ++i) {
    std::string bytes(kFrameHeaderBytes, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.next());
    if (i % 2 == 0) bytes.replace(0, 4, "MARF");
    REQUIRE(!decode_frame_header(bytes, {.salt = 1, .offset = 4096}));
  }
  CHECK(decode_segment_header(std::string(kSegmentHeaderBytes, 'x')).error().code ==
        ErrorCode::corrupt);
  CHECK(decode_segment_header("kimdbWAL").error().code == ErrorCode::corrupt);
  CHECK(decode_meta(std::string(kMetaBytes, 'x')).error().code == ErrorCode::corrupt);
  CHECK(decode_meta("").error().code == ErrorCode::corrupt);
}

TEST_CASE("file names are numbers without leading zeros, and nothing else") {
  CHECK(parse_segment_name("10-482.wal")->sequence == 10);
  CHECK(parse_segment_name("10-482.wal")->first_lsn == 482);
  CHECK(to_file_name(SegmentName{10, 482}) == "10-482.wal");
  for (const char* name :
       {"next.tmp", "10-482.wal.broken", "010-482.wal", "10-.wal", "-1.wal", "1-2-3.wal", "a-1.wal",
        "99999999999999999999-1.wal", "10482.wal", ".wal", ""}) {
    CAPTURE(name);
    CHECK(!parse_segment_name(name));
  }
  CHECK(parse_snapshot_name("77.3.snap")->term == 3);
  for (const char* name : {"77.snap", "77.3.snap.broken", "077.3.snap", "77.3", "x.3.snap"})
    CHECK(!parse_snapshot_name(name));
}

TEST_CASE("META gives its newest slot, and a newer format is not mistaken for damage") {
  Meta meta;
  meta.generation = 6;
  meta.term = 4;
  meta.history = {{1, 1}, {4, 90}};
  Meta newer = meta;
  newer.generation = 7;
  newer.durable_lsn = 99;
  std::string both = encode_meta(meta) + encode_meta(newer);
  CHECK(decode_meta(both)->durable_lsn == 99);
  CHECK(decode_meta(both)->history == meta.history);
  both[kMetaSlotBytes + 500] = 'x';  // torn
  CHECK(decode_meta(both)->durable_lsn == 0);
}

TEST_CASE("a history that is too long for a slot loses its oldest terms only") {
  Meta meta;
  for (std::uint64_t term = 1; term <= 1000; ++term) begin_term(meta, {term, term * 10});
  const auto read = decode_meta(encode_meta(meta) + encode_meta(meta));
  REQUIRE(read);
  CHECK(read->history.size() > 100);
  CHECK(read->history.back() == TermStart{1000, 10000});
  CHECK(read->term == 1000);
  begin_term(meta, {1001, 9990});  // those that begin there or behind were taken back
  CHECK(meta.history.back() == TermStart{1001, 9990});
  CHECK(meta.history[meta.history.size() - 2] == TermStart{998, 9980});
}

}  // namespace
}  // namespace kimdb::wal
