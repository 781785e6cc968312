// Reading the words of a command. Each function that fails has answered with Redis' error already.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/ascii.h"
#include "database/context.h"

namespace kimdb::database {

inline bool is_word(std::string_view word, std::string_view name) {
  return equals_ignoring_case(word, name);
}

std::optional<std::int64_t> integer_argument(Context& c, std::string_view word);
void syntax_error(Context& c);

enum class TimeUnit { seconds, milliseconds };

// What SET and GETEX say about expiry.
struct ExpiryOption {
  bool given = false;
  bool absolute = false;
  TimeUnit unit = TimeUnit::seconds;
  std::string_view value;

  // Takes EX, PX, EXAT or PXAT with its value at words[i], moving i to the value; false where it is
  // none of them, or another one than was given before. Of the same one the last counts, as in
  // Redis.
  bool take(Words words, std::size_t& i);
};
// Unix ms, positive.
std::optional<std::int64_t> expiry_time(Context& c, const ExpiryOption& option);

}  // namespace kimdb::database
