// What stands behind a Client: its connection, and making that again when it breaks. Owned by one
// Client; one thread. Not installed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "client/connection.h"
#include "client/options.h"
#include "client/pipeline.h"
#include "client/session_memory.h"
#include "protocol/reply_reader.h"

namespace kimdb::client {

class ClientState {
 public:
  // `tls`: null where options.tls is not enabled.
  ClientState(Options options, Address address, TlsContextPointer tls);

  // One attempt to connect, log in and restore what the last connection was.
  Status connect_once();
  // Makes the connection that is broken, within reconnect_timeout.
  Status connect_again();
  // Looks whether the connection still stands, without waiting.
  bool look();

  // Client::disconnect.
  void disconnect();
  // Client::end_events.
  Status end_events();

  // Client::run. `take`: null where lists are to be whole.
  Status run(const Pipeline& commands, std::vector<protocol::Value>& replies,
             const TakeElements* take = nullptr);
  // Client::next_event.
  Result<std::optional<Event>> next_event(std::chrono::milliseconds timeout);

  const ServerInfo& server() const { return server_; }
  const SessionMemory& memory() const { return memory_; }
  std::uint64_t events_dropped() const { return events_dropped_; }

 private:
  // One pass of commands over one connection.
  struct Exchange {
    const Pipeline& commands;
    std::vector<protocol::Value>& replies;
    const TakeElements* take = nullptr;
    bool handed_out = false;                     // a part of the first reply that is missing
    std::size_t done = 0;                        // commands whose replies came
    std::size_t end = commands.size();           // of those that are sent
    std::size_t first = 0;                       // the command that this pass began with
    std::size_t sent_bytes = 0;                  // from the first on, taken by the kernel
    std::vector<protocol::Value> confirmations;  // of the current SUBSCRIBE, so far
  };
  Status exchange(Exchange& exchange);
  Status send_part(Exchange& exchange, std::string_view bytes);
  bool hand_out(Exchange& exchange);
  bool take_reply(Exchange& exchange, protocol::Value value);
  Status consider(Exchange& exchange);
  std::optional<Error> after_loss(Exchange& exchange, const Error& error);
  static bool was_sent(const Exchange& exchange, std::size_t index);
  // Whether all that is unanswered and may have reached the server does no harm if done twice.
  static bool may_repeat(const Exchange& exchange);

  Status log_in(const Patience& patience);
  Status ask_for_streams(const Patience& patience);
  Status restore(const Patience& patience);
  Result<protocol::Value> ask(std::span<const std::string_view> words, const Patience& patience);
  void take_server_info(const protocol::Value& hello);

  void lose_connection(std::string why);
  void take_unrequested(protocol::Value value);
  void keep_event(Event event);
  void notify(Notice::Kind kind, std::string text);
  Patience patience(std::chrono::milliseconds timeout) const;
  bool pause(std::chrono::milliseconds time, std::optional<TimePoint> deadline) const;

  Options options_;
  Address address_;
  Connection connection_;
  SessionMemory memory_;
  ServerInfo server_;
  bool was_connected_ = false;
  bool wants_streams_ = false;  // lists without their length, if they are long
  bool streams_ = false;        // this connection was asked for them
  bool loss_told_ = false;      // so that the end of it is told, too
  std::deque<Event> events_;
  std::uint64_t events_dropped_ = 0;
};

}  // namespace kimdb::client
