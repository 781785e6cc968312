// Requests that wait for something to happen elsewhere, without a thread of their own: for slaves
// to acknowledge, for a slave to apply.
//
// Owned by Database. Thread-safe. No lock is held while a waiter's functions are called.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/mutex.h"

namespace kimdb::database {

// What a request waits for.
struct Wait {
  std::function<bool()> is_over;
  std::chrono::milliseconds limit{0};  // 0: none
};

class Waiters {
 public:
  // `then` is called once: when the wait is over, its time is, or it is cancelled. `owner` is for
  // cancel().
  void add(const void* owner, Wait wait, std::int64_t now_ns, std::function<void()> then);
  // The owner's waits are over with the next check(): all, or those without a limit.
  enum class Cancel { all, endless };
  void cancel(const void* owner, Cancel which);
  // Looks at everybody. Called after anything that somebody may wait for, and from time to time.
  void check(std::int64_t now_ns);
  bool empty() const { return count_.load(std::memory_order_acquire) == 0; }

 private:
  struct Waiter {
    const void* owner;
    std::function<bool()> is_over;
    std::int64_t deadline_ns;
    std::function<void()> then;
    std::atomic<bool> cancelled{false};
  };

  // False where another check() has taken it.
  bool take(const std::shared_ptr<Waiter>& waiter);

  std::atomic<std::size_t> count_{0};
  Mutex mutex_;
  std::vector<std::shared_ptr<Waiter>> waiters_ GUARDED_BY(mutex_);
};

}  // namespace kimdb::database
