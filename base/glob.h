// Patterns as KEYS, SCAN and PSUBSCRIBE take them. Pure; any thread.
#pragma once

#include <string_view>

namespace kimdb {

// True where the whole of `text` matches `pattern`, byte for byte as Redis 7.0's stringmatchlen
// decides:
//   *  any bytes    ?  one byte    [a-z] [^a-z]  one of a set (or none of it)    \x  x itself
// A set without its ] ends with the pattern; in one, \ takes the next byte as it is, and of a range
// the ends may be in either order. An empty text matches only the empty pattern, not even *. Takes
// time in the order of pattern times text at worst, and no memory: there is no recursion that a
// pattern could drive.
bool glob_matches(std::string_view pattern, std::string_view text, bool ignore_case = false);

}  // namespace kimdb
