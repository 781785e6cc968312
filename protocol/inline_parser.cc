#include "protocol/inline_parser.h"

#include <cstddef>
#include <string>

#include "base/ascii.h"

namespace kimdb::protocol {
namespace {

// C's isspace in its own locale, which Redis runs in.
bool is_inline_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// What ends a word without quotes; \v and \f do not.
bool ends_inline_word(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\0';
}

char inline_escape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// Takes one word from the front of `rest` and appends it to `out`. Quotes may open in the middle of
// a word but must end it.
bool take_inline_word(std::string_view& rest, std::string& out) {
  char quote = 0;
  std::size_t i = 0;
  for (; i < rest.size(); ++i) {
    const char c = rest[i];
    if (quote == 0) {
      if (ends_inline_word(c)) break;
      if (c == '"' || c == '\'') {
        quote = c;
      } else {
        out.push_back(c);
      }
    } else if (c == quote) {
      if (i + 1 < rest.size() && !is_inline_space(rest[i + 1]) && rest[i + 1] != '\0') return false;
      rest.remove_prefix(i + 1);
      return true;
    } else if (c == '\0') {
      return false;
    } else if (c == '\\' && quote == '"' && i + 3 < rest.size() && rest[i + 1] == 'x' &&
               hex_digit(rest[i + 2]) >= 0 && hex_digit(rest[i + 3]) >= 0) {
      out.push_back(static_cast<char>(hex_digit(rest[i + 2]) * 16 + hex_digit(rest[i + 3])));
      i += 3;
    } else if (c == '\\' && quote == '"' && i + 1 < rest.size() && rest[i + 1] != '\0') {
      out.push_back(inline_escape(rest[++i]));
    } else if (c == '\\' && quote == '\'' && i + 1 < rest.size() && rest[i + 1] == '\'') {
      out.push_back('\'');
      ++i;
    } else {
      out.push_back(c);
    }
  }
  rest.remove_prefix(i);
  return quote == 0;
}

}  // namespace

bool split_inline(std::string_view line, Request& request) {
  std::string& scratch = request.scratch;
  // No word grows by unescaping, so views into the scratch stay valid.
  scratch.reserve(scratch.size() + line.size());
  while (true) {
    while (!line.empty() && is_inline_space(line[0])) line.remove_prefix(1);
    if (line.empty() || line[0] == '\0') return true;  // a NUL ends the line, as it does for Redis
    const std::size_t start = scratch.size();
    if (!take_inline_word(line, scratch)) return false;
    request.words.push_back(std::string_view(scratch).substr(start));
  }
}

}  // namespace kimdb::protocol
