// How wide text stands on a terminal: Korean letters take two columns, accents that combine none.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kimdb::cli {

// The columns that UTF-8 text takes, by the C library's table of Unicode whatever the locale is. A
// byte that is no UTF-8, and a character that is not to be seen, count as one.
std::size_t columns(std::string_view text);

// As much of the text as fits into so many columns; whole characters only.
std::string fitting(std::string_view text, std::size_t width);

}  // namespace kimdb::cli
