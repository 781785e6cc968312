// The clock seam. Everything that needs the time takes a Clock&, so that tests can set it.
//
// Thread-safe. Unix time may jump; the monotonic clock does not.
#pragma once

#include <cstdint>

namespace kimdb {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t unix_ms() const = 0;
  virtual std::int64_t monotonic_ns() const = 0;
};

// The machine's clocks.
class SystemClock final : public Clock {
 public:
  std::int64_t unix_ms() const override;
  std::int64_t monotonic_ns() const override;
};

}  // namespace kimdb
