// How many requests somebody may send: a rate for each, a second's worth of which may come at once
// (the generic cell rate algorithm, GCRA, of ITU-T I.371).
//
// Thread-safe. Reads no clock. Remembers who has sent something in the last second.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/mutex.h"

namespace kimdb::server {

class RateLimiter {
 public:
  // Requests a second; 0: any number.
  void set_rate(std::uint64_t rate) { rate_.store(rate, std::memory_order_relaxed); }
  bool limits() const { return rate_.load(std::memory_order_relaxed) != 0; }

  // Zero: the request may be served. Else it counts for nothing, and may come again after this
  // time. `now_ms` does not go back.
  std::chrono::milliseconds take(std::string_view who, std::int64_t now_ms);

  std::size_t remembered() const;

 private:
  void forget_idle(std::int64_t now_us) REQUIRES(mutex_);

  std::atomic<std::uint64_t> rate_{0};
  mutable Mutex mutex_;
  // When all that somebody has sent were served at the rate, in microseconds.
  std::map<std::string, std::int64_t, std::less<>> served_us_ GUARDED_BY(mutex_);
  std::int64_t swept_us_ GUARDED_BY(mutex_) = 0;
};

}  // namespace kimdb::server
