// What a serializable transaction has read, so that its commit can tell whether somebody has
// changed it since: single keys, ranges of keys, ranges of an index's keys. The ranges are
// predicates: a row that came into one counts as much as one that went out ("precision locking"; T.
// Neumann, T. Mühlbauer, A. Kemper: Fast Serializable Multi-Version Concurrency Control, SIGMOD
// 2015).
//
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/lsn.h"
#include "engine/engine.h"
#include "engine/index.h"
#include "engine/index_plan.h"

namespace kimdb::database {

class ReadSet {
 public:
  void add_key(std::uint8_t keyspace, std::string_view key) {
    if (!covers(keyspace, key)) keys_.emplace(keyspace, key);
  }
  // All keys with the prefix that lie in the range.
  void add_range(std::uint8_t keyspace, std::string_view prefix,
                 const engine::KeyRange& range = {});
  // All rows or documents that stand under keys of the index in the range.
  void add_index_range(engine::IndexPointer index, const engine::KeyRange& range);

  // All of the keyspace, and as it stands now rather than in the view: what comes and goes again
  // until the commit counts as well. For an answer that was due to what others had committed
  // meanwhile.
  void add_present(std::uint8_t keyspace) {
    add_range(keyspace, "");
    has_present_ = true;
  }
  bool has_present() const { return has_present_; }

  // Whether what was read as of the view is what stands now. The caller holds the locks of all
  // partitions.
  bool still_holds(engine::Engine& engine, const engine::ReadView& view) const;

  std::size_t bytes() const { return bytes_ + keys_.size() * 64; }

 private:
  struct Range {
    std::uint8_t keyspace = 0;
    std::string prefix;
    engine::KeyRange keys;
  };
  struct IndexRange {
    engine::IndexPointer index;
    engine::KeyRange keys;
  };

  // Whether a range holds the key.
  bool covers(std::uint8_t keyspace, std::string_view key) const;
  // Whether a range of an index holds the entry.
  bool indexes(std::uint8_t keyspace, const engine::Entry& entry) const;
  bool keys_hold(engine::Engine& engine, Lsn lsn) const;
  bool ranges_hold(engine::Partition& partition, Lsn lsn) const;

  std::set<std::pair<std::uint8_t, std::string>> keys_;
  std::vector<Range> ranges_;
  std::vector<IndexRange> index_ranges_;
  bool has_present_ = false;
  std::size_t bytes_ = 0;
};

}  // namespace kimdb::database
