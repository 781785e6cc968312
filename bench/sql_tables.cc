// Typed tables beside SQLite's own tables in memory, in one process: the same rows, the same
// statements. `bench_sql_tables [rows] [rounds] [part of a statement]`; prints a line for each
// statement: the medians of both, and the ratio.
//
// SQLite is used as its documentation says it is fastest: prepared statements, one connection,
// INTEGER PRIMARY KEY. kimdb gets the statements as its interfaces do (Database::execute).
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/filesystem.h"
#include "base/logging.h"
#include "base/posix_filesystem.h"
#include "base/random.h"
#include "database/database.h"
#include "database/session.h"
#include "protocol/request.h"

namespace {

using namespace kimdb;

constexpr const char* kStatements[] = {
    "SELECT count(*), sum(amount) FROM orders WHERE amount > 500",
    "SELECT status, count(*), sum(amount) FROM orders GROUP BY status",
    "SELECT count(u.name), sum(o.amount) FROM orders o JOIN users u ON u.id = o.user_id",
    "SELECT id, note FROM orders WHERE note LIKE '%77%' ORDER BY note LIMIT 10",
};
constexpr const char* kLookup = "SELECT amount, note FROM orders WHERE id = ?";
constexpr std::size_t kLookups = 500000;
constexpr std::size_t kUsers = 100000;
constexpr std::size_t kBatch = 500;  // rows of one INSERT

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

class Native {
 public:
  Native() {
    sqlite3_open_v2(":memory:", &database_,
                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  }
  ~Native() { sqlite3_close_v2(database_); }

  void run(const std::string& sql) {
    if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      fail(sql + ": " + sqlite3_errmsg(database_));
  }
  sqlite3_stmt* prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr) != SQLITE_OK)
      fail(std::string(sql) + ": " + sqlite3_errmsg(database_));
    return statement;
  }

 private:
  sqlite3* database_ = nullptr;
};

class Kimdb {
 public:
  Kimdb() {
    auto logger = Logger::open({.level = LogLevel::off, .output = "stderr"});
    if (!logger) fail(logger.error().message);
    logger_ = std::move(*logger);
    database::DatabaseOptions options;
    options.wal_enabled = false;
    auto opened = database::Database::open(options, {filesystem_, clock_, random_, *logger_});
    if (!opened) fail(opened.error().message);
    database_ = std::move(*opened);
    session_.rights = {database::Role::admin, {}};
  }

  const std::string& run(std::span<const std::string_view> words) {
    request_.clear();
    request_.framing = protocol::Framing::resp;
    request_.words.assign(words.begin(), words.end());
    out_.clear();
    database_->execute(session_, request_, out_, {.now_ms = database_->now_ms()});
    if (out_.starts_with('-')) fail(out_);
    return out_;
  }
  const std::string& run(std::string_view sql) {
    const std::string_view words[] = {"SQL", sql};
    return run(words);
  }

 private:
  PosixFilesystem filesystem_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<Logger> logger_;
  std::unique_ptr<database::Database> database_;
  database::SessionInfo info_;
  database::Session session_{info_};
  protocol::Request request_;
  std::string out_;
};

std::string order_values(std::size_t id, std::uint64_t random) {
  constexpr const char* kStatus[] = {"new", "paid", "packed", "sent", "returned"};
  return "(" + std::to_string(id) + "," + std::to_string(random % kUsers) + "," +
         std::to_string(random / 7 % 1000) + ",'" + kStatus[random / 11 % 5] + "','note " +
         std::to_string(random % 1000003) + " of order " + std::to_string(id) + "')";
}

// Calls insert(sql) with INSERTs of kBatch rows each.
void fill(std::size_t rows, const std::function<void(const std::string&)>& insert) {
  SeededRandom random(1);
  std::string sql;
  const auto add = [&](const char* table, const std::string& values, bool last) {
    sql += (sql.empty() ? "INSERT INTO " + std::string(table) + " VALUES " : ",") + values;
    if (!last) return;
    insert(sql);
    sql.clear();
  };
  for (std::size_t i = 0; i < rows; ++i)
    add("orders", order_values(i, random.next() >> 1), (i + 1) % kBatch == 0 || i + 1 == rows);
  for (std::size_t i = 0; i < kUsers; ++i)
    add("users", "(" + std::to_string(i) + ",'user " + std::to_string(i) + "')",
        (i + 1) % kBatch == 0 || i + 1 == kUsers);
}

void print(const char* what, std::vector<double> kimdb_times, std::vector<double> native_times,
           std::size_t count) {
  const double ours = median(std::move(kimdb_times)), theirs = median(std::move(native_times));
  if (count == 1)
    std::printf("| %s | %.0f ms | %.0f ms | %.2f of the time |\n", what, ours * 1e3, theirs * 1e3,
                ours / theirs);
  else
    std::printf("| %s | %.0f/s | %.0f/s | %.2f of the rate |\n", what,
                static_cast<double>(count) / ours, static_cast<double>(count) / theirs,
                theirs / ours);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000000;
  const std::size_t rounds = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 5;
  Native native;
  Kimdb kimdb;
  for (const bool ours : {false, true}) {
    const auto run = [&](const std::string& sql) { ours ? void(kimdb.run(sql)) : native.run(sql); };
    const std::string key = ours ? "INT PRIMARY KEY" : "INTEGER PRIMARY KEY";
    run("CREATE TABLE orders (id " + key + ", user_id INT, amount INT, status TEXT, note TEXT)");
    run("CREATE TABLE users (id " + key + ", name TEXT)");
    fill(rows, run);
  }
  std::printf("| statement | kimdb | SQLite in memory | kimdb/SQLite |\n|---|---|---|---|\n");
  const std::string only = argc > 3 ? argv[3] : "";
  for (const char* sql : kStatements) {
    if (std::string(sql).find(only) == std::string::npos) continue;
    std::vector<double> ours, theirs;
    sqlite3_stmt* statement = native.prepare(sql);
    for (std::size_t round = 0; round < rounds; ++round) {
      ours.push_back(seconds_of([&] { kimdb.run(sql); }));
      theirs.push_back(seconds_of([&] {
        while (sqlite3_step(statement) == SQLITE_ROW) {
        }
        sqlite3_reset(statement);
      }));
    }
    sqlite3_finalize(statement);
    print(sql, std::move(ours), std::move(theirs), 1);
  }
  if (std::string(kLookup).find(only) == std::string::npos) return 0;
  std::vector<double> ours, theirs;
  sqlite3_stmt* statement = native.prepare(kLookup);
  for (std::size_t round = 0; round < rounds; ++round) {
    SeededRandom random(round);
    ours.push_back(seconds_of([&] {
      for (std::size_t i = 0; i < kLookups; ++i) {
        const std::string id = std::to_string(random.below(rows));
        const std::string_view words[] = {"SQL", kLookup, "ARGS", id};
        kimdb.run(words);
      }
    }));
    theirs.push_back(seconds_of([&] {
      for (std::size_t i = 0; i < kLookups; ++i) {
        sqlite3_bind_int64(statement, 1, static_cast<std::int64_t>(random.below(rows)));
        if (sqlite3_step(statement) != SQLITE_ROW) fail("a row is missing");
        sqlite3_column_int64(statement, 0);
        sqlite3_column_text(statement, 1);
        sqlite3_reset(statement);
      }
    }));
  }
  sqlite3_finalize(statement);
  print(kLookup, std::move(ours), std::move(theirs), kLookups);
}
