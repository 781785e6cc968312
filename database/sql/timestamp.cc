#include "database/sql/timestamp.h"

#include <chrono>

#include "base/ascii.h"
#include "base/calendar.h"

namespace kimdb::database::sql {

namespace {

// Takes what stands at the beginning of a text; `wrong` once something else stands there.
struct Reader {
  std::string_view rest;
  bool wrong = false;

  unsigned digits(std::size_t count) {
    unsigned number = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest.empty() || !is_digit(rest[0])) {
        wrong = true;
        return 0;
      }
      number = number * 10 + static_cast<unsigned>(rest[0] - '0');
      rest.remove_prefix(1);
    }
    return number;
  }
  bool take(char c) {
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  void expect(char c) { wrong = !take(c) || wrong; }
  unsigned milliseconds() {
    unsigned number = 0, count = 0;
    for (; !rest.empty() && is_digit(rest[0]); rest.remove_prefix(1), ++count)
      if (count < 3) number = number * 10 + static_cast<unsigned>(rest[0] - '0');
    if (count == 0) wrong = true;
    for (; count < 3; ++count) number *= 10;
    return number;
  }
};

}  // namespace

void append_timestamp(std::string& out, std::int64_t unix_ms) {
  append_time(out, unix_ms, ' ', true);
}

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  using namespace std::chrono;
  Reader reader{text};
  const unsigned year = reader.digits(4);
  reader.expect('-');
  const unsigned month_of_year = reader.digits(2);
  reader.expect('-');
  const unsigned day_of_month = reader.digits(2);
  unsigned hour = 0, minute = 0, second = 0, fraction = 0;
  int offset_minutes = 0;
  if (!reader.rest.empty()) {
    if (!reader.take('T') && !reader.take('t')) reader.expect(' ');
    hour = reader.digits(2);
    reader.expect(':');
    minute = reader.digits(2);
    if (reader.take(':')) {
      second = reader.digits(2);
      if (reader.take('.')) fraction = reader.milliseconds();
    }
    const bool east = reader.take('+');
    if (east || reader.take('-')) {
      const unsigned hours = reader.digits(2);
      reader.take(':');
      const unsigned minutes = reader.digits(2);
      if (hours > 23 || minutes > 59) return std::nullopt;
      offset_minutes = static_cast<int>(hours * 60 + minutes) * (east ? 1 : -1);
    } else if (!reader.take('Z')) {
      reader.take('z');
    }
  }
  const year_month_day date{std::chrono::year(static_cast<int>(year)), month(month_of_year),
                            day(day_of_month)};
  if (reader.wrong || !reader.rest.empty() || !date.ok() || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  const auto time = sys_days(date) + hours(hour) + minutes(minute) - minutes(offset_minutes) +
                    seconds(second) + milliseconds(fraction);
  const std::int64_t unix_ms = time.time_since_epoch().count();
  // With its offset it may lie in the year before the first, or behind the last.
  constexpr std::int64_t kFirst = -62167219200000, kLast = 253402300799999;
  if (unix_ms < kFirst || unix_ms > kLast) return std::nullopt;
  return unix_ms;
}

}  // namespace kimdb::database::sql
