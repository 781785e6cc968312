// The hash of keys: XXH3 with a seed drawn at random for each process, since keys come from
// strangers.
//
// Its bits are used for different things, which therefore do not depend on each other:
//   highest bits     the partition (Engine), at most 12
//   below them       the order within a table: its segment and group (engine/segment.h), at most 36
//   bits 0 to 6      the fingerprint in a group's control bytes
#pragma once

#include <cstdint>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kimdb::engine {

class Hasher {
 public:
  explicit Hasher(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t operator()(std::string_view key) const {
    return XXH3_64bits_withSeed(key.data(), key.size(), seed_);
  }

 private:
  std::uint64_t seed_;
};

}  // namespace kimdb::engine
