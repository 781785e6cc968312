#include "database/statistics.h"

namespace kimdb::database {

ThreadStatistics* Statistics::add_thread() {
  MutexLock lock(mutex_);
  threads_.push_back(std::make_unique<ThreadStatistics>(commands_));
  return threads_.back().get();
}

std::vector<CommandCounters> Statistics::raw_sum() const {
  std::vector<CommandCounters> sum(commands_);
  for (const auto& thread : threads_) {
    for (std::size_t i = 0; i < commands_; ++i) {
      sum[i].calls += thread->commands_[i].calls.load(std::memory_order_relaxed);
      sum[i].ticks += thread->commands_[i].ticks.load(std::memory_order_relaxed);
      sum[i].rejected += thread->commands_[i].rejected.load(std::memory_order_relaxed);
      sum[i].failed += thread->commands_[i].failed.load(std::memory_order_relaxed);
    }
  }
  return sum;
}

std::vector<CommandCounters> Statistics::sum() const {
  MutexLock lock(mutex_);
  std::vector<CommandCounters> sum = raw_sum();
  for (std::size_t i = 0; i < base_.size(); ++i) {
    sum[i].calls -= base_[i].calls;
    sum[i].ticks -= base_[i].ticks;
    sum[i].rejected -= base_[i].rejected;
    sum[i].failed -= base_[i].failed;
  }
  return sum;
}

Statistics::Totals Statistics::totals() const {
  Totals totals;
  for (const CommandCounters& counters : sum()) {
    totals.commands += counters.calls;
    totals.errors += counters.failed + counters.rejected;
  }
  MutexLock lock(mutex_);
  for (const auto& thread : threads_) {
    totals.hits += thread->hits_.load(std::memory_order_relaxed);
    totals.misses += thread->misses_.load(std::memory_order_relaxed);
  }
  totals.hits -= base_hits_;
  totals.misses -= base_misses_;
  return totals;
}

void Statistics::reset() {
  const Totals now = totals();
  MutexLock lock(mutex_);
  base_ = raw_sum();
  base_hits_ += now.hits;
  base_misses_ += now.misses;
  expired = 0;
  evicted = 0;
}

}  // namespace kimdb::database
