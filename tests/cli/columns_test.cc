#include "cli/columns.h"

#include <doctest/doctest.h>

namespace kimdb::cli {
namespace {

TEST_CASE("text is as wide as a terminal shows it, whatever the locale") {
  CHECK(columns("") == 0);
  CHECK(columns("abc") == 3);
  CHECK(columns("김하나") == 6);
  CHECK(columns("Ａ漢、") == 6);
  CHECK(columns("é") == 1);
  CHECK(columns("e\xcc\x81") == 1);                 // with an accent of its own
  CHECK(columns("\xe1\x84\x80\xe1\x85\xa1") == 2);  // 가 as two letters, as macOS writes it
  CHECK(columns("\xf0\x9f\x98\x80") == 2);          // an emoji
  CHECK(columns("\xff\xea\xb0") == 3);              // no UTF-8
}

TEST_CASE("no character is cut in two") {
  CHECK(fitting("김하나", 5) == "김하");
  CHECK(fitting("김하나", 6) == "김하나");
  CHECK(fitting("김", 1) == "");
  CHECK(fitting("abc", 2) == "ab");
  CHECK(fitting("ae\xcc\x81z", 2) == "ae\xcc\x81");
}

}  // namespace
}  // namespace kimdb::cli
