// INSERTs in batches through a server, beside SQLite with its WAL on disk: every batch is on disk
// before the next one begins. `bench_sql_insert address directory [rows] [rounds]`; the directory
// is SQLite's, and should lie on the disk that the server writes to. Prints one line: rows a
// second, medians, and the ratio.
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "client/client.h"

namespace {

using namespace kimdb;

constexpr std::size_t kBatch = 500;
constexpr const char* kTable =
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INT, amount INT, note TEXT)";

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

std::string batch_from(std::size_t first) {
  std::string sql = "INSERT INTO orders VALUES ";
  for (std::size_t id = first; id < first + kBatch; ++id)
    sql += (id == first ? "(" : ",(") + std::to_string(id) + "," +
           std::to_string(id * 7919 % 100003) + "," + std::to_string(id % 1000) +
           ",'note of order " + std::to_string(id) + "')";
  return sql;
}

double rows_per_second(std::size_t rows, const std::function<void(const std::string&)>& insert) {
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t first = 0; first < rows; first += kBatch) insert(batch_from(first));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(rows) / took.count();
}

double of_kimdb(client::Client& client, std::size_t rows) {
  const auto run = [&](const std::string& sql) {
    const auto reply = client.call({"SQL", sql});
    if (!reply) fail(reply.error().message);
    if (reply->is_error()) fail(reply->string);
  };
  run("DROP TABLE IF EXISTS orders");
  run(kTable);
  return rows_per_second(rows, run);
}

double of_sqlite(const std::string& directory, std::size_t rows) {
  const std::string path = directory + "/bench.db";
  for (const char* suffix : {"", "-wal", "-shm"}) std::remove((path + suffix).c_str());
  sqlite3* database = nullptr;
  if (sqlite3_open(path.c_str(), &database) != SQLITE_OK) fail("cannot open " + path);
  const auto run = [&](const std::string& sql) {
    if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      fail(sql.substr(0, 60) + ": " + sqlite3_errmsg(database));
  };
  run("PRAGMA journal_mode = WAL");
  run("PRAGMA synchronous = FULL");
  run(kTable);
  const double rate = rows_per_second(rows, run);
  sqlite3_close(database);
  return rate;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) fail("bench_sql_insert address directory [rows] [rounds]");
  const std::size_t rows = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 200000;
  const std::size_t rounds = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 5;
  auto client = client::Client::connect({.address = argv[1]});
  if (!client) fail(client.error().message);
  std::vector<double> ours, theirs;
  for (std::size_t round = 0; round < rounds; ++round) {
    ours.push_back(of_kimdb(*client, rows));
    theirs.push_back(of_sqlite(argv[2], rows));
  }
  const double kimdb = median(std::move(ours)), sqlite = median(std::move(theirs));
  std::printf(
      "| INSERT of %zu rows at a time, each on disk before the next | %.0f/s | %.0f/s | %.2f of "
      "the rate |\n",
      kBatch, kimdb, sqlite, kimdb / sqlite);
}
