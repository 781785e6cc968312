// A cheap monotonic tick for timing what takes less than a microsecond: the processor's time stamp
// counter where there is one, else the monotonic clock in nanoseconds. For statistics and the slow
// log only, never for decisions.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#else
#include <chrono>
#endif

namespace kimdb {

inline std::uint64_t cycles_now() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

// Ticks in a microsecond, measured once at the first call (which takes about 10 ms).
double cycles_per_microsecond();

}  // namespace kimdb
