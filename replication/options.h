// How a master and its slaves are set up.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace kimdb::replication {

class TlsContext;

// What a slave must have done with a record before its acknowledgement counts.
enum class Ack {
  none,
  received,
  synced,
  applied,  // it commits when they have synced it, and is answered when they have applied it
};

// When the quorum does not answer in time:
enum class OnTimeout {
  block,  // replies wait until it is back
  fail,   // errors are sent instead (outcome unknown), and writes refused, until it is back and has
          // everything
  degrade,  // they are sent without it, until it is back and has everything
};

// So long may the other side be silent before it counts as gone: some heartbeats, and never less
// than what a busy machine may take.
constexpr std::chrono::milliseconds silence_limit(std::chrono::milliseconds heartbeat) {
  constexpr std::chrono::milliseconds kMin{2000};
  return 5 * heartbeat < kMin ? kMin : 5 * heartbeat;
}

// Of a copy, in the logs of both sides.
inline constexpr std::int64_t kProgressLoggedEveryMs = 2000;

struct MasterOptions {
  std::string listen;  // host:port
  Ack ack = Ack::synced;
  std::size_t quorum = 1;
  std::chrono::milliseconds heartbeat{1000};
  std::chrono::milliseconds timeout{5000};
  OnTimeout on_timeout = OnTimeout::fail;
  std::size_t batch_bytes = 1 << 20;  // about so many are sent to a slave at once
  std::shared_ptr<TlsContext> tls;    // null: none
  bool relays =
      false;  // a slave's, for slaves of its own: passes on what it has, and commits nothing
};

struct SlaveOptions {
  std::uint16_t listen_port = 0;              // where its own slaves, and the others, find it
  std::string master_address;                 // host:port, the master's `listen`
  std::chrono::milliseconds heartbeat{1000};  // of the master
  std::shared_ptr<TlsContext> tls;            // null: none
};

}  // namespace kimdb::replication
