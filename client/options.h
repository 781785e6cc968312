// What a client is told, and the small values it gives back. Installed; see client/client.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/reply_reader.h"

namespace kimdb::client {

// What happens to the connection behind the caller's back. What the caller does (disconnect, RESET,
// a cancelled wait) is not told.
struct Notice {
  enum class Kind {
    lost,       // it broke; it will be made again when it is needed
    retrying,   // making it failed; tried again after a pause
    connected,  // it was made again
  };
  Kind kind = Kind::lost;
  std::string text;  // why; empty for connected
};

// How a connection is encrypted. The server's certificate must be issued by `ca`, and to the host
// of the address.
struct TlsOptions {
  bool enabled = false;
  std::string ca;    // path of a PEM file; empty: the authorities that the system trusts
  std::string cert;  // one's own, where the server asks for one
  std::string key;
};

struct Options {
  std::string address = "127.0.0.1:3223";
  std::string user;      // empty: "default", where there is a password
  std::string password;  // empty: no login
  std::string name;      // for CLIENT LIST; no spaces
  TlsOptions tls;

  std::chrono::milliseconds connect_timeout{5'000};  // of one attempt, login included
  // From sending to the reply; 0: none. The connection is closed when it passes.
  std::chrono::milliseconds reply_timeout{30'000};
  // How long one call tries to make a broken connection again; 0: once. Between attempts it pauses
  // 50 ms, then twice as long each time, up to 2 s.
  std::chrono::milliseconds reconnect_timeout{10'000};

  std::size_t events_max = 100'000;       // kept for next_event; then the oldest is dropped
  std::size_t reply_bytes_max = 1 << 30;  // a longer reply breaks the connection

  // When this descriptor can be read (an eventfd, say, written to by a signal handler or another
  // thread), every wait ends with an error. The client never reads it. -1: none.
  int cancel_descriptor = -1;

  // Called from inside the call that notices. Must not call the client.
  std::function<void(const Notice&)> on_notice;
};

// What the server answers to HELLO. kimdb calls itself Redis there, for Redis' clients; INFO says
// kimdb_version.
struct ServerInfo {
  std::string server;
  std::string version;
  std::string role;  // "master"; another word on a replica
  std::int64_t connection_id = 0;
};

// Takes some elements of a list while it comes (Client::call_streamed).
using TakeElements = std::function<void(std::vector<protocol::Value>&& elements)>;

struct SetOptions {
  enum class Condition { always, if_absent, if_present };
  Condition condition = Condition::always;
  std::optional<std::chrono::milliseconds> expire_after;
  bool keep_expiry = false;
};

struct ScanPage {
  std::string cursor;  // for the next call; "0": this was the last page
  std::vector<std::string> keys;
};

// Something that the server sent without being asked for it.
struct Event {
  enum class Kind {
    message,          // channel, payload
    pattern_message,  // pattern, channel, payload
    // The connection was lost and made again: what was published meanwhile is lost. Of a DOC WATCH:
    // channel is the collection, value a list of its documents as they are now.
    resubscribed,
    monitor,  // after MONITOR: payload is the line
    other,    // any other push: see value
  };
  Kind kind = Kind::other;
  std::string pattern;
  std::string channel;
  std::string payload;
  protocol::Value value;  // kind other: as it came; resubscribed
};

}  // namespace kimdb::client
