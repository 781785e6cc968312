// kill -9 of the real server under 32 writers who keep a ledger of what they sent and what was
// acknowledged.
//
// KIMDB_KILLS says how often (tools/proof.sh: 100). Segments are small and snapshots are taken on
// the way, so that rotation, snapshots and the deletion of log are hit too, and now and then the
// server dies again while it recovers.
#include <doctest/doctest.h>

#include <cstdio>
#include <thread>
#include <vector>

#include "base/random.h"
#include "tests/server/ledger_writers.h"
#include "tests/support/test_seed.h"
#include "tests/support/test_server.h"

namespace kimdb::support {
namespace {

// Lets all writers write for a while, kills the server under them and waits for them.
void write_until_killed(TestServer& server, Writers& writers, SeededRandom& random) {
  const std::vector<std::jthread> threads = start_writing(writers, server.port());
  // The moments of a kill are what is drawn here; nothing is waited for.
  std::this_thread::sleep_for(std::chrono::milliseconds(20 + random.below(200)));
  if (random.below(2) == 0) {
    server.connect().send(resp_request({"BGSAVE"}));
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(100)));
  }
  server.kill();
}

void start_again(TestServer& server, SeededRandom& random) {
  while (random.below(3) == 0) {
    server.launch();
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(60)));
    server.kill();
  }
  server.restart();
}

}  // namespace

TEST_CASE(
    "kill -9 under 32 writers loses nothing that was acknowledged or shown, and invents nothing") {
  const std::uint64_t seed = test_seed("kill -9 under 32 writers");
  SeededRandom random(seed);
  const std::uint64_t kills = environment_number("KIMDB_KILLS", 5);
  TestServer server({"wal.sync=commit", "wal.max_segment_size=256KB"});
  Writers writers = make_writers(seed);

  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    write_until_killed(server, writers, random);
    start_again(server, random);
    verify_all(server, writers);
  }

  const std::uint64_t acknowledged = acknowledged_by(writers);
  std::printf("%llu kills, %llu answers checked\n", static_cast<unsigned long long>(kills),
              static_cast<unsigned long long>(acknowledged));
  CHECK(acknowledged > kills * kWriters);
  // Nothing else has come into being: the keys of the ledger, the pairs and the counters are all
  // there is.
  const std::uint64_t keys = std::stoull(server.connect().call({"DBSIZE"}).text);
  CHECK(keys <= kWriters * (kKeysEach + 3));
}

}  // namespace kimdb::support
