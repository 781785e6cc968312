// Point writes while a SELECT runs for some ten seconds. `bench_sql_scan address [rows] [passes]`
// fills a table and keys, and prints how long writes take from being sent to being answered,
// without the SELECT and under it; each of two connections writes some 500 times a second, one
// rows of the table that is read, the other keys.
//
// The SELECT reads the whole table again and again. Ends with an error where one pass sees another
// sum than the pass before it: it saw a write.
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

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

client::Client connect(const std::string& address) {
  auto client = client::Client::connect({.address = address});
  if (!client) fail(client.error().message);
  return std::move(*client);
}

client::Value call(client::Client& client, const std::vector<std::string>& words) {
  auto reply = client.call(words);
  if (!reply) fail(reply.error().message);
  if (reply->is_error()) fail(reply->string);
  return std::move(*reply);
}

void fill(client::Client& client, std::size_t rows) {
  call(client, {"SQL", "DROP TABLE IF EXISTS scanned"});
  call(client, {"SQL", "CREATE TABLE scanned (id INT PRIMARY KEY, n INT, note TEXT)"});
  for (std::size_t first = 0; first < rows; first += 500) {
    std::string sql = "INSERT INTO scanned VALUES ";
    for (std::size_t id = first; id < std::min(first + 500, rows); ++id)
      sql += (id == first ? "(" : ",(") + std::to_string(id) + "," + std::to_string(id % 1000) +
             ",'note of row " + std::to_string(id) + "')";
    call(client, {"SQL", sql});
  }
}

// Milliseconds of each write until `done`.
std::vector<double> write(const std::string& address, bool rows, std::size_t count,
                          const std::atomic<bool>& done) {
  client::Client client = connect(address);
  std::vector<double> times;
  for (std::size_t i = 0; !done; ++i) {
    const std::string number = std::to_string(i * 7919 % count);
    const std::vector<std::string> words =
        rows ? std::vector<std::string>{"SQL", "UPDATE scanned SET n = n + 1 WHERE id = ?", "ARGS",
                                        number}
             : std::vector<std::string>{"SET", "scanned:" + number, number};
    const auto begin = Clock::now();
    call(client, words);
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return times;
}

double percentile(std::vector<double> values, double part) {
  if (values.empty()) fail("nothing was written");
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

void print(const char* what, const std::vector<double>& times) {
  std::printf("| %s | %zu | %.2f ms | %.2f ms | %.2f ms |\n", what, times.size(),
              percentile(times, 0.5), percentile(times, 0.99), percentile(times, 1));
}

// Of both kinds of writes while work() runs.
template <class Work>
void measure(const std::string& address, std::size_t rows, const char* when, Work&& work) {
  std::atomic<bool> done{false};
  std::vector<double> times[2];
  std::vector<std::jthread> threads;
  for (const bool of_rows : {false, true})
    threads.emplace_back([&, of_rows] { times[of_rows] = write(address, of_rows, rows, done); });
  work();
  done = true;
  threads.clear();
  print((std::string("SET of a key, ") + when).c_str(), times[0]);
  print((std::string("UPDATE of a row, ") + when).c_str(), times[1]);
}

void scan(client::Client& client, std::size_t passes) {
  const auto begin = Clock::now();
  const client::Value reply = call(
      client,
      {"SQL", "WITH RECURSIVE pass(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM pass WHERE i < " +
                  std::to_string(passes) +
                  ") SELECT count(DISTINCT s) AS sums FROM (SELECT (SELECT sum(n) FROM scanned "
                  "WHERE n > -pass.i) AS s FROM pass)"});
  const std::chrono::duration<double> took = Clock::now() - begin;
  std::fprintf(stderr, "the SELECT took %.1f s\n", took.count());
  if (reply.elements.size() != 1 || reply.elements[0].elements.size() != 2 ||
      reply.elements[0].elements[1].integer != 1)
    fail("the SELECT saw writes");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) fail("bench_sql_scan address [rows] [passes]");
  const std::size_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1000000;
  const std::size_t passes = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 150;
  client::Client client = connect(argv[1]);
  fill(client, rows);
  std::printf("| | writes | p50 | p99 | longest |\n|---|---|---|---|---|\n");
  measure(argv[1], rows, "nothing else",
          [] { std::this_thread::sleep_for(std::chrono::seconds(10)); });
  measure(argv[1], rows, "a SELECT of 10 s", [&] { scan(client, passes); });
}
