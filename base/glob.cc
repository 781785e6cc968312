#include "base/glob.h"

#include <cstddef>
#include <utility>

namespace kimdb {
namespace {

// Bytes compare as signed ones in a range, as Redis' chars do.
signed char folded(char c, bool ignore_case) {
  if (ignore_case && c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return static_cast<signed char>(c);
}

// Matches `c` with the set behind the '[' at `i`, and moves `i` behind the set.
bool set_matches(std::string_view pattern, std::size_t& i, char c, bool ignore_case) {
  ++i;
  const bool negated = i < pattern.size() && pattern[i] == '^';
  if (negated) ++i;
  const signed char byte = folded(c, ignore_case);
  bool found = false;
  while (i < pattern.size()) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      found |= pattern[i + 1] == c;  // whatever the case, as Redis does
      i += 2;
    } else if (pattern[i] == ']') {
      ++i;
      break;
    } else if (i + 2 < pattern.size() && pattern[i + 1] == '-') {
      // The ends are ordered before their case is folded.
      char low = pattern[i];
      char high = pattern[i + 2];
      if (static_cast<signed char>(low) > static_cast<signed char>(high)) std::swap(low, high);
      found |= folded(low, ignore_case) <= byte && byte <= folded(high, ignore_case);
      i += 3;
    } else {
      found |= folded(pattern[i], ignore_case) == byte;
      ++i;
    }
  }
  return found != negated;
}

// Matches `c` with the element at `i`, which is no '*', and moves `i` behind it.
bool element_matches(std::string_view pattern, std::size_t& i, char c, bool ignore_case) {
  switch (pattern[i]) {
    case '?':
      ++i;
      return true;
    case '[':
      return set_matches(pattern, i, c, ignore_case);
    case '\\':
      if (i + 1 < pattern.size()) ++i;
      [[fallthrough]];
    default:
      return folded(pattern[i++], ignore_case) == folded(c, ignore_case);
  }
}

}  // namespace

// Every element but * takes exactly one byte. So where a later element fails, only the last * needs
// to take one more byte: what an earlier one could take besides, this one can as well.
bool glob_matches(std::string_view pattern, std::string_view text, bool ignore_case) {
  if (text.empty()) return pattern.empty();
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t i = 0;
  std::size_t k = 0;
  std::size_t star = kNone;    // behind the last *
  std::size_t star_taken = 0;  // the text it takes ends here
  while (k < text.size()) {
    if (i < pattern.size() && pattern[i] == '*') {
      star = ++i;
      star_taken = k;
    } else if (i < pattern.size() && element_matches(pattern, i, text[k], ignore_case)) {
      ++k;
    } else if (star != kNone) {
      i = star;
      k = ++star_taken;
    } else {
      return false;
    }
  }
  while (i < pattern.size() && pattern[i] == '*') ++i;
  return i == pattern.size();
}

}  // namespace kimdb
