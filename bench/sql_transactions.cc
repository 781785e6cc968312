// What SERIALIZABLE costs, and how long an UPDATE of a whole table takes beside quick writers.
// `bench_sql_transactions address [rows] [rounds]`. Prints medians: transactions a second of four
// connections that each read two rows and change one, of their own, under both isolations; then the
// UPDATE alone and beside two writers of single rows.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"

namespace {

using namespace kimdb;
using Clock = std::chrono::steady_clock;

constexpr int kConnections = 4;
constexpr std::chrono::seconds kRound{2};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

client::Client connect(const std::string& address) {
  auto client = client::Client::connect({.address = address});
  if (!client) fail(client.error().message);
  return std::move(*client);
}

// False if it met a conflict.
bool run(client::Client& client, const std::string& sql) {
  const auto reply = client.call({"SQL", sql});
  if (!reply) fail(reply.error().message);
  if (!reply->is_error()) return true;
  if (reply->string.find("write conflict") == std::string::npos) fail(reply->string);
  return false;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double transactions_per_second(const std::string& address, const std::string& begin,
                               std::size_t rows) {
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> committed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kConnections; ++i)
    threads.emplace_back([&, i] {
      client::Client client = connect(address);
      const std::size_t share = rows / kConnections;
      const std::size_t first = static_cast<std::size_t>(i) * share;
      for (std::size_t n = 0; !over; n = (n + 1) % (share - 1)) {
        const std::string id = std::to_string(first + n), next = std::to_string(first + n + 1);
        run(client, begin);
        run(client, "SELECT n FROM t WHERE id IN (" + id + ", " + next + ")");
        run(client, "UPDATE t SET n = n + 1 WHERE id = " + id);
        if (run(client, "COMMIT")) ++committed;
      }
    });
  const auto start = Clock::now();
  std::this_thread::sleep_for(kRound);
  over = true;
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = Clock::now() - start;
  return static_cast<double>(committed) / took.count();
}

double ms_of_update(const std::string& address, int writers, std::size_t rows) {
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < writers; ++i)
    threads.emplace_back([&, i] {
      client::Client client = connect(address);
      for (std::size_t n = static_cast<std::size_t>(i); !over; n = (n + 7919) % rows)
        run(client, "UPDATE t SET n = n + 1 WHERE id = " + std::to_string(n));
    });
  client::Client client = connect(address);
  const auto start = Clock::now();
  if (!run(client, "UPDATE t SET n = n + 1000")) fail("the UPDATE met a conflict");
  const std::chrono::duration<double, std::milli> took = Clock::now() - start;
  over = true;
  for (std::thread& thread : threads) thread.join();
  return took.count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) fail("usage: bench_sql_transactions address [rows] [rounds]");
  const std::string address = argv[1];
  const std::size_t rows = argc > 2 ? std::stoul(argv[2]) : 200'000;
  const int rounds = argc > 3 ? std::stoi(argv[3]) : 5;
  client::Client client = connect(address);
  run(client, "DROP TABLE IF EXISTS t");
  run(client, "CREATE TABLE t (id INT PRIMARY KEY, n INT)");
  run(client,
      "INSERT INTO t WITH RECURSIVE i(v) AS (SELECT 0 UNION ALL SELECT v + 1 FROM i WHERE v < " +
          std::to_string(rows - 1) + ") SELECT v, 0 FROM i");
  std::vector<double> snapshot, serializable, alone, beside;
  for (int i = 0; i < rounds; ++i) {
    snapshot.push_back(transactions_per_second(address, "BEGIN", rows));
    serializable.push_back(transactions_per_second(address, "BEGIN SERIALIZABLE", rows));
    alone.push_back(ms_of_update(address, 0, rows));
    beside.push_back(ms_of_update(address, 2, rows));
  }
  std::printf(
      "transactions of four connections: snapshot %.0f/s, serializable %.0f/s, %.2f of it\n",
      median(snapshot), median(serializable), median(serializable) / median(snapshot));
  std::printf("UPDATE of %zu rows: alone %.0f ms, beside two writers of single rows %.0f ms\n",
              rows, median(alone), median(beside));
}
