// A clock that a test sets.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace kimdb::support {

class ManualClock final : public Clock {
 public:
  std::int64_t unix_ms() const override { return now_ms_.load(); }
  std::int64_t monotonic_ns() const override { return now_ms_.load() * 1000000; }
  void set(std::int64_t ms) { now_ms_ = ms; }
  void advance(std::int64_t ms) { now_ms_ += ms; }

 private:
  std::atomic<std::int64_t> now_ms_{1'790'000'000'000};
};

}  // namespace kimdb::support
