// Indexes on a slave, and on one that becomes the master.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>

#include "tests/support/tcp_client.h"
#include "tests/support/test_server.h"

namespace kimdb::server {
namespace {

using namespace std::chrono_literals;
using support::free_port;
using support::TcpClient;
using support::TestServer;

std::string at(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a slave has its master's indexes, and holds unique ones once it is promoted") {
  const std::uint16_t listen = free_port();
  TestServer master({"replication.enabled=true", "replication.listen=" + at(listen)});
  TestServer slave({"replication.enabled=true", "replication.replica_type=slave",
                    "replication.master_address=" + at(listen),
                    "replication.listen=" + at(free_port())});
  TcpClient writer = master.connect(60s);
  for (int i = 0; i < 500; ++i)
    writer.call({"DOC", "PUT", "c", std::to_string(i), "{\"n\":" + std::to_string(i) + "}"});
  CHECK(writer.ask("INDEX CREATE c (n) UNIQUE") == "n");
  CHECK(writer.ask("INDEX CREATE c (n) NAME other") == "other");
  CHECK(writer.ask("INDEX DROP c other") == "OK");
  TcpClient reader = slave.connect(60s);
  const auto explained = [&] { return reader.call({"DOC", "EXPLAIN", "c", "{\"n\":7}"}).raw; };
  while (!has(explained(), "index") || !has(explained(), "examined\r\n:1\r\n"))
    std::this_thread::sleep_for(5ms);
  CHECK(reader.call({"INDEX", "CREATE", "c", "(x)"}).text.starts_with("READONLY"));
  CHECK(reader.call({"DOC", "COUNT", "c", "{\"n\":{\"$gte\":490}}"}).text == "10");
  // Gone with the log's record, there as here.
  while (has(reader.call({"INDEX", "LIST", "c"}).raw, "other")) std::this_thread::sleep_for(5ms);
  master.kill();
  while (slave.connect(60s).ask("PROMOTE") != "OK") std::this_thread::sleep_for(20ms);
  TcpClient promoted = slave.connect(60s);
  std::string refused;
  do {  // its quorum may want a slave
    refused = promoted.ask("DOC PUT c x {\"n\":7}");
    std::this_thread::sleep_for(5ms);
  } while (!has(refused, "duplicate key") && has(refused, "ERROR"));
  CHECK(has(refused, "duplicate key: the document \"7\""));
}

}  // namespace kimdb::server
