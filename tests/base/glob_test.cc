// What Redis 7.0.15 answers to the same patterns, its peculiarities included.
#include "base/glob.h"

#include <doctest/doctest.h>

#include <string>

namespace kimdb {

TEST_CASE("a glob matches the whole text") {
  CHECK(glob_matches("abc", "abc"));
  CHECK(!glob_matches("abc", "abcd"));
  CHECK(!glob_matches("abc", "ab"));
  CHECK(!glob_matches("abc", "ABC"));
  CHECK(glob_matches("h?llo", "hello"));
  CHECK(!glob_matches("h?llo", "hllo"));
}

TEST_CASE("a star takes any bytes, also none") {
  CHECK(glob_matches("*", "anything"));
  CHECK(glob_matches("user:*:name", "user:17:name"));
  CHECK(glob_matches("user:*:name", "user::name"));
  CHECK(glob_matches("a**", "a"));
  CHECK(glob_matches("*a*b*", "xxaxxbxx"));
  CHECK(glob_matches("*ab", "aab"));
  CHECK(!glob_matches("*ab", "aba"));
  CHECK(!glob_matches("a*b*c", "acb"));
}

TEST_CASE("an empty text matches only the empty pattern") {
  CHECK(glob_matches("", ""));
  CHECK(!glob_matches("*", ""));
  CHECK(!glob_matches("", "a"));
}

TEST_CASE("a set takes one of its bytes") {
  CHECK(glob_matches("h[ae]llo", "hallo"));
  CHECK(!glob_matches("h[ae]llo", "hillo"));
  CHECK(glob_matches("h[^e]llo", "hallo"));
  CHECK(!glob_matches("h[^e]llo", "hello"));
  CHECK(glob_matches("[a-c]", "b"));
  CHECK(glob_matches("[c-a]", "b"));
  CHECK(!glob_matches("[a-c]", "d"));
  CHECK(glob_matches("[\\]]x", "]x"));
  CHECK(glob_matches("[a-cx-z0]", "0"));
}

TEST_CASE("a set without its bracket ends with the pattern") {
  CHECK(glob_matches("[abc", "b"));
  CHECK(!glob_matches("[abc", "d"));
  CHECK(!glob_matches("[", "a"));
  CHECK(glob_matches("[^", "a"));
  // A range takes even the bracket for its end.
  CHECK(glob_matches("[a-]", "_"));
}

TEST_CASE("a backslash takes the next byte as it is") {
  CHECK(glob_matches("\\*", "*"));
  CHECK(!glob_matches("\\*", "a"));
  CHECK(glob_matches("a\\", "a\\"));
}

TEST_CASE("a glob can ignore case") {
  CHECK(glob_matches("aBc*", "AbCD", true));
  CHECK(glob_matches("[a-c]", "B", true));
  CHECK(!glob_matches("[a-c]", "D", true));
}

TEST_CASE("a pattern made of stars costs no more than pattern times text") {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "a*";
  pattern += 'b';
  CHECK(!glob_matches(pattern, std::string(100000, 'a')));
}

}  // namespace kimdb
