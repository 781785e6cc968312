#include "replication/handshake.h"

#include <doctest/doctest.h>

namespace kimdb::replication {
namespace {

constexpr wal::Uuid kCluster{1}, kOtherCluster{2}, kMasterNode{3}, kSlaveNode{4};

// The master's log has a chain of 10 times the LSN, from LSN 20 on.
std::optional<std::uint32_t> chain_at(Lsn lsn) {
  if (lsn != 0 && lsn < 20) return std::nullopt;
  return static_cast<std::uint32_t>(lsn * 10);
}

const MasterState kMaster{.cluster_id = kCluster,
                          .node_id = kMasterNode,
                          .term = 4,
                          .log = {{{1, 1}, {3, 40}, {4, 81}}, 200},
                          .committed_lsn = 190};

Hello hello_of(LogEnd log, Lsn committed) {
  const auto chain = static_cast<std::uint32_t>(log.last_lsn * 10);
  return {.cluster_id = kCluster,
          .node_id = kSlaveNode,
          .term = log.history.empty() ? 0 : log.history.back().term,
          .committed_lsn = committed,
          .log = std::move(log),
          .chain = chain};
}

std::string refusal(const Hello& hello, const MasterState& master = kMaster) {
  const auto answer = answer_hello(master, hello, chain_at);
  const Refusal* refused = std::get_if<Refusal>(&answer);
  return refused == nullptr ? "" : refused->why;
}

Lsn start_of(const Hello& hello) {
  const auto answer = answer_hello(kMaster, hello, chain_at);
  REQUIRE(std::holds_alternative<Welcome>(answer));
  const Welcome& welcome = std::get<Welcome>(answer);
  CHECK(welcome.chain == welcome.start_lsn * 10);
  CHECK(welcome.term == 4);
  return welcome.start_lsn;
}

TEST_CASE("a slave goes on where its log ends") {
  CHECK(start_of(hello_of({{{1, 1}, {3, 40}, {4, 81}}, 150}, 140)) == 150);
  CHECK(start_of(hello_of({{{1, 1}, {3, 40}}, 60}, 60)) == 60);
}

TEST_CASE("an empty slave is taken, whatever its cluster") {
  Hello hello = hello_of({}, 0);
  hello.cluster_id = kOtherCluster;
  CHECK(start_of(hello) == 0);
}

TEST_CASE("a former master's tail is cut, where it was never committed") {
  CHECK(start_of(hello_of({{{1, 1}, {3, 40}}, 100}, 80)) == 80);
  CHECK(refusal(hello_of({{{1, 1}, {3, 40}}, 100}, 81)).find("older data never replaces") !=
        std::string::npos);
}

TEST_CASE("a master that is empty or older never wipes a fuller slave") {
  MasterState fresh = kMaster;
  fresh.log = {{{5, 1}}, 1};
  fresh.term = 5;
  CHECK(refusal(hello_of({{{1, 1}, {3, 40}}, 100}, 100), fresh).find("older data never replaces") !=
        std::string::npos);
  MasterState older = kMaster;
  older.term = 3;
  older.log = {{{1, 1}, {3, 40}}, 100};
  CHECK(refusal(hello_of({{{1, 1}, {3, 40}, {4, 81}}, 100}, 90), older)
            .find("another master has taken over") != std::string::npos);
}

TEST_CASE("who cannot be a slave is told why") {
  Hello hello = hello_of({{{1, 1}}, 30}, 30);
  hello.cluster_id = kOtherCluster;
  CHECK(refusal(hello).find("another cluster") != std::string::npos);
  hello = hello_of({{{1, 1}}, 30}, 30);
  hello.node_id = kMasterNode;
  CHECK(refusal(hello).find("copy of the master's") != std::string::npos);
  hello = hello_of({{{1, 1}}, 30}, 30);
  hello.protocol = 99;
  CHECK(refusal(hello).find("version 99") != std::string::npos);
  const LogEnd unknown{{{1, 2}}, 30};
  CHECK(refusal(hello_of(unknown, 30)).find("do not tell") != std::string::npos);
}

TEST_CASE("a slave behind which the master's log was removed is offered a copy") {
  const auto common = [](const Hello& hello, const MasterState& master) -> std::optional<Lsn> {
    const auto answer = answer_hello(master, hello, chain_at);
    const CopyOffer* offer = std::get_if<CopyOffer>(&answer);
    if (offer == nullptr) return std::nullopt;
    CHECK(offer->term == master.term);
    CHECK(offer->cluster_id == kCluster);
    return offer->common_lsn;
  };
  CHECK(common(hello_of({{{1, 1}}, 10}, 10), kMaster) == 10);
  // Its own tail is no reason against it, where it was never committed.
  MasterState other = kMaster;
  other.log.history = {{1, 1}, {4, 11}};
  CHECK(common(hello_of({{{1, 1}}, 15}, 10), other) == 10);
  CHECK(!common(hello_of({{{1, 1}}, 15}, 11), other));
  CHECK(refusal(hello_of({{{1, 1}}, 15}, 11), other).find("older data never replaces") !=
        std::string::npos);
}

TEST_CASE("logs with the same terms and another chain are damaged") {
  Hello hello = hello_of({{{1, 1}, {3, 40}}, 60}, 60);
  hello.chain = 1;
  CHECK(refusal(hello).find("damaged") != std::string::npos);
}

}  // namespace
}  // namespace kimdb::replication
