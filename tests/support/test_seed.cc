#include "tests/support/test_seed.h"

#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

namespace kimdb::support {

std::uint64_t environment_number(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return otherwise;
  const std::string_view digits = text;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    throw std::runtime_error(std::string(name) + " is not a number: " + text);
  }
  return value;
}

std::uint64_t test_seed(const char* test_name) {
  std::random_device device;
  const std::uint64_t drawn = (static_cast<std::uint64_t>(device()) << 32) | device();
  const std::uint64_t seed = environment_number("KIMDB_SEED", drawn);
  std::printf("%s: KIMDB_SEED=%" PRIu64 "\n", test_name, seed);
  std::fflush(stdout);
  return seed;
}

}  // namespace kimdb::support
