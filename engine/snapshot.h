// Copying the state out, section by section, while writes go on; and loading it again.
//
//   section := (lsn varint, operation)*      see engine/mutation.h: put for entries, request and
//   dropped for clients
//
// Each section is copied under one partition's lock, for well below a millisecond. Sections are
// copied at different times, so together they are no state that ever was; with the records behind
// the LSN drawn last before the first section, up to the one drawn last after the last section,
// they are exactly the state at the latter (engine/engine.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/engine.h"

namespace kimdb::engine {

class SnapshotCopier {
 public:
  explicit SnapshotCopier(Engine& engine) : engine_(engine) {}

  // Appends the next section to `out`; false, and nothing appended, when there is no more.
  bool next_section(std::string& out);
  // The partition that it goes on in.
  std::size_t partition() const { return partition_; }

 private:
  // What one call copies at most; one entry that is larger goes alone.
  static constexpr std::size_t kSectionBytes = 64 << 10;
  static constexpr std::size_t kSectionGroups = 512;

  // Copies on in a partition, until the section from `start` on is large enough; false: until its
  // end.
  bool copy_entries(const Partition& partition, std::string& out, std::size_t start);
  bool copy_requests(const Partition& partition, std::string& out, std::size_t start);

  Engine& engine_;
  std::size_t partition_ = 0;
  std::uint8_t keyspace_ = 0;
  EntryTable::Position position_ = EntryTable::kBegin;
  std::optional<std::string> client_;  // the last one copied
};

// Loads a section into the engine. Takes the locks of the partitions, so that several threads may
// load sections of one snapshot at the same time.
Status restore_section(Engine& engine, std::string_view section);

}  // namespace kimdb::engine
