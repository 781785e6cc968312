#include "engine/request_log.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace kimdb::engine {

using Seen = RequestLog::Seen;

TEST_CASE("a request is answered again with what it was answered first") {
  RequestLog log;
  CHECK(log.find("a", 1).seen == Seen::never);
  log.add("a", 1, 7, "first");
  log.add("a", 1, 8, "second");
  const auto found = log.find("a", 1);
  REQUIRE(found.seen == Seen::done);
  CHECK(found.result->reply == "first");
  CHECK(found.result->lsn == 7);
  CHECK(log.find("b", 1).seen == Seen::never);
  CHECK(log.find("a", 2).seen == Seen::never);
}

TEST_CASE("the last 128 results of a client are kept, what is older may have been done") {
  RequestLog log;
  for (std::uint64_t i = 1; i <= 200; ++i) log.add("a", i * 10, i, "r");
  CHECK(log.find("a", 720).seen == Seen::unknown);
  CHECK(log.find("a", 715).seen == Seen::unknown);
  CHECK(log.find("a", 730).seen == Seen::done);
  CHECK(log.find("a", 735).seen == Seen::never);
  CHECK(log.find("a", 2000).seen == Seen::done);
  CHECK(log.find("a", 2001).seen == Seen::never);
}

TEST_CASE("requests that come late, but not too late, take their place among the others") {
  RequestLog log;
  for (std::uint64_t i = 1; i <= 128; ++i) log.add("a", i * 2, i, "even");
  log.add("a", 101, 200, "odd");
  CHECK(log.find("a", 101).result->reply == "odd");
  CHECK(log.find("a", 2).seen == Seen::unknown);  // made room
  CHECK(log.find("a", 4).seen == Seen::done);
}

TEST_CASE("a forgotten client starts anew, and the others stay") {
  RequestLog log;
  for (std::uint64_t i = 1; i <= 200; ++i) log.add("a", i, i, "r");
  log.add("b", 1, 201, "r");
  log.forget("a");
  CHECK(log.find("a", 1).seen == Seen::never);
  CHECK(log.find("a", 200).seen == Seen::never);
  CHECK(log.find("b", 1).seen == Seen::done);
}

TEST_CASE("clients are gone through in the order of their names") {
  RequestLog log;
  for (const char* name : {"b", "", "a"}) log.add(name, 1, 1, "r");
  std::vector<std::string> names;
  std::optional<std::string> last;
  while (const auto* next = log.next(last)) names.push_back(*(last = next->first));
  CHECK(names == std::vector<std::string>{"", "a", "b"});
}

}  // namespace kimdb::engine
