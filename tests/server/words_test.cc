// A real file of more than 100,000 lines goes through the line protocol, and through kill -9 (as
// bench/load_words.sh does with netcat).
#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/test_server.h"

namespace kimdb::support {
namespace {

constexpr const char* kWords = "/usr/share/dict/american-english-large";  // package wamerican-large

std::vector<std::string> read_words() {
  std::vector<std::string> words;
  std::ifstream file(kWords);
  for (std::string line; std::getline(file, line);) words.push_back(line);
  return words;
}

std::string value_of(const char* run, std::size_t i) { return run + (":" + std::to_string(i)); }

std::string set_lines(const std::vector<std::string>& words, const char* run) {
  std::string lines;
  for (std::size_t i = 0; i < words.size(); ++i) {
    lines += "SET " + words[i] + " " + value_of(run, i) + "\n";
  }
  return lines;
}

// Sends from another thread, as a pipe does: whoever sends all before reading has both sides wait
// for each other. The sender may find the connection gone; what counts is what came back.
std::jthread send_in_background(TcpClient& client, std::string lines) {
  return std::jthread([&client, lines = std::move(lines)] {
    try {
      client.send(lines);
      client.shutdown_sending();
    } catch (const TcpError&) {
    }
  });
}

// The replies to all lines.
std::vector<std::string> run_lines(const TestServer& server, std::string lines, std::size_t count) {
  TcpClient client = server.connect();
  const std::jthread sender = send_in_background(client, std::move(lines));
  std::vector<std::string> replies;
  for (std::size_t i = 0; i < count; ++i) replies.push_back(client.receive_line());
  CHECK(client.receive_until_close().empty());  // the end of the input closes, after every reply
  return replies;
}

// Loads the second values and kills the server at about a quarter of them; how many were
// acknowledged.
std::size_t kill_during_load(TestServer& server, const std::vector<std::string>& words) {
  TcpClient client = server.connect();
  const std::jthread sender = send_in_background(client, set_lines(words, "second"));
  std::size_t acknowledged = 0;
  try {
    while (client.receive_line() == "OK") {
      if (++acknowledged == words.size() / 4) server.kill();
    }
  } catch (const TcpError&) {
    // The connection died with the server. What had arrived before was counted.
  }
  return acknowledged;
}

}  // namespace

TEST_CASE("a dictionary loaded by lines survives kill -9: nothing lost, nothing invented") {
  const std::vector<std::string> words = read_words();
  REQUIRE_MESSAGE(words.size() > 100'000, "install wamerican-large");
  TestServer server;

  for (const std::string& reply : run_lines(server, set_lines(words, "first"), words.size())) {
    REQUIRE(reply == "OK");
  }
  const std::size_t acknowledged = kill_during_load(server, words);
  REQUIRE(acknowledged >= words.size() / 4);
  server.restart();

  CHECK(server.connect().ask("DBSIZE") == std::to_string(words.size()));
  std::string gets;
  for (const std::string& word : words) gets += "GET " + word + "\n";
  const std::vector<std::string> stored = run_lines(server, std::move(gets), words.size());
  std::size_t second =
      0;  // one connection's commands take effect in order: these come first, without a gap
  while (second < words.size() && stored[second] == value_of("second", second)) ++second;
  CHECK(second >= acknowledged);
  for (std::size_t i = second; i < words.size(); ++i) REQUIRE(stored[i] == value_of("first", i));
}

}  // namespace kimdb::support
