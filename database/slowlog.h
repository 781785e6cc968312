// The last commands that took longer than a threshold, newest first. Thread-safe; asked only for
// commands that were slow.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/cycles.h"
#include "base/mutex.h"
#include "database/command.h"

namespace kimdb::database {

class Slowlog {
 public:
  struct Entry {
    std::uint64_t id = 0;
    std::int64_t time_ms = 0;        // Unix ms, when it ended
    std::uint64_t duration_us = 0;   // of the execution alone
    std::vector<std::string> words;  // shortened as Redis does: 32 words of 128 bytes
    std::string address;
    std::string name;
  };

  Slowlog(std::chrono::microseconds threshold, std::size_t entries) : entries_max_(entries) {
    set_threshold(threshold);
  }

  // Negative: nothing is slow.
  void set_threshold(std::chrono::microseconds threshold) {
    threshold_ticks_ = threshold.count() < 0
                           ? ~std::uint64_t{0}
                           : static_cast<std::uint64_t>(static_cast<double>(threshold.count()) *
                                                        cycles_per_microsecond());
  }
  void set_entries_max(std::size_t entries);
  bool slow(std::uint64_t ticks) const {
    return ticks >= threshold_ticks_.load(std::memory_order_relaxed);
  }

  void add(std::int64_t time_ms, std::uint64_t duration_us, Words words, std::string address,
           std::string name);
  std::vector<Entry> newest(std::size_t count) const;
  std::size_t size() const;
  void clear();

 private:
  std::atomic<std::uint64_t> threshold_ticks_{0};
  mutable Mutex mutex_;
  std::size_t entries_max_ GUARDED_BY(mutex_);
  std::uint64_t next_id_ GUARDED_BY(mutex_) = 0;
  std::deque<Entry> entries_ GUARDED_BY(mutex_);  // newest first
};

}  // namespace kimdb::database
