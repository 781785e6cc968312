#include "tests/support/random_json.h"

#include <set>

namespace kimdb::support {

namespace {

template <std::size_t size>
std::string pick(Random& random, const char* const (&from)[size]) {
  return from[random.below(size)];
}

}  // namespace

std::string random_name(Random& random) { return pick(random, {"a", "b", "c"}); }

std::string random_number(Random& random) {
  if (random.below(3) != 0) return std::to_string(random.below(5));
  return pick(random, {"-1", "1.0", "1.5", "-0.0", "2e0", "9007199254740992", "9007199254740993",
                       "9007199254740992.0", "-9007199254740993", "9223372036854775807",
                       "9223372036854775808", "18446744073709551615", "18446744073709551616.0",
                       "-9223372036854775808", "1e300", "-1e300", "1e-300", "0.1"});
}

std::string random_value(Random& random, int depth) {
  switch (random.below(depth > 0 ? 9 : 6)) {
    case 0:
      return "null";
    case 1:
      return random.below(2) == 0 ? "true" : "false";
    case 2:
    case 3:
      return pick(random, {"\"\"", "\"a\"", "\"ab\"", "\"b\"", "\"A\"", "\"é\"", "\"a\\u0000\"",
                           "\"a\\u0000b\"", "\"a\\u0001\"", "\"\xf0\x9f\x98\x80\"", "\"0\""});
    case 4:
    case 5:
      return random_number(random);
    case 6:
      return random_object(random, depth - 1);
    default: {
      std::string items;
      for (auto i = random.below(4); i > 0; --i)
        items += (items.empty() ? "" : ",") + random_value(random, depth - 1);
      return "[" + items + "]";
    }
  }
}

std::string random_object(Random& random, int depth) {
  std::string members;
  for (const std::string name : {"a", "b", "c", "0"}) {
    if (random.below(2) == 0) continue;
    members += (members.empty() ? "\"" : ",\"") + name + "\":" + random_value(random, depth);
  }
  return "{" + members + "}";
}

}  // namespace kimdb::support
