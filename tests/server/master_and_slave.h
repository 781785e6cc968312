// How tests start a master and its slaves, and wait for these.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/test_server.h"

namespace kimdb::support {

inline std::string at(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

inline std::vector<std::string> master_settings(std::uint16_t port) {
  return {"replication.enabled=true", "replication.listen=" + at(port),
          "replication.sync_interval=100ms", "wal.max_segment_size=256KB"};
}

// `own_port` is for the day it is promoted.
inline std::vector<std::string> slave_settings(std::uint16_t master_port, std::uint16_t own_port) {
  std::vector<std::string> settings = master_settings(own_port);
  settings.push_back("replication.replica_type=slave");
  settings.push_back("replication.master_address=" + at(master_port));
  return settings;
}

// Waits until what `ask` gives is `wanted`; a minute at most.
template <class Ask>
bool becomes(const std::string& wanted, Ask&& ask) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (ask() != wanted) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

inline std::string digest(const TestServer& server) { return server.connect().ask("DEBUG DIGEST"); }

inline bool become_equal(const TestServer& a, const TestServer& b) {
  return becomes("equal", [&] { return digest(a) == digest(b) ? "equal" : "different"; });
}

}  // namespace kimdb::support
