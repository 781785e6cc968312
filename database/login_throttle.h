// Slows down the guessing of passwords, per address.
//
// An address may fail a few times for free; after that each failure doubles the time until its next
// attempt is looked at, up to a limit. A failure is forgotten after a minute. A success takes
// nothing back: whoever owns one account could otherwise wipe out his guesses at another. Attempts
// that run at the same time are counted too, so that a hundred connections do not give a hundred
// guesses before the first one has failed.
//
// IPv6 addresses count by their first 64 bits: that much belongs to one customer. Memory is
// bounded; the address that was seen longest ago makes room. Owned by Database. Thread-safe. Reads
// the clock, starts nothing, waits for nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/mutex.h"

namespace kimdb::database {

struct LoginThrottleOptions {
  unsigned free_failures = 3;
  std::chrono::milliseconds first_delay{500};
  std::chrono::milliseconds max_delay = std::chrono::seconds(30);
  std::chrono::milliseconds forget_after = std::chrono::minutes(1);  // one failure each
  unsigned max_concurrent = 64;  // attempts of one address that has free failures left
  std::size_t max_addresses = 10'000;
};

class LoginThrottle {
 public:
  using Options = LoginThrottleOptions;

  explicit LoginThrottle(const Clock& clock, Options options = {});

  // Zero: check the password now, then call failed() or succeeded() once. Otherwise how long to
  // wait before asking again; the attempt has not begun. `address` is an IP address without a port;
  // other text counts as it is.
  std::chrono::milliseconds begin(std::string_view address);
  void failed(std::string_view address);
  void succeeded(std::string_view address);

  std::size_t addresses() const;  // remembered now

 private:
  struct Entry {
    std::string address;
    unsigned failures = 0;
    unsigned running = 0;
    std::int64_t not_before_ns = 0;
    std::int64_t counted_ns = 0;  // failures is right as of this time
  };
  using Entries = std::list<Entry>;  // seen last at the front

  Entry& seen(const std::string& address) REQUIRES(mutex_);
  void forget(Entry& entry, std::int64_t now_ns) const;

  const Clock& clock_;
  const Options options_;
  mutable Mutex mutex_;
  Entries entries_ GUARDED_BY(mutex_);
  // A tree, not a hash table: addresses come from strangers.
  std::map<std::string, Entries::iterator, std::less<>> by_address_ GUARDED_BY(mutex_);
};

}  // namespace kimdb::database
