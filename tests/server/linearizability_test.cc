// Histories of concurrent clients on the real server are linearizable, while it is killed, and
// while its slave takes over.
//
// KIMDB_HISTORIES says how many (tools/proof.sh: 60).
#include "tests/support/linearizability.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>
#include <utility>

#include "base/random.h"
#include "tests/support/test_seed.h"
#include "tests/support/test_server.h"

namespace kimdb::support {
namespace {

using namespace std::chrono_literals;
using Kind = RegisterOperation::Kind;

constexpr int kClients = 8;
constexpr std::size_t kKeys = 10;
constexpr int kOperations = 10'000;

// --- the checker ---

// A history of a register that does one operation after the other; each is called up to some ticks
// before that, and returns up to some ticks after.
std::vector<RegisterOperation> make_history(SeededRandom& random, int size) {
  std::vector<RegisterOperation> history;
  std::optional<std::int64_t> value;
  for (int i = 0; i < size; ++i) {
    RegisterOperation operation;
    operation.kind = static_cast<Kind>(random.below(5));
    operation.argument = 1000 * (i + 1);
    const auto before = value;
    switch (operation.kind) {
      case Kind::get:
        operation.result = value;
        break;
      case Kind::set:
        value = operation.argument;
        break;
      case Kind::getset:
        operation.result = std::exchange(value, operation.argument);
        break;
      case Kind::add:
        operation.result = value = value.value_or(0) + 1;
        break;
      case Kind::remove:
        operation.result = value ? 1 : 0;
        value.reset();
        break;
    }
    const std::int64_t now = 100 * (i + 1);
    operation.called = now - static_cast<std::int64_t>(random.below(500));
    operation.returned = now + static_cast<std::int64_t>(random.below(500));
    // A client that is never answered: it was done, or it was not.
    if (random.below(20) == 0) {
      operation.returned = RegisterOperation::kNever;
      operation.result.reset();
      if (random.below(2) == 0) value = before;
    }
    history.push_back(operation);
  }
  return history;
}

TEST_CASE("the checker takes what a register did, in whatever order it is called") {
  SeededRandom random(test_seed("linearizable histories"));
  for (int i = 0; i < 200; ++i)
    REQUIRE(is_linearizable(make_history(random, 1 + static_cast<int>(random.below(200)))));
}

TEST_CASE("the checker refuses 20 histories that no register could have") {
  const auto get = [](std::optional<std::int64_t> result, std::int64_t called,
                      std::int64_t returned) {
    return RegisterOperation{Kind::get, 0, result, called, returned};
  };
  const auto set = [](std::int64_t value, std::int64_t called, std::int64_t returned) {
    return RegisterOperation{Kind::set, value, std::nullopt, called, returned};
  };
  const auto other = [](Kind kind, std::int64_t argument, std::optional<std::int64_t> result,
                        std::int64_t called, std::int64_t returned) {
    return RegisterOperation{kind, argument, result, called, returned};
  };
  const std::int64_t never = RegisterOperation::kNever;
  const std::vector<std::vector<RegisterOperation>> bad{
      {get(1, 0, 1)},                                         // from nowhere
      {set(1, 0, 1), get(std::nullopt, 2, 3)},                // lost
      {set(1, 0, 1), get(2, 2, 3)},                           // another one
      {set(1, 0, 1), set(2, 2, 3), get(1, 4, 5)},             // stale
      {set(1, 0, 9), get(1, 1, 2), get(std::nullopt, 3, 4)},  // seen, and gone again
      {set(1, 0, 9), set(2, 0, 9), get(1, 1, 2), get(2, 3, 4), get(1, 5, 6)},
      {set(1, 0, 1), get(2, 2, 3), set(2, 4, 5)},  // from the future
      {set(1, 0, 9), set(2, 0, 9), get(3, 1, 2)},
      {other(Kind::add, 0, 1, 0, 9), other(Kind::add, 0, 1, 0, 9)},  // a lost update
      {other(Kind::add, 0, 2, 0, 1)},
      {other(Kind::add, 0, 1, 0, 1), get(std::nullopt, 2, 3)},
      {other(Kind::add, 0, 1, 0, 1), other(Kind::add, 0, 3, 2, 3)},
      {other(Kind::remove, 0, 1, 0, 1)},
      {set(1, 0, 1), other(Kind::remove, 0, 0, 2, 3)},
      {set(1, 0, 1), other(Kind::remove, 0, 1, 2, 3), get(1, 4, 5)},
      {set(1, 0, 1), other(Kind::remove, 0, 1, 2, 9), other(Kind::remove, 0, 1, 2, 9)},
      {other(Kind::getset, 1, 5, 0, 1)},
      {set(1, 0, 1), other(Kind::getset, 2, 1, 2, 9), other(Kind::getset, 3, 1, 2, 9)},
      {set(1, 0, never), get(1, 2, 3), get(std::nullopt, 4, 5)},  // unknown, then seen, then gone
      {set(1, 5, never), get(1, 2, 3)},                           // seen before it was called
  };
  REQUIRE(bad.size() == 20);
  for (std::size_t i = 0; i < bad.size(); ++i) CHECK_MESSAGE(!is_linearizable(bad[i]), i);
  CHECK(is_linearizable({set(1, 0, never), get(std::nullopt, 2, 3), get(1, 4, 5)}));
}

TEST_CASE("the checker notices one wrong result") {
  SeededRandom random(test_seed("histories with one wrong result"));
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    std::vector<RegisterOperation> history = make_history(random, 60);
    RegisterOperation& wrong = history[random.below(history.size())];
    if (wrong.kind == Kind::set || wrong.returned == RegisterOperation::kNever) continue;
    wrong.result = -5;  // nobody ever wrote that
    REQUIRE(!is_linearizable(history));
    ++refused;
  }
  CHECK(refused > 20);
}

// --- the server ---

// What the clients of one history share.
struct Scene {
  std::atomic<std::uint16_t> port{0};
  std::atomic<int> left{kOperations};
  std::atomic<bool> disturbed{true};  // whatever shall happen meanwhile has happened
};

using Histories = std::map<std::size_t, std::vector<RegisterOperation>>;  // by key

std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

std::vector<std::string> words_of(const RegisterOperation& operation, const std::string& key) {
  const std::string argument = std::to_string(operation.argument);
  switch (operation.kind) {
    case Kind::get:
      return {"GET", key};
    case Kind::set:
      return {"SET", key, argument};
    case Kind::getset:
      return {"GETSET", key, argument};
    case Kind::add:
      return {"INCR", key};
    case Kind::remove:
      return {"DEL", key};
  }
  return {};
}

// Until the history is long enough. Who gets no answer, or that the outcome is unknown, goes on
// with another operation.
void run_client(int number, std::uint64_t seed, Scene& scene, Histories& histories) {
  SeededRandom random(seed);
  std::optional<TcpClient> client;
  std::int64_t writes = 0;
  while (scene.left.fetch_sub(1) > 0 || !scene.disturbed) {
    RegisterOperation operation;
    operation.kind = random.below(2) == 0 ? Kind::get : static_cast<Kind>(random.below(5));
    operation.argument = (++writes * kClients + number) * 1'000'000;
    const std::size_t key = random.below(kKeys);
    try {
      if (!client) client.emplace(scene.port.load(), 5s);
    } catch (const TcpError&) {
      std::this_thread::sleep_for(5ms);
      continue;  // nothing was called
    }
    operation.called = now_ns();
    try {
      const RespReply reply = client->call(words_of(operation, "key" + std::to_string(key)));
      if (reply.raw.starts_with("-READONLY") || reply.raw.starts_with("-NOREPLICAS"))
        continue;  // not done
      if (!reply.raw.starts_with("-")) {
        operation.returned = now_ns();
        if (operation.kind != Kind::set && !reply.null) operation.result = std::stoll(reply.text);
      }
    } catch (const TcpError&) {
      client.reset();
    }
    histories[key].push_back(operation);
  }
}

// Runs the clients, and `disturb` beside them; gives how many operations have an unknown outcome.
template <class Disturb>
std::size_t check_history(std::uint64_t seed, Scene& scene, Disturb&& disturb) {
  std::vector<Histories> histories(kClients);
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < kClients; ++i)
      clients.emplace_back([&, i] {
        run_client(i, seed + static_cast<std::uint64_t>(i), scene,
                   histories[static_cast<std::size_t>(i)]);
      });
    disturb();
    scene.disturbed = true;
  }
  std::size_t operations = 0, unknown = 0;
  for (std::size_t key = 0; key < kKeys; ++key) {
    std::vector<RegisterOperation> all;
    for (Histories& one : histories) all.insert(all.end(), one[key].begin(), one[key].end());
    operations += all.size();
    unknown += static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& one) {
      return one.returned == RegisterOperation::kNever;
    }));
    // A read whose answer nobody got says nothing.
    std::erase_if(all, [](const auto& one) {
      return one.returned == RegisterOperation::kNever && one.kind == Kind::get;
    });
    REQUIRE_MESSAGE(is_linearizable(all), "key" << key);
  }
  CHECK(operations > kOperations / 2);
  return unknown;
}

