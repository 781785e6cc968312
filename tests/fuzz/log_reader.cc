// Any bytes as a segment of the log and as the records in one: an error, a cut, or records; never a
// crash, and never bytes as records that do not check.
//
// Random bytes hardly ever have the right checksums, so the first byte chooses: 0, the input is the
// segment's file as it is; else the input is cut into records, sealed as frames with right
// checksums, and its last bytes flip some of what was written. What recovery lets through goes into
// an Engine, as at a start.
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "engine/engine.h"
#include "tests/support/simulated_filesystem.h"
#include "wal/bytes.h"
#include "wal/data_directory.h"
#include "wal/recovery.h"

using kimdb::Lsn;
namespace wal = kimdb::wal;

namespace {

constexpr std::uint64_t kSalt = 0x1234567890abcdef;

// A segment whose frames hold the input's pieces as records: [size byte][bytes]...
std::string sealed_segment(std::string_view input, const wal::Uuid& cluster_id,
                           std::set<std::string>& records) {
  std::string file = wal::encode_segment_header(
      {.cluster_id = cluster_id, .salt = kSalt, .sequence = 1, .first_lsn = 1});
  std::uint32_t chain = 0;
  Lsn lsn = 1;
  while (!input.empty()) {
    const std::size_t size =
        std::min<std::size_t>(static_cast<unsigned char>(input.front()), input.size() - 1);
    const std::string_view record = input.substr(1, size);
    input.remove_prefix(1 + size);
    records.emplace(record);
    std::string payload(wal::kRecordLengthBytes, '\0');
    wal::put_record_length(payload.data(), static_cast<std::uint32_t>(size));
    payload += record;
    wal::FrameHeader header{.first_lsn = lsn,
                            .term = 0,
                            .count = 1,
                            .payload_size = static_cast<std::uint32_t>(payload.size())};
    const std::uint64_t offset = file.size();
    file.resize(offset + wal::frame_size(payload.size()));
    payload.copy(file.data() + offset + wal::kFrameHeaderBytes, payload.size());
    wal::seal_frame(header, payload, chain, {.salt = kSalt, .offset = offset},
                    file.data() + offset);
    chain = header.chain;
    ++lsn;
  }
  return file;
}

// A record with the right checksum may say that a value is long: memory that a command gave away,
// no fault of the reader.
bool asks_for_much_memory(std::string_view mutation) {
  constexpr std::uint64_t kMuch = 1 << 20;
  while (!mutation.empty()) {
    const auto operation = kimdb::engine::take_operation(mutation);
    if (!operation) return false;
    if (operation->kind == kimdb::engine::OperationKind::write_range && operation->number > kMuch)
      return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const bool sealed = input.front() != 0;
  const std::size_t flip =
      static_cast<unsigned char>(input[1]) << 8 | static_cast<unsigned char>(input[2]);
  input.remove_prefix(3);

  kimdb::support::SimulatedFilesystem filesystem;
  kimdb::SystemClock clock;
  kimdb::SeededRandom random(1);
  auto directory = wal::DataDirectory::open(filesystem, clock, random, "/data");
  KIMDB_CHECK(directory.has_value());
  std::set<std::string> records;
  std::string file =
      sealed ? sealed_segment(input, (*directory)->meta().cluster_id, records) : std::string(input);
  if (sealed && flip != 0) file[flip % file.size()] ^= static_cast<char>(1 + flip % 255);
  filesystem.set_contents("/data/log/1-1.wal", file);

  kimdb::engine::Engine engine({.partitions = 4, .hash_seed = 1});
  Lsn last = 0;
  const auto recovered =
      wal::recover(**directory, {}, [&](std::span<const wal::RecordView> frame) -> kimdb::Status {
        for (const wal::RecordView& record : frame) {
          KIMDB_CHECK(record.lsn > last);
          last = record.lsn;
          if (sealed) KIMDB_CHECK(records.contains(std::string(record.bytes)));
          if (asks_for_much_memory(record.bytes)) continue;
          if (kimdb::Status restored = engine.restore(record.lsn, record.bytes);
              !restored.has_value())
            return restored;
        }
        return {};
      });
  if (recovered) {
    KIMDB_CHECK(recovered->last_lsn() == last);
  } else {
    KIMDB_CHECK(!recovered.error().message.empty());
  }
  return 0;
}
