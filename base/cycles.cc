#include "base/cycles.h"

#include <chrono>
#include <thread>

namespace kimdb {

double cycles_per_microsecond() {
  static const double measured = [] {
    const auto time = std::chrono::steady_clock::now();
    const std::uint64_t ticks = cycles_now();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const std::uint64_t passed = cycles_now() - ticks;
    const std::chrono::duration<double, std::micro> real = std::chrono::steady_clock::now() - time;
    return static_cast<double>(passed) / real.count();
  }();
  return measured;
}

}  // namespace kimdb