std::vector<std::string> replicated(std::uint16_t own, std::uint16_t master) {
  std::vector<std::string> settings{"replication.enabled=true",
                                    "replication.listen=127.0.0.1:" + std::to_string(own),
                                    "replication.sync_interval=100ms"};
  if (master != 0) {
    settings.push_back("replication.replica_type=slave");
    settings.push_back("replication.master_address=127.0.0.1:" + std::to_string(master));
  }
  return settings;
}

}  // namespace

TEST_CASE("histories of the real server are linearizable, whatever is killed meanwhile") {
  SeededRandom random(test_seed("histories of the real server"));
  const std::uint64_t histories = environment_number("KIMDB_HISTORIES", 3);
  std::size_t unknown = 0;
  for (std::uint64_t i = 0; i < histories; ++i) {
    Scene scene;
    scene.disturbed = i % 3 == 0;
    const auto pause = [&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50 + random.below(200)));
    };
    if (i % 3 == 2) {
      const std::uint16_t first = free_port(), second = free_port();
      TestServer master(replicated(first, 0)), slave(replicated(second, first));
      REQUIRE(master.connect(60s).ask("SET ready 1") == "OK");
      scene.port = master.port();
      unknown += check_history(random.next(), scene, [&] {
        pause();
        master.kill();
        // The new master has the old one as its slave: without one it answers nothing.
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        while (slave.connect().ask("PROMOTE") != "OK") {
          REQUIRE(std::chrono::steady_clock::now() < deadline);
          std::this_thread::sleep_for(10ms);
        }
        scene.port = slave.port();
        master.set(replicated(first, second));
        master.restart();
        pause();
      });
    } else {
      TestServer server;
      scene.port = server.port();
      unknown += check_history(random.next(), scene, [&] {
        if (i % 3 == 0) return;
        for (int kills = 0; kills < 3; ++kills) {
          pause();
          server.kill();
          server.restart();
        }
      });
    }
  }
  std::printf("%llu histories of %d operations, %zu outcomes unknown\n",
              static_cast<unsigned long long>(histories), kOperations, unknown);
}

}  // namespace kimdb::support
