#include "base/units.h"

#include <doctest/doctest.h>

#include "base/address.h"
#include "base/random.h"
#include "tests/support/test_seed.h"

namespace kimdb {
namespace {

using std::chrono::microseconds;

bool size_is(std::string_view text, std::uint64_t bytes) {
  const auto size = parse_size(text);
  return size && *size == bytes;
}

bool duration_is(std::string_view text, std::int64_t us) {
  const auto duration = parse_duration(text);
  return duration && duration->count() == us;
}

TEST_CASE("sizes take 1024 as a kilobyte, in any case, with either name of the unit") {
  CHECK(size_is("0", 0));
  CHECK(size_is("4096", 4096));
  CHECK(size_is("1B", 1));
  CHECK(size_is("4KB", 4096));
  CHECK(size_is("4kb", 4096));
  CHECK(size_is("4KiB", 4096));
  CHECK(size_is("4k", 4096));
  CHECK(size_is("10MB", 10 << 20));
  CHECK(size_is("2 GB", std::uint64_t{2} << 30));
  CHECK(size_is("9223372036854775807", 9223372036854775807u));
}

TEST_CASE("what is not a size is refused, never misread") {
  for (const char* text : {"", "KB", "-1", "+1", "1.5MB", "1TB", "1KBs", "0x10", "1 2", "1K B",
                           "9223372036854775808", "8589934592GB", "99999999999999999999999B"}) {
    CAPTURE(text);
    const auto size = parse_size(text);
    REQUIRE_FALSE(size);
    CHECK(size.error().code == ErrorCode::invalid_argument);
  }
  CHECK(parse_size("10XB").error().message == "unknown unit of size (known: B, KB, MB, GB)");
}

TEST_CASE("durations add up their parts, which may be fractions") {
  CHECK(duration_is("0", 0));
  CHECK(duration_is("10ms", 10'000));
  CHECK(duration_is("5m", 300'000'000));
  CHECK(duration_is("1m30s", 90'000'000));
  CHECK(duration_is("1h", 3'600'000'000));
  CHECK(duration_is("1H 30M", 5'400'000'000));
  CHECK(duration_is("1.5s", 1'500'000));
  CHECK(duration_is("0.25ms", 250));
  CHECK(duration_is("2.50h", 9'000'000'000));
  CHECK(duration_is("7us", 7));
}

TEST_CASE(
    "a duration without a unit is refused, because it would mean something else to everybody") {
  CHECK(parse_duration("5").error().message == "the unit is missing (ms, s, m or h)");
  CHECK_FALSE(parse_duration("5m30"));
}

TEST_CASE("what is not a duration is refused") {
  for (const char* text :
       {"", "s", "-1s", "1d", "1.s", ".5s", "1..5s", "1.0000001s", "0.1us", "2501999792984h",
        "9007199254740993us", "18446744073709551616ms", "5m-1s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("numbers are decimal digits and fit 64 bits") {
  CHECK(*parse_integer("18446744073709551615") == 18446744073709551615u);
  for (const char* text : {"", " 1", "1 ", "-1", "+1", "1e3", "18446744073709551616"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_integer(text));
  }
}

TEST_CASE("values are written the short way people write them") {
  CHECK(format_size(0) == "0");
  CHECK(format_size(1000) == "1000B");
  CHECK(format_size(4096) == "4KB");
  CHECK(format_size(10 << 20) == "10MB");
  CHECK(format_size(1536 << 20) == "1536MB");
  CHECK(format_duration(microseconds(0)) == "0");
  CHECK(format_duration(microseconds(10'000)) == "10ms");
  CHECK(format_duration(microseconds(90'000'000)) == "1m30s");
  CHECK(format_duration(microseconds(3'600'000'001)) == "1h1us");
}

TEST_CASE("any size and duration reads back as what was written") {
  SeededRandom random(support::test_seed("units round trip"));
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t bytes = random.below(1ull << 63) >> random.below(63);
    CAPTURE(bytes);
    CHECK(size_is(format_size(bytes), bytes));
    const std::uint64_t us = random.below(1ull << 53) >> random.below(53);
    CAPTURE(us);
    CHECK(duration_is(format_duration(microseconds(us)), static_cast<std::int64_t>(us)));
  }
}

TEST_CASE("addresses are host and port, IPv6 in brackets, an empty host for every interface") {
  CHECK(*parse_address("127.0.0.1:3223") == Address{"127.0.0.1", 3223});
  CHECK(*parse_address("db-1.example.org:1") == Address{"db-1.example.org", 1});
  CHECK(*parse_address("[::1]:65535") == Address{"::1", 65535});
  CHECK(*parse_address(":3223") == Address{"", 3223});
  for (const char* text : {"", "3223", "host", "host:", "host:65536", "host:-1", "::1:3223",
                           "[::1]", "[::1:3223", "[]:1", "[1.2.3.4]:1", "a b:1", "a/b:1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_address(text));
  }
  for (const char* text : {"127.0.0.1:3223", "[::1]:1", ":3223"}) {
    CHECK(to_string(*parse_address(text)) == text);
  }
}

TEST_CASE("only what never leaves this machine is loopback") {
  for (const char* text : {"127.0.0.1:1", "127.255.0.9:1", "[::1]:1", "localhost:1"}) {
    CAPTURE(text);
    CHECK(is_loopback(*parse_address(text)));
  }
  for (const char* text : {":1", "0.0.0.0:1", "[::]:1", "128.0.0.1:1", "localhost.example.org:1",
                           "127.0.0.1.example.org:1", "[::ffff:127.0.0.1]:1"}) {
    CAPTURE(text);
    CHECK_FALSE(is_loopback(*parse_address(text)));
  }
}

}  // namespace
}  // namespace kimdb
