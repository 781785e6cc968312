#include "replication/history.h"

#include <doctest/doctest.h>

namespace kimdb::replication {
namespace {

using History = std::vector<wal::TermStart>;

TEST_CASE("logs of one term are the same up to where the shorter one ends") {
  const LogEnd a{History{{1, 1}}, 90}, b{History{{1, 1}}, 70};
  CHECK(last_common_lsn(a, b) == 70);
  CHECK(last_common_lsn(b, a) == 70);
  CHECK(last_common_lsn(a, a) == 90);
}

TEST_CASE("a former master's tail parts where the new term begins") {
  const LogEnd former{History{{1, 1}, {3, 40}}, 100};
  const LogEnd promoted{History{{1, 1}, {3, 40}, {4, 81}}, 200};
  CHECK(last_common_lsn(promoted, former) == 80);
  // It began a term of its own before it heard of the new one.
  const LogEnd restarted{History{{1, 1}, {3, 40}, {5, 101}}, 120};
  CHECK(last_common_lsn(promoted, restarted) == 80);
}

TEST_CASE("a term that begins behind the log's end does not make it longer") {
  CHECK(last_common_lsn({{{1, 1}, {2, 1200}}, 1000}, {{{1, 1}, {3, 1150}}, 1300}) == 1000);
}

TEST_CASE("a later term that begins at the same LSN is another one") {
  const LogEnd a{History{{1, 1}, {2, 50}}, 60}, b{History{{1, 1}, {3, 50}}, 80};
  CHECK(last_common_lsn(a, b) == 49);
}

TEST_CASE("an empty log has nothing in common, and that is known") {
  const LogEnd a{History{{1, 1}}, 90}, empty{};
  CHECK(last_common_lsn(a, empty) == 0);
  CHECK(last_common_lsn(empty, a) == 0);
}

TEST_CASE("logs that share no term differ from the beginning, where both reach back to it") {
  const LogEnd a{History{{1, 1}, {2, 50}}, 60}, b{History{{3, 1}}, 80};
  CHECK(last_common_lsn(a, b) == 0);
  const LogEnd shortened{History{{3, 1000}}, 2000};
  CHECK(last_common_lsn(a, shortened) == std::nullopt);
}

TEST_CASE("the same number, given by two nodes, is two terms") {
  const LogEnd a{History{{1, 1}, {2, 50, {7}}}, 60}, b{History{{1, 1}, {2, 50, {8}}}, 80};
  CHECK(last_common_lsn(a, b) == 49);
}

TEST_CASE("a term that begins at two places is a contradiction") {
  const LogEnd a{History{{1, 1}, {2, 50}}, 60}, b{History{{1, 1}, {2, 55}}, 80};
  CHECK(last_common_lsn(a, b) == std::nullopt);
}

}  // namespace
}  // namespace kimdb::replication
