#include "database/client_position.h"

#include <doctest/doctest.h>

namespace kimdb::database {
namespace {

const std::vector<wal::TermStart> kHistory{{1, 1}, {3, 40}, {65536, 81}};

TEST_CASE("a position reads back as it was written, and nothing else is one") {
  const ClientPosition position{65536, 18446744073709551615u};
  CHECK(to_string(position) == "65536-18446744073709551615");
  CHECK(parse_client_position(to_string(position)) == position);
  for (const char* text : {"", "-", "1", "1-", "-1", "1-2-3", "1-2 ", " 1-2", "a-1", "1-a", "+1-2",
                           "1-18446744073709551616"})
    CHECK_MESSAGE(!parse_client_position(text), text);
}

TEST_CASE("an LSN's position has the term that holds it") {
  CHECK(position_of(kHistory, 39) == ClientPosition{1, 39});
  CHECK(position_of(kHistory, 40) == ClientPosition{3, 40});
  CHECK(position_of(kHistory, 1000) == ClientPosition{65536, 1000});
  CHECK(!position_of({{3, 40}}, 39));
}

TEST_CASE("a position is reached, not yet, or not in this history") {
  CHECK(has_reached(kHistory, 90, {65536, 90}) == Reached::yes);
  CHECK(has_reached(kHistory, 90, {65536, 91}) == Reached::not_yet);
  CHECK(has_reached(kHistory, 90, {65537, 91}) ==
        Reached::not_yet);  // a master it has not heard of
  CHECK(has_reached({}, 0, {1, 1}) == Reached::not_yet);
  CHECK(has_reached(kHistory, 90, {3, 80}) == Reached::yes);
  CHECK(has_reached(kHistory, 60, {3, 80}) == Reached::not_yet);
  CHECK(has_reached(kHistory, 90, {3, 81}) == Reached::never);  // of a tail that was cut
  CHECK(has_reached(kHistory, 90, {2, 30}) == Reached::never);
  CHECK(has_reached(kHistory, 90, {3, 39}) == Reached::never);
  CHECK(has_reached({{3, 40}}, 90, {1, 5}) == Reached::never);  // too old to be known
}

}  // namespace
}  // namespace kimdb::database
