#include "replication/message.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "tests/support/test_seed.h"

namespace kimdb::replication {
namespace {

std::string encoded(const Message& message) {
  std::string bytes;
  append_message(bytes, message);
  return bytes;
}

template <class Kind>
Kind round_trip(const Kind& message, std::string& bytes) {
  bytes = encoded(message);
  REQUIRE(*message_size(bytes) == bytes.size());
  const auto decoded = decode_message(bytes);
  REQUIRE(decoded);
  return std::get<Kind>(*decoded);
}

TEST_CASE("messages read back as they were written") {
  std::string bytes;
  const Hello hello{.cluster_id = {1, 2, 3},
                    .node_id = {4, 5},
                    .term = 7,
                    .committed_lsn = 70,
                    .log = {{{1, 1}, {7, 60}}, 75},
                    .chain = 99,
                    .copy = {{10, 2, 77, 5000}, 4000},
                    .listen_port = 3233};
  const Hello said = round_trip(hello, bytes);
  CHECK(said.cluster_id == hello.cluster_id);
  CHECK(said.node_id == hello.node_id);
  CHECK(said.log.history == hello.log.history);
  CHECK(said.log.last_lsn == 75);
  CHECK(said.term == 7);
  CHECK(said.committed_lsn == 70);
  CHECK(said.chain == 99);
  CHECK(said.copy == hello.copy);
  CHECK(said.listen_port == 3233);

  const Welcome welcome = round_trip(
      Welcome{.cluster_id = {9}, .term = 8, .start_lsn = 5, .chain = 6, .committed_lsn = 4}, bytes);
  CHECK(welcome.cluster_id == wal::Uuid{9});
  CHECK(welcome.start_lsn == 5);
  CHECK(welcome.chain == 6);
  CHECK(welcome.committed_lsn == 4);

  CHECK(round_trip(Refusal{3, "because"}, bytes).why == "because");

  const std::string payload = "payload";
  const Frame frame = round_trip(Frame{{.first_lsn = 10,
                                        .term = 2,
                                        .committed_lsn = 9,
                                        .commit_time_ms = 1,
                                        .count = 3,
                                        .payload_size = 7,
                                        .flags = wal::kTermFrame,
                                        .chain = 5},
                                       payload},
                                 bytes);
  CHECK(frame.payload == payload);
  CHECK(frame.header.last_lsn() == 12);
  CHECK(frame.header.is_term());
  CHECK(frame.header.chain == 5);

  CHECK(round_trip(Heartbeat{1, 2, 3, 4, 5}, bytes).time_ms == 4);
  CHECK(round_trip(Heartbeat{1, 2, 3, 4, 5}, bytes).log_bytes == 5);
  CHECK(round_trip(Acknowledgement{1, 2, 3, 4}, bytes).applied == 4);

  const CopyOffer offer = round_trip(
      CopyOffer{.cluster_id = {9}, .node_id = {8}, .term = 8, .common_lsn = 5, .copy = hello.copy},
      bytes);
  CHECK(offer.cluster_id == wal::Uuid{9});
  CHECK(offer.node_id == wal::Uuid{8});
  CHECK(offer.term == 8);
  CHECK(offer.common_lsn == 5);
  CHECK(offer.copy == hello.copy);
  const CopyPart part = round_trip(CopyPart{6, payload}, bytes);
  CHECK(part.offset == 6);
  CHECK(part.bytes == payload);
  CHECK(round_trip(CopyAcknowledgement{1, 2}, bytes).bytes == 2);
  const std::vector<std::string> addresses{"127.0.0.1:1", "[::1]:22"};
  CHECK(round_trip(Peers{addresses}, bytes).addresses == addresses);
  CHECK(round_trip(Probe{{7}}, bytes).cluster_id == wal::Uuid{7});
  CHECK(round_trip(ProbeReply{{7}, {8}, 3, 4}, bytes).last_lsn == 4);
}

TEST_CASE("a message of a wrong length, or of another protocol, is an error") {
  const std::string bytes = encoded(Heartbeat{1, 2, 3, 4});
  CHECK(!decode_message(bytes.substr(0, bytes.size() - 1)));
  CHECK(!decode_message(bytes + "x"));
  CHECK(!message_size("ERROR: unknown command"));
  CHECK(!message_size(std::string("\xff\xff\xff\x7f\x01", 5)));  // a hello of 2 GB
}

TEST_CASE("random bytes are a message or an error") {
  SeededRandom random(support::test_seed("random bytes as messages"));
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = encoded(Hello{.log = {{{1, 1}, {2, 5}}, 7}});
    for (std::uint64_t flips = 1 + random.below(4); flips != 0; --flips)
      bytes[4 + random.below(bytes.size() - 4)] = static_cast<char>(random.next());
    bytes.resize(1 + random.below(bytes.size()));
    const auto decoded = decode_message(bytes);
    if (!decoded) CHECK(!decoded.error().message.empty());
  }
}

}  // namespace
}  // namespace kimdb::replication
