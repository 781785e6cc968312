// Counters of commands, one set for each thread that executes, so that counting shares no cache
// line; summed on demand.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration_histogram.h"
#include "base/mutex.h"

namespace kimdb::database {

struct CommandCounters {
  std::uint64_t calls = 0;
  std::uint64_t ticks = 0;              // base/cycles.h
  std::uint64_t rejected = 0;           // refused before execution
  std::uint64_t failed = 0;             // answered by an error
  DurationHistogram::Counts durations;  // of the calls
};

// Written by one thread, read by any.
class ThreadStatistics {
 public:
  explicit ThreadStatistics(std::size_t commands) : commands_(commands) {}

  void executed(std::size_t command, std::uint64_t ticks, bool failed) {
    commands_[command].durations.add(ticks);
    if (failed) raise(commands_[command].failed, 1);
  }
  void rejected(std::size_t command) { raise(commands_[command].rejected, 1); }
  void looked_up(bool found) { raise(found ? hits_ : misses_, 1); }

 private:
  friend class Statistics;
  using Counter = std::atomic<std::uint64_t>;
  struct Counters {
    DurationHistogram durations;
    Counter rejected{0}, failed{0};
  };
  static void raise(Counter& counter, std::uint64_t by) {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  std::vector<Counters> commands_;
  Counter hits_{0}, misses_{0};
};

class Statistics {
 public:
  explicit Statistics(std::size_t commands) : commands_(commands) {}

  // Counters for one more thread; they live as long as this object. Thread-safe, as are the rest.
  ThreadStatistics* add_thread();
  std::vector<CommandCounters> sum() const;
  struct Totals {
    std::uint64_t commands = 0, hits = 0, misses = 0, errors = 0, expired = 0, evicted = 0;
  };
  Totals totals() const;
  // The same since the start, whatever was reset: for who computes differences himself.
  std::vector<CommandCounters> sum_since_start() const;
  Totals totals_since_start() const;
  // Errors that were answered, by their code ("ERR", "WRONGTYPE"), since the start.
  std::map<std::string, std::uint64_t, std::less<>> errors_since_start() const;
  void answered_error(std::string_view code);
  // Counts from here on (CONFIG RESETSTAT).
  void reset();

  std::atomic<std::uint64_t> expired{0};
  std::atomic<std::uint64_t> evicted{0};

 private:
  std::vector<CommandCounters> raw_sum() const REQUIRES(mutex_);
  Totals raw_totals() const REQUIRES(mutex_);

  const std::size_t commands_;
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<ThreadStatistics>> threads_ GUARDED_BY(mutex_);
  std::vector<CommandCounters> base_ GUARDED_BY(mutex_);  // what reset() found
  Totals base_totals_ GUARDED_BY(mutex_);
  mutable Mutex errors_mutex_;
  std::map<std::string, std::uint64_t, std::less<>> errors_ GUARDED_BY(errors_mutex_);
};

}  // namespace kimdb::database
