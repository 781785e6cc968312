#include "base/utf8.h"

#include <doctest/doctest.h>

namespace kimdb {

TEST_CASE("UTF-8 is what Unicode says it is") {
  CHECK(is_utf8("aé€😀"));
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98"}) {
    // Wherever it stands.
    for (std::size_t before = 0; before < 20; ++before)
      for (const std::size_t behind : {0, 1, 8, 20})
        CHECK(!is_utf8(std::string(before, 'a') + bad + std::string(behind, 'z')));
  }
}

TEST_CASE("every code point that may be written is read back as one character") {
  for (std::uint32_t point = 0; point < 0x110000; ++point) {
    if (point >= 0xd800 && point < 0xe000) continue;
    std::string text;
    append_utf8(text, point);
    REQUIRE(utf8_length(text, 0) == text.size());
  }
}

TEST_CASE("a JSON string escapes what JSON does not take, and nothing else") {
  std::string out;
  append_json_string(out, "a\"b\\c\n\r\t\x01\x1f/é");
  CHECK(out == "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f/é\"");
}

}  // namespace kimdb
