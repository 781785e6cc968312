// A long answer: when its first row comes, how long all of it takes, and what the server holds of
// it. `bench_sql_stream address [rows]` fills a table, reads all of it as a stream (CLIENT STREAM)
// and as a list that is counted first, and prints the server's memory before and at most (VmHWM, so
// the server must run on this machine).
//
// Ends with an error where a row is missing.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
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
  auto client =
      client::Client::connect({.address = address, .reply_timeout = std::chrono::minutes(10)});
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
  call(client, {"SQL", "DROP TABLE IF EXISTS streamed"});
  call(client, {"SQL", "CREATE TABLE streamed (id INT PRIMARY KEY, n INT, note TEXT)"});
  for (std::size_t first = 0; first < rows; first += 1000)
    call(client,
         {"SQL", "INSERT INTO streamed WITH RECURSIVE c(id) AS (SELECT " + std::to_string(first) +
                     " UNION ALL SELECT id + 1 FROM c WHERE id < " +
                     std::to_string(std::min(first + 1000, rows) - 1) +
                     ") SELECT id, id % 1000, printf('a note of some length for row %07d', id) "
                     "FROM c"});
}

// MB that the server has in memory, by /proc.
double memory_of(const std::string& process, const std::string& field) {
  std::ifstream status("/proc/" + process + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field + ":"))
      return std::strtod(line.c_str() + field.size() + 1, nullptr) / 1024;
  fail("the server is not on this machine");
}

std::string process_of(client::Client& client) {
  const std::string info = call(client, {"INFO", "server"}).string;
  const std::size_t at = info.find("process_id:");
  if (at == std::string::npos) fail("INFO names no process");
  return info.substr(at + 11, info.find('\r', at) - at - 11);
}

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

void measure(const std::string& address, const std::string& process, std::size_t rows,
             bool streamed) {
  client::Client client = connect(address);
  const double before = memory_of(process, "VmHWM");
  const std::vector<std::string> words{"SQL", "SELECT * FROM streamed"};
  double first_row = 0;
  std::size_t seen = 0;
  const auto begin = Clock::now();
  if (streamed) {
    const auto reply = client.call_streamed(words, [&](std::vector<client::Value>&& elements) {
      if (seen == 0) first_row = milliseconds_since(begin);
      seen += elements.size();
    });
    if (!reply) fail(reply.error().message);
    if (reply->is_error()) fail(reply->string);
  } else {
    seen = call(client, words).elements.size();
  }
  const double all = milliseconds_since(begin);
  if (seen != rows) fail("of " + std::to_string(rows) + " rows came " + std::to_string(seen));
  const double after = memory_of(process, "VmHWM");
  std::printf("| %s | %s | %.0f | %.0f | %.0f |\n", streamed ? "streamed" : "counted first",
              streamed ? std::to_string(first_row).substr(0, 5).c_str() : "", all, before, after);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) fail("bench_sql_stream address [rows]");
  const std::string address = argv[1];
  const std::size_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  client::Client client = connect(address);
  fill(client, rows);
  const std::string process = process_of(client);
  std::printf("SELECT * of %zu rows\n\n", rows);
  std::printf("| | first row, ms | all, ms | server's memory before, MB | at most, MB |\n");
  std::printf("|---|---|---|---|---|\n");
  measure(address, process, rows, true);
  measure(address, process, rows, false);
  return 0;
}
