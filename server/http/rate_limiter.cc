#include "server/http/rate_limiter.h"

#include <algorithm>

namespace kimdb::server {

namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

}  // namespace

std::chrono::milliseconds RateLimiter::take(std::string_view who, std::int64_t now_ms) {
  const auto rate = static_cast<std::int64_t>(rate_.load(std::memory_order_relaxed));
  if (rate == 0) return {};
  const std::int64_t now_us = now_ms * 1000;
  const std::int64_t interval_us = std::max<std::int64_t>(1, kSecondUs / rate);
  MutexLock lock(mutex_);
  forget_idle(now_us);
  auto found = served_us_.find(who);
  if (found == served_us_.end()) found = served_us_.emplace(who, now_us).first;
  const std::int64_t served_us = std::max(found->second, now_us) + interval_us;
  const std::int64_t early_us = served_us - now_us - kSecondUs;
  if (early_us > 0) return std::chrono::milliseconds((early_us + 999) / 1000);
  found->second = served_us;
  return {};
}

void RateLimiter::forget_idle(std::int64_t now_us) {
  if (now_us - swept_us_ < kSecondUs) return;
  swept_us_ = now_us;
  std::erase_if(served_us_, [&](const auto& item) { return item.second <= now_us; });
}

std::size_t RateLimiter::remembered() const {
  MutexLock lock(mutex_);
  return served_us_.size();
}

}  // namespace kimdb::server
