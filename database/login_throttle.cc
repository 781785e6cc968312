#include "database/login_throttle.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace kimdb::database {
namespace {

using std::chrono::milliseconds;

// Failures beyond this change nothing any more, so that the way back takes minutes, not days.
constexpr unsigned kFailuresMax = 16;
// How soon to ask again while other attempts of the address are still being checked.
constexpr milliseconds kWhileRunning{100};

std::int64_t ns(milliseconds duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

// IPv6 by its first 64 bits, an IPv4 address written as IPv6 as IPv4, anything else as it is.
std::string counted_as(std::string_view address) {
  std::string text(address.substr(0, 64));
  in6_addr v6;
  if (inet_pton(AF_INET6, text.substr(0, text.find('%')).c_str(), &v6) != 1) return text;
  char written[INET6_ADDRSTRLEN];
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    return inet_ntop(AF_INET, v6.s6_addr + 12, written, sizeof written);
  }
  std::memset(v6.s6_addr + 8, 0, 8);
  return inet_ntop(AF_INET6, &v6, written, sizeof written);
}

}  // namespace

LoginThrottle::LoginThrottle(const Clock& clock, Options options)
    : clock_(clock), options_(options) {}

milliseconds LoginThrottle::begin(std::string_view address) {
  MutexLock lock(mutex_);
  Entry& entry = seen(counted_as(address));
  const std::int64_t now_ns = clock_.monotonic_ns();
  forget(entry, now_ns);
  if (now_ns < entry.not_before_ns) {
    return std::chrono::ceil<milliseconds>(std::chrono::nanoseconds(entry.not_before_ns - now_ns));
  }
  const bool free = entry.failures < options_.free_failures;
  if (entry.running >= (free ? options_.max_concurrent : 1)) return kWhileRunning;
  ++entry.running;
  return milliseconds(0);
}

void LoginThrottle::failed(std::string_view address) {
  MutexLock lock(mutex_);
  Entry& entry = seen(counted_as(address));
  const std::int64_t now_ns = clock_.monotonic_ns();
  forget(entry, now_ns);
  if (entry.running > 0) --entry.running;
  if (entry.failures == 0) entry.counted_ns = now_ns;
  entry.failures = std::min(entry.failures + 1, kFailuresMax);
  if (entry.failures < options_.free_failures) return;
  const unsigned doublings = entry.failures - options_.free_failures;
  const std::int64_t delay_ns =
      std::min(ns(options_.first_delay) << doublings, ns(options_.max_delay));
  entry.not_before_ns = now_ns + delay_ns;
}

void LoginThrottle::succeeded(std::string_view address) {
  MutexLock lock(mutex_);
  const auto found = by_address_.find(counted_as(address));
  if (found == by_address_.end()) return;
  Entry& entry = *found->second;
  forget(entry, clock_.monotonic_ns());
  if (entry.running > 0) --entry.running;
  if (entry.running > 0 || entry.failures > 0) return;
  entries_.erase(found->second);
  by_address_.erase(found);
}

std::size_t LoginThrottle::addresses() const {
  MutexLock lock(mutex_);
  return entries_.size();
}

LoginThrottle::Entry& LoginThrottle::seen(const std::string& address) {
  const auto found = by_address_.find(address);
  if (found != by_address_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return entries_.front();
  }
  if (entries_.size() >= options_.max_addresses) {
    by_address_.erase(entries_.back().address);
    entries_.pop_back();
  }
  entries_.push_front({.address = address});
  by_address_.emplace(address, entries_.begin());
  return entries_.front();
}

void LoginThrottle::forget(Entry& entry, std::int64_t now_ns) const {
  const std::int64_t each_ns = ns(options_.forget_after);
  const std::int64_t count = (now_ns - entry.counted_ns) / each_ns;
  if (count >= entry.failures) {
    entry.failures = 0;
    entry.counted_ns = now_ns;
  } else {
    entry.failures -= static_cast<unsigned>(count);
    entry.counted_ns += count * each_ns;
  }
}

}  // namespace kimdb::database
