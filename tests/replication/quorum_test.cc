#include "replication/quorum.h"

#include <doctest/doctest.h>

namespace kimdb::replication {
namespace {

TEST_CASE("the quorum is as far as the slowest of its fastest slaves") {
  Quorum quorum(Ack::synced, 2);
  quorum.joined(1);
  CHECK(quorum.replicated_lsn() == 0);
  quorum.joined(2);
  quorum.joined(3);
  quorum.acknowledged(1, {.synced = 10});
  CHECK(quorum.replicated_lsn() == 0);
  quorum.acknowledged(2, {.synced = 7});
  CHECK(quorum.replicated_lsn() == 7);
  quorum.acknowledged(3, {.synced = 9});
  CHECK(quorum.replicated_lsn() == 9);
  quorum.left(1);
  CHECK(quorum.replicated_lsn() == 7);
  quorum.left(2);
  CHECK(quorum.replicated_lsn() == 0);
}

TEST_CASE("received counts what was written, synced what is on the disk") {
  Quorum received(Ack::received, 1), synced(Ack::synced, 1);
  for (Quorum* quorum : {&received, &synced}) {
    quorum->joined(1);
    quorum->acknowledged(1, {.received = 9, .synced = 4});
  }
  CHECK(received.replicated_lsn() == 9);
  CHECK(synced.replicated_lsn() == 4);
}

TEST_CASE("an acknowledgement takes back nothing, and that of a stranger is nothing") {
  Quorum quorum(Ack::synced, 1);
  quorum.acknowledged(5, {.synced = 10});
  CHECK(quorum.replicated_lsn() == 0);
  quorum.joined(1);
  quorum.acknowledged(1, {.synced = 10});
  quorum.acknowledged(1, {.synced = 3});
  CHECK(quorum.replicated_lsn() == 10);
}

TEST_CASE("with ack: none nobody is waited for") {
  CHECK(Quorum(Ack::none, 1).replicated_lsn() == ~Lsn{0});
}

}  // namespace
}  // namespace kimdb::replication
