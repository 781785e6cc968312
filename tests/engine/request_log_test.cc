#include "engine/request_log.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace kimdb::engine {

using Seen = RequestLog::Seen;

TEST_CASE("a request is answered again with what it was answered first") {
  RequestLog log;
  CHECK(log.find("a", 1).seen == Seen::never);
  log.add("a", 1, 7, "first", false);
  log.add("a", 1, 8, "second", false);
  const auto found = log.find("a", 1);
  REQUIRE(found.seen == Seen::done);
  CHECK(found.result->reply == "first");
  CHECK(found.result->lsn == 7);
  CHECK(log.find("b", 1).seen == Seen::never);
  CHECK(log.find("a", 2).seen == Seen::never);
}

TEST_CASE("the last 128 results of a client are kept, what is older may have been done") {
  RequestLog log;
  for (std::uint64_t i = 1; i <= 200; ++i) log.add("a", i * 10, i, "r", false);
  CHECK(log.find("a", 720).seen == Seen::unknown);
  CHECK(log.find("a", 715).seen == Seen::unknown);
  CHECK(log.find("a", 730).seen == Seen::done);
  CHECK(log.find("a", 735).seen == Seen::never);
  CHECK(log.find("a", 2000).seen == Seen::done);
  CHECK(log.find("a", 2001).seen == Seen::never);
}

TEST_CASE("requests that come late, but not too late, take their place among the others") {
  RequestLog log;
  for (std::uint64_t i = 1; i <= 128; ++i) log.add("a", i * 2, i, "even", false);
  log.add("a", 101, 200, "odd", false);
  CHECK(log.find("a", 101).result->reply == "odd");
  CHECK(log.find("a", 2).seen == Seen::unknown);  // made room
  CHECK(log.find("a", 4).seen == Seen::done);
}

TEST_CASE("a forgotten client starts anew, and the others stay") {
  RequestLog log;
  for (std::uint64_t i = 1; i <= 200; ++i) log.add("a", i, i, "r", false);
  log.add("b", 1, 201, "r", false);
  log.forget("a", 202, false);
  CHECK(log.find("a", 1).seen == Seen::never);
  CHECK(log.find("a", 200).seen == Seen::never);
  CHECK(log.find("b", 1).seen == Seen::done);
}

TEST_CASE("taking back gives dropped and forgotten results back") {
  RequestLog log;
  for (std::uint64_t i = 1; i <= 130; ++i) log.add("a", i, i, std::to_string(i), true);
  const std::size_t memory = log.memory();
  for (std::uint64_t i = 131; i <= 300; ++i) log.add("a", i, i, std::to_string(i), true);
  log.add("b", 1, 301, "new", true);
  log.forget("a", 302, true);
  log.add("a", 5, 303, "again", true);
  log.take_back(130);
  CHECK(log.find("a", 130).result->reply == "130");
  CHECK(log.find("a", 3).result->reply == "3");
  CHECK(log.find("a", 2).seen == Seen::unknown);
  CHECK(log.find("a", 131).seen == Seen::never);
  CHECK(log.find("b", 1).seen == Seen::never);
  CHECK(log.memory() == memory);
}

TEST_CASE("a request that is too late to be kept can be taken back, too") {
  RequestLog log;
  for (std::uint64_t i = 1; i <= 128; ++i) log.add("a", i + 100, i, "r", true);
  log.add("a", 50, 129, "late", true);
  CHECK(log.find("a", 50).seen == Seen::unknown);
  log.take_back(128);
  CHECK(log.find("a", 50).seen == Seen::never);
  CHECK(log.find("a", 101).seen == Seen::done);
}

TEST_CASE("what nothing can be taken back to any more is freed") {
  RequestLog log;
  log.add("b", 1, 1, "r", false);
  const std::size_t memory = log.memory();
  for (std::uint64_t i = 1; i <= 200; ++i) log.add("a", i, i + 1, "r", true);
  log.forget("a", 202, true);
  CHECK(log.memory() > memory);
  CHECK(log.prune(~Lsn{0}, 10));
  while (log.prune(~Lsn{0}, 10)) {
  }
  CHECK(log.memory() == memory);
}

TEST_CASE("clients are gone through in the order of their names") {
  RequestLog log;
  for (const char* name : {"b", "", "a"}) log.add(name, 1, 1, "r", false);
  std::vector<std::string> names;
  std::optional<std::string> last;
  while (const auto* next = log.next(last)) names.push_back(*(last = next->first));
  CHECK(names == std::vector<std::string>{"", "a", "b"});
}

}  // namespace kimdb::engine
