// The seed and the time of random tests.
//
// A random test draws everything from one seed, prints it, and takes it back: KIMDB_SEED=17 repeats
// a run. KIMDB_TEST_SECONDS says how long such a test goes on; tools/proof.sh raises it.
#pragma once

#include <chrono>
#include <cstdint>

namespace kimdb::support {

// KIMDB_SEED, or else a new one; printed with the name of the test either way.
std::uint64_t test_seed(const char* test_name);

// A positive number from the environment, else `otherwise`. Throws where it is set and no number.
std::uint64_t environment_number(const char* name, std::uint64_t otherwise);

// The time from which a random test ends: KIMDB_TEST_SECONDS, else `default_seconds`, from now.
class TestDeadline {
 public:
  explicit TestDeadline(std::uint64_t default_seconds)
      : end_(std::chrono::steady_clock::now() +
             std::chrono::seconds(environment_number("KIMDB_TEST_SECONDS", default_seconds))) {}

  bool passed() const { return std::chrono::steady_clock::now() >= end_; }

 private:
  std::chrono::steady_clock::time_point end_;
};

}  // namespace kimdb::support
