// How long something took, counted in buckets, for statistics. One thread adds at a time, any
// thread reads; adding is a few instructions (base/cycles.h).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "base/cycles.h"

namespace kimdb {

class DurationHistogram {
 public:
  // What the buckets hold at most, in seconds; one more bucket holds the rest.
  static constexpr std::array<double, 18> kBounds = {1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5,
                                                     1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3,
                                                     1e-2, 5e-2, 1e-1, 5e-1, 1,    10};

  struct Counts {
    std::array<std::uint64_t, kBounds.size() + 1> buckets{};
    std::uint64_t ticks = 0;  // of all together

    std::uint64_t total() const {
      return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
    }
    double seconds() const { return static_cast<double>(ticks) / cycles_per_microsecond() / 1e6; }
  };

  // Most of what is measured is in the first buckets.
  void add(std::uint64_t ticks) {
    const auto& bounds = bounds_in_ticks();
    std::size_t bucket = 0;
    while (bucket < bounds.size() && ticks > bounds[bucket]) ++bucket;
    raise(buckets_[bucket], 1);
    raise(ticks_, ticks);
  }
  void add_to(Counts& counts) const {
    for (std::size_t i = 0; i < buckets_.size(); ++i)
      counts.buckets[i] += buckets_[i].load(std::memory_order_relaxed);
    counts.ticks += ticks_.load(std::memory_order_relaxed);
  }

 private:
  using Counter = std::atomic<std::uint64_t>;
  static void raise(Counter& counter, std::uint64_t by) {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  static const std::array<std::uint64_t, kBounds.size()>& bounds_in_ticks() {
    static const auto kTicks = [] {
      std::array<std::uint64_t, kBounds.size()> ticks{};
      for (std::size_t i = 0; i < ticks.size(); ++i)
        ticks[i] = static_cast<std::uint64_t>(kBounds[i] * 1e6 * cycles_per_microsecond());
      return ticks;
    }();
    return kTicks;
  }

  Counter ticks_{0};
  std::array<Counter, kBounds.size() + 1> buckets_{};
};

}  // namespace kimdb
