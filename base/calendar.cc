#include "base/calendar.h"

#include <chrono>
#include <cstddef>

namespace kimdb {

namespace {

// In as many digits as `width`.
void append_digits(std::string& out, unsigned value, std::size_t width) {
  const std::size_t begin = out.size();
  out.append(width, '0');
  for (std::size_t at = begin + width; at-- > begin; value /= 10)
    out[at] = static_cast<char>('0' + value % 10);
}

}  // namespace

// By hand: snprintf was an eighth of the time of a FIND.
void append_time(std::string& out, std::int64_t unix_ms, char separator,
                 bool whole_seconds_end_there) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(unix_ms)};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  append_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out += separator;
  append_digits(out, static_cast<unsigned>(clock.hours().count()), 2);
  out += ':';
  append_digits(out, static_cast<unsigned>(clock.minutes().count()), 2);
  out += ':';
  append_digits(out, static_cast<unsigned>(clock.seconds().count()), 2);
  if (whole_seconds_end_there && clock.subseconds().count() == 0) return;
  out += '.';
  append_digits(out, static_cast<unsigned>(clock.subseconds().count()), 3);
}

}  // namespace kimdb
