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
      thread->commands_[i].durations.add_to(sum[i].durations);
      sum[i].rejected += thread->commands_[i].rejected.load(std::memory_order_relaxed);
      sum[i].failed += thread->commands_[i].failed.load(std::memory_order_relaxed);
    }
  }
  for (CommandCounters& counters : sum) {
    counters.calls = counters.durations.total();
    counters.ticks = counters.durations.ticks;
  }
  return sum;
}

std::vector<CommandCounters> Statistics::sum_since_start() const {
  MutexLock lock(mutex_);
  return raw_sum();
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

Statistics::Totals Statistics::raw_totals() const {
  Totals totals;
  for (const CommandCounters& counters : raw_sum()) {
    totals.commands += counters.calls;
    totals.errors += counters.failed + counters.rejected;
  }
  for (const auto& thread : threads_) {
    totals.hits += thread->hits_.load(std::memory_order_relaxed);
    totals.misses += thread->misses_.load(std::memory_order_relaxed);
  }
  totals.expired = expired.load(std::memory_order_relaxed);
  totals.evicted = evicted.load(std::memory_order_relaxed);
  return totals;
}

Statistics::Totals Statistics::totals_since_start() const {
  MutexLock lock(mutex_);
  return raw_totals();
}

Statistics::Totals Statistics::totals() const {
  MutexLock lock(mutex_);
  Totals totals = raw_totals();
  totals.commands -= base_totals_.commands;
  totals.errors -= base_totals_.errors;
  totals.hits -= base_totals_.hits;
  totals.misses -= base_totals_.misses;
  totals.expired -= base_totals_.expired;
  totals.evicted -= base_totals_.evicted;
  return totals;
}

void Statistics::reset() {
  MutexLock lock(mutex_);
  base_ = raw_sum();
  base_totals_ = raw_totals();
}

void Statistics::answered_error(std::string_view code) {
  constexpr std::size_t kCodesMax = 64;
  MutexLock lock(errors_mutex_);
  auto found = errors_.find(code);
  if (found == errors_.end())
    found = errors_.try_emplace(errors_.size() < kCodesMax ? std::string(code) : "ERR").first;
  ++found->second;
}

std::map<std::string, std::uint64_t, std::less<>> Statistics::errors_since_start() const {
  MutexLock lock(errors_mutex_);
  return errors_;
}

}  // namespace kimdb::database
