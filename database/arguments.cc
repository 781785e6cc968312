#include "database/arguments.h"

#include <string>

#include "protocol/numbers.h"

namespace kimdb::database {

std::optional<std::int64_t> integer_argument(Context& c, std::string_view word) {
  const auto value = protocol::parse_integer(word);
  if (!value) c.reply.error("ERR value is not an integer or out of range");
  return value;
}

void syntax_error(Context& c) { c.reply.error("ERR syntax error"); }

bool ExpiryOption::take(Words words, std::size_t& i) {
  struct Name {
    std::string_view name;
    bool absolute;
    TimeUnit unit;
  };
  static constexpr Name kNames[] = {{"ex", false, TimeUnit::seconds},
                                    {"px", false, TimeUnit::milliseconds},
                                    {"exat", true, TimeUnit::seconds},
                                    {"pxat", true, TimeUnit::milliseconds}};
  for (const Name& name : kNames) {
    if (i + 1 >= words.size() || !is_word(words[i], name.name)) continue;
    if (given && (absolute != name.absolute || unit != name.unit)) return false;
    *this = {.given = true, .absolute = name.absolute, .unit = name.unit, .value = words[++i]};
    return true;
  }
  return false;
}

std::optional<std::int64_t> expiry_time(Context& c, const ExpiryOption& option) {
  const auto value = integer_argument(c, option.value);
  if (!value) return std::nullopt;
  std::int64_t time = *value;
  const bool fits =
      time > 0 &&
      !(option.unit == TimeUnit::seconds && __builtin_mul_overflow(time, 1000, &time)) &&
      !(!option.absolute && __builtin_add_overflow(time, c.now_ms, &time));
  if (fits) return time;
  c.reply.error("ERR invalid expire time in '" + std::string(c.row->name) + "' command");
  return std::nullopt;
}

}  // namespace kimdb::database
