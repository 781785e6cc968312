#include "protocol/numbers.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace kimdb::protocol {

TEST_CASE("an integer is read in its canonical form only") {
  CHECK(parse_integer("0") == 0);
  CHECK(parse_integer("-1") == -1);
  CHECK(parse_integer("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK(parse_integer("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  for (const char* text : {"", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1.0", "1e3", "0x10", "a",
                           "9223372036854775808", "-9223372036854775809", "99999999999999999999",
                           "123456789012345678901"}) {
    INFO(text);
    CHECK(!parse_integer(text));
  }
}

TEST_CASE("a double is read as strtod does, to its end") {
  CHECK(parse_double("3.5") == 3.5);
  CHECK(parse_double("-1e3") == -1000.0);
  CHECK(parse_double("+2") == 2.0);
  CHECK(parse_double("0x10") == 16.0);
  CHECK(parse_double("inf") == std::numeric_limits<double>::infinity());
  for (const char* text : {"", " 1", "1 ", "abc", "1.5x", "nan", "1e999", "1e-999", "--1"}) {
    INFO(text);
    CHECK(!parse_double(text));
  }
  CHECK(!parse_double(std::string_view("1\0002", 3)));
  CHECK(!parse_long_double(std::string(6000, '1')));
}

TEST_CASE("INCRBYFLOAT's results are printed as Redis prints them") {
  const auto sum = [](std::string_view a, std::string_view b) {
    return format_long_double(*parse_long_double(a) + *parse_long_double(b));
  };
  CHECK(sum("10.50", "0.1") == "10.6");
  CHECK(sum("5.0e3", "2.0e2") == "5200");
  CHECK(sum("0.1", "0.2") == "0.3");
  CHECK(sum("3", "-3") == "0");
  CHECK(sum("-0.0", "-0.0") == "0");
  CHECK(sum("1e20", "0") == "100000000000000000000");
  CHECK(sum("1e-18", "0") == "0");
  CHECK(sum("-1e-17", "0") == "-0.00000000000000001");
  CHECK(format_long_double(-std::numeric_limits<long double>::infinity()) == "-inf");
}

TEST_CASE("doubles are printed with 17 digits, as Redis 7.0 does") {
  CHECK(format_double(3.14) == "3.1400000000000001");
  CHECK(format_double(3.141) == "3.141");
  CHECK(format_double(100) == "100");
  CHECK(format_double(1e300) == "1.0000000000000001e+300");
  CHECK(format_double(-std::numeric_limits<double>::infinity()) == "-inf");
  CHECK(format_double(std::numeric_limits<double>::quiet_NaN()) == "nan");
}

TEST_CASE("integers are written in full range") {
  char buffer[kIntegerBytesMax];
  const auto written = [&](std::int64_t value) {
    return std::string(buffer, write_integer(buffer, value));
  };
  CHECK(written(0) == "0");
  CHECK(written(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
}

}  // namespace kimdb::protocol
