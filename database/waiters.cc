#include "database/waiters.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace kimdb::database {
namespace {

constexpr std::int64_t kEndless = std::numeric_limits<std::int64_t>::max();

}  // namespace

void Waiters::add(const void* owner, Wait wait, std::int64_t now_ns, std::function<void()> then) {
  auto waiter = std::make_shared<Waiter>();
  waiter->owner = owner;
  waiter->is_over = std::move(wait.is_over);
  waiter->deadline_ns =
      wait.limit.count() == 0
          ? kEndless
          : now_ns + std::chrono::duration_cast<std::chrono::nanoseconds>(wait.limit).count();
  waiter->then = std::move(then);
  MutexLock lock(mutex_);
  waiters_.push_back(std::move(waiter));
  count_.store(waiters_.size(), std::memory_order_release);
}

void Waiters::cancel(const void* owner, Cancel which) {
  MutexLock lock(mutex_);
  for (const auto& waiter : waiters_)
    if (waiter->owner == owner && (which == Cancel::all || waiter->deadline_ns == kEndless))
      waiter->cancelled = true;
}

void Waiters::check(std::int64_t now_ns) {
  std::vector<std::shared_ptr<Waiter>> all;
  {
    MutexLock lock(mutex_);
    all = waiters_;
  }
  for (const auto& waiter : all)
    if ((waiter->cancelled || now_ns >= waiter->deadline_ns || waiter->is_over()) && take(waiter))
      waiter->then();
}

bool Waiters::take(const std::shared_ptr<Waiter>& waiter) {
  MutexLock lock(mutex_);
  const bool taken = std::erase(waiters_, waiter) != 0;
  count_.store(waiters_.size(), std::memory_order_release);
  return taken;
}

}  // namespace kimdb::database
