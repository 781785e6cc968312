// The randomness seam: 64 random bits at a time. Tests give a seeded one and print the seed.
#pragma once

#include <cstdint>

namespace kimdb {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t
  next() = 0;  // uniform over 64 bits; thread-safe only where the class says so

  // Uniform in [0, bound), bound > 0. The bias of the multiplication is below bound / 2^64.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }
};

// The kernel's randomness (getrandom). Thread-safe.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
};

// xoshiro256** by Blackman and Vigna (https://prng.di.unimi.it/), seeded through splitmix64. One
// thread.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  std::uint64_t next() override;

 private:
  std::uint64_t state_[4];
};

}  // namespace kimdb
