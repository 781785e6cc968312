#include "replication/master.h"

#include <doctest/doctest.h>

#include "replication/slave.h"
#include "tests/replication/simulation.h"

namespace kimdb::replication::test {
namespace {

// A master and one slave without a network between them.
struct Pair {
  explicit Pair(OnTimeout on_timeout = OnTimeout::block) {
    options.on_timeout = on_timeout;
    node.begin_term(1);
  }
  Master& begin(Lsn committed = 0) {
    master = std::make_unique<Master>(node, **logger, options, committed, 0);
    return *master;
  }
  Status join(SlaveId id = 7) {
    std::string hello, answer;
    REQUIRE(slave.connected(0, hello));
    const auto said = decode_message(hello);
    const Status joined = master->join(id, "slave", std::get<Hello>(*said), 0, answer);
    if (joined) CHECK(slave.receive(*decode_message(answer), 0));
    return joined;
  }
  // What the master has goes to the slave; not acknowledged.
  void send(std::int64_t now_ms = 0) {
    std::string out;
    REQUIRE(master->collect(7, now_ms, out));
    for (std::string_view rest = out; !rest.empty();) {
      const std::size_t size = *message_size(rest);
      REQUIRE(slave.receive(*decode_message(rest.substr(0, size)), now_ms));
      rest.remove_prefix(size);
    }
  }
  // Gives how often it acknowledged.
  int acknowledge() {
    std::string out;
    REQUIRE(slave.finish_batch(out));
    REQUIRE(slave.apply_batch(out));
    int count = 0;
    for (std::string_view rest = out; !rest.empty(); ++count) {
      const std::size_t size = *message_size(rest);
      REQUIRE(master->receive(7, *decode_message(rest.substr(0, size))));
      rest.remove_prefix(size);
    }
    return count;
  }

