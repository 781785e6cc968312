#include "base/crc32c.h"

#include <doctest/doctest.h>

#include <string>

#include "base/random.h"
#include "tests/support/test_seed.h"

namespace kimdb {
namespace {

std::string random_bytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.next());
  return bytes;
}

TEST_CASE("CRC32C gives the values of RFC 3720") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xE3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AA);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62A8AB43);
  std::string rising(32, '\0');
  for (int i = 0; i < 32; ++i) rising[static_cast<std::size_t>(i)] = static_cast<char>(i);
  CHECK(crc32c(rising) == 0x46DD794E);
}

TEST_CASE("the processor's CRC32C and the tables agree at every length and alignment") {
  SeededRandom random(support::test_seed("crc32c"));
  const std::string bytes = random_bytes(random, 40000);
  for (int i = 0; i < 2000; ++i) {
    const std::size_t offset = random.below(64);
    const std::size_t size =
        i < 300 ? static_cast<std::size_t>(i) : random.below(bytes.size() - 64);
    const auto start = static_cast<std::uint32_t>(random.next());
    const std::string_view part = std::string_view(bytes).substr(offset, size);
    REQUIRE(crc32c_extend(start, part) == crc32c_extend_portable(start, part));
  }
}

TEST_CASE("a CRC goes on where it stopped, and two CRCs combine to that of both parts") {
  SeededRandom random(support::test_seed("crc32c combine"));
  const std::string bytes = random_bytes(random, 20000);
  for (int i = 0; i < 500; ++i) {
    const std::size_t split = random.below(bytes.size() + 1);
    const std::string first = bytes.substr(0, split), second = bytes.substr(split);
    REQUIRE(crc32c_extend(crc32c(first), second) == crc32c(bytes));
    REQUIRE(crc32c_combine(crc32c(first), crc32c(second), second.size()) == crc32c(bytes));
  }
}

}  // namespace
}  // namespace kimdb