  Result<std::unique_ptr<Logger>> logger =
      Logger::open({.level = LogLevel::off, .output = "stderr"});
  SeededRandom random{1};
  SimulatedNode node{1, random}, slave_node{2, random};
  MasterOptions options;
  std::unique_ptr<Master> master;
  Slave slave{slave_node, **logger, {}};
};

TEST_CASE("a commit waits for the slave's disk, and is told to the slave") {
  Pair pair;
  pair.begin();
  REQUIRE(pair.join());
  pair.node.append("a");
  CHECK(pair.node.committed_lsn() == 0);
  REQUIRE(pair.node.sync());
  pair.master->log_rose();
  CHECK(pair.node.committed_lsn() == 0);
  pair.send();
  CHECK(pair.node.committed_lsn() == 0);  // received there, not synced
  CHECK(pair.slave_node.durable_lsn() == 0);
  pair.acknowledge();
  CHECK(pair.slave_node.durable_lsn() == 2);
  CHECK(pair.node.committed_lsn() == 2);
  CHECK(pair.slave_node.applied_lsn() == 0);  // it has not heard of that yet
  CHECK(pair.master->has_news(7));
  pair.send();
  pair.acknowledge();
  CHECK(pair.slave_node.applied_lsn() == 2);
  CHECK(!pair.master->has_news(7));
}

TEST_CASE("what earlier terms left is committed with the first frame of the master's own") {
  Pair pair;
  pair.node.append("of term 1");
  REQUIRE(pair.node.sync());
  pair.begin();
  REQUIRE(pair.join());
  pair.send();  // two frames of term 1, taken and not acknowledged
  pair.node.begin_term(2);
  pair.begin();  // the master starts again; its term's first frame is LSN 3
  REQUIRE(pair.slave_node.sync());
  REQUIRE(pair.join());
  const Message old_frames = Acknowledgement{.term = 2, .received = 2, .synced = 2};
  REQUIRE(pair.master->receive(7, old_frames));
  CHECK(pair.node.committed_lsn() == 0);
  pair.send();
  pair.acknowledge();
  CHECK(pair.node.committed_lsn() == 3);
}

TEST_CASE("what a slave has, and the master has not synced yet, is not cut when it joins again") {
  Pair pair;
  pair.begin();
  REQUIRE(pair.join());
  pair.node.append("a");
  pair.send();
  pair.acknowledge();
  CHECK(pair.node.durable_lsn() == 1);
  CHECK(pair.slave_node.durable_lsn() == 2);
  pair.master->leave(7, "the connection broke");
  REQUIRE(pair.join());
  CHECK(pair.slave_node.last_lsn() == 2);
  REQUIRE(pair.node.sync());
  pair.master->log_rose();
  CHECK(pair.node.committed_lsn() == 2);  // acknowledged once is enough
}

TEST_CASE("a slave that comes back by another connection counts once") {
  Pair pair;
  pair.options.quorum = 2;
  pair.begin();
  REQUIRE(pair.join(7));
  pair.send();
  pair.acknowledge();
  REQUIRE(pair.join(8));
  CHECK(pair.master->slaves(0).size() == 1);
  REQUIRE(pair.master->receive(8, Acknowledgement{.term = 1, .received = 1, .synced = 1}));
  CHECK(pair.node.committed_lsn() == 0);
  CHECK(!pair.master->receive(7, Acknowledgement{.term = 1}));
}

TEST_CASE("a slave whose connection broke between a frame and its sync goes on behind that") {
  Pair pair;
  pair.begin();
  REQUIRE(pair.join());
  pair.node.append("a");
  pair.send();  // taken, not synced
  CHECK(pair.slave_node.durable_lsn() == 0);
  pair.master->leave(7, "the connection broke");
  REQUIRE(pair.join());
  pair.node.append("b");
  pair.send();
  pair.acknowledge();
  CHECK(pair.slave_node.durable_lsn() == 3);
}

TEST_CASE("an acknowledgement of another term, or of what was never sent, ends the connection") {
  Pair pair;
  pair.begin();
  REQUIRE(pair.join());
  CHECK(!pair.master->receive(7, Acknowledgement{.term = 9, .synced = 1}));
  CHECK(!pair.master->receive(7, Acknowledgement{.term = 1, .synced = 5}));
  CHECK(!pair.master->receive(7, Heartbeat{}));
  CHECK(!pair.master->receive(8, Acknowledgement{.term = 1}));
  CHECK(pair.node.committed_lsn() == 0);
}

TEST_CASE("degrade answers without the quorum, and waits again once it has everything") {
  Pair pair(OnTimeout::degrade);
  pair.begin();
  CHECK(pair.master->quorum_missing());
  CHECK(pair.node.committed_lsn() == 1);
  REQUIRE(pair.join());
  CHECK(pair.master->quorum_missing());  // it is there, and has nothing yet
  pair.send();
  pair.acknowledge();
  CHECK(!pair.master->quorum_missing());
  pair.node.append("a");
  REQUIRE(pair.node.sync());
  pair.master->log_rose();
  CHECK(pair.node.committed_lsn() == 1);
  pair.master->tick(0);
  pair.master->tick(4999);
  CHECK(!pair.master->quorum_missing());
  pair.master->tick(5000);
  CHECK(pair.master->quorum_missing());
  CHECK(pair.node.committed_lsn() == 2);
}

TEST_CASE("fail refuses writes and what waits, until the quorum has everything again") {
  Pair pair(OnTimeout::fail);
  pair.begin();
  CHECK(!pair.node.refuses_writes());
  REQUIRE(pair.join());
  pair.send();
  pair.acknowledge();
  CHECK(pair.node.committed_lsn() == 1);
  pair.master->tick(0);
  pair.master->leave(7, "gone");
  pair.master->tick(10'000);  // nothing waits
  CHECK(!pair.node.refuses_writes());
  pair.node.append("a");
  REQUIRE(pair.node.sync());
  pair.master->log_rose();
  pair.master->tick(10'001);
  pair.master->tick(14'999);
  CHECK(!pair.node.refuses_writes());
  pair.master->tick(15'000);
  CHECK(pair.node.refuses_writes());
  CHECK(pair.master->quorum_missing());
  CHECK(pair.node.committed_lsn() == 1);  // not committed by that
  REQUIRE(pair.join());
  CHECK(pair.node.refuses_writes());  // it is there, and has not everything
  pair.send();
  pair.acknowledge();
  CHECK(!pair.node.refuses_writes());
  CHECK(pair.node.committed_lsn() == 2);
}

TEST_CASE("with ack: applied a commit is answered when the slave shows it") {
  Pair pair;
  pair.options.ack = Ack::applied;
  pair.begin();
  REQUIRE(pair.join());
  pair.node.append("a");
  REQUIRE(pair.node.sync());
  pair.master->log_rose();
  pair.send();
  CHECK(pair.acknowledge() == 1);
  CHECK(pair.node.committed_lsn() == 2);
  CHECK(pair.node.answered_lsn() == 0);
  pair.send();  // that it is committed
  CHECK(pair.acknowledge() == 2);
  CHECK(pair.slave_node.applied_lsn() == 2);
  CHECK(pair.node.answered_lsn() == 2);
}

TEST_CASE("heartbeats go when nothing else has gone for their time") {
  Pair pair;
  pair.begin();
  REQUIRE(pair.join());
  std::string out;
  REQUIRE(pair.master->collect(7, 0, out));
  out.clear();
  REQUIRE(pair.master->collect(7, 999, out));
  CHECK(out.empty());
  REQUIRE(pair.master->collect(7, 1000, out));
  CHECK(std::holds_alternative<Heartbeat>(*decode_message(out)));
  CHECK(!pair.slave.is_silent(5000));
  CHECK(pair.slave.is_silent(5001));
}

}  // namespace
}  // namespace kimdb::replication::test
