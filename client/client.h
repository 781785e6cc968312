// kimdb's C++ client: one connection to one server, synchronous, RESP3.
//
//   auto client = kimdb::client::Client::connect({.address = "127.0.0.1:3223"});
//   if (!client) { … client.error().message … }
//   client->set("greeting", "hello");
//   auto value = client->get("greeting");           // Result<std::optional<std::string>>
//   auto reply = client->call({"OBJECT", "VERSION", "greeting"});   // any command: Result<Value>
//
// Public headers, as they are installed: client/client.h, client/options.h, client/pipeline.h,
// protocol/reply_reader.h (Value), base/result.h, and what these include of base/ and protocol/.
// `pkg-config --cflags --libs kimdb` says how to build with them. No other library shows through.
//
// A Client is used by one thread at a time. Several connections are several Clients.
//
// Errors. A Result's error means that no reply came; its code says what is known of the command:
//   unavailable   it was not executed: no connection could be made, or it was cancelled before it
//                 was sent
//   io_error      it was sent, and the connection broke, or no reply came in time, or the wait for
//                 it was cancelled: whether it was executed is unknown
// What the server answers with an error is a reply: a Value of that type for call() and run(), an
// Error made from it (permission_denied for NOAUTH, WRONGPASS and NOPERM, else invalid_argument or
// unavailable) for the typed functions.
//
// Reconnecting. A broken connection is made again by the next call (Options::reconnect_timeout
// bounds how long it tries), with the login, the name, the keyspace (SELECT), the subscriptions and
// DOC WATCH of the old one. A command that may have reached the server is sent a second time only
// if it does no harm: it only reads, or it carries an ID (`ID <client> <sequence> SET …`: the
// server does it once and answers again). Any other is answered io_error, and what to do is the
// caller's choice.
//
// A transaction (BEGIN, MULTI) is gone with its connection. What was meant for inside it is not
// executed by itself: every call is refused (unavailable) until ROLLBACK or DISCARD, which are
// answered OK, or until BEGIN or MULTI begin anew. COMMIT and EXEC are refused as well, and end it.
// The loss of WATCH is told by the next call, and MULTI and EXEC are refused without it. That
// POSITION, WAIT and last_insert_rowid() know nothing of the old connection is told once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "client/options.h"
#include "client/pipeline.h"
#include "protocol/reply_reader.h"

namespace kimdb::client {

using protocol::Value;

class ClientState;

class Client {
 public:
  // Connects and logs in; tries once. unavailable where nobody answers, permission_denied where the
  // login is refused, unsupported where the server does not speak RESP3.
  static Result<Client> connect(Options options);

  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // --- any command ---

  // Sends one command and waits for its reply.
  Result<Value> call(std::initializer_list<std::string_view> words);
  Result<Value> call(std::span<const std::string_view> words);
  Result<Value> call(std::span<const std::string> words);

  // The same; but a list that comes without its length, as a long answer of SQL does, is handed to
  // `take` as it comes, some elements at a time, and nothing of it is held: the list that is
  // returned is then empty. After an error what was taken is not all. The server is asked for such
  // lists (CLIENT STREAM) the first time; one that does not know them answers as ever.
  Result<Value> call_streamed(std::span<const std::string_view> words, const TakeElements& take);
  Result<Value> call_streamed(std::span<const std::string> words, const TakeElements& take);

  // Sends all commands of the pipeline at once and appends their replies, in order, to `replies`.
  // After an error `replies` holds those that came; for the commands behind them the error counts.
  // The other commands are not stopped by one that is answered with an error.
  Status run(const Pipeline& commands, std::vector<Value>& replies);
  // The same, and as call_streamed: what `take` is given belongs to the reply that `replies` lacks
  // next. It may look at them.
  Status run(const Pipeline& commands, std::vector<Value>& replies, const TakeElements& take);

  // MULTI, the commands, EXEC, in one write: executed as one, or not at all. The result is each
  // command's reply; nothing where a key that was watched (call({"WATCH", …})) has changed. An
  // error where the server refused one of them: then none was executed.
  Result<std::optional<std::vector<Value>>> transaction(const Pipeline& commands);

  // --- the usual ones ---

  Status ping();
  Result<std::optional<std::string>> get(std::string_view key);
  // False where the condition did not hold and nothing was stored.
  Result<bool> set(std::string_view key, std::string_view value, const SetOptions& options = {});
  // How many of the keys there were.
  Result<std::int64_t> del(std::initializer_list<std::string_view> keys);
  Result<std::int64_t> del(std::span<const std::string_view> keys);
  Result<bool> exists(std::string_view key);
  Result<std::int64_t> increment(std::string_view key, std::int64_t by = 1);
  // False where there is no such key.
  Result<bool> expire(std::string_view key, std::chrono::milliseconds after);
  // Nothing where there is no such key or it never expires.
  Result<std::optional<std::chrono::milliseconds>> time_to_live(std::string_view key);
  Result<std::vector<std::optional<std::string>>> get_many(std::span<const std::string_view> keys);
  Status set_many(std::span<const std::pair<std::string_view, std::string_view>> pairs);
  // Up to about `count` keys that match the glob pattern, and where to go on: 0 at the end. Start
  // with cursor "0".
  Result<ScanPage> scan(std::string_view cursor, std::string_view pattern = "*",
                        std::int64_t count = 100);
  // How many received it.
  Result<std::int64_t> publish(std::string_view channel, std::string_view payload);

  // --- subscriptions ---

  // Commands may be called while there are subscriptions; events that come meanwhile are kept for
  // next_event (Options::events_max).
  Status subscribe(std::initializer_list<std::string_view> channels);
  Status subscribe_patterns(std::initializer_list<std::string_view> patterns);
  // No names: all.
  Status unsubscribe(std::initializer_list<std::string_view> channels = {});
  Status unsubscribe_patterns(std::initializer_list<std::string_view> patterns = {});

  // Waits for the next event; nothing where none came in time (0: waits without end). Reconnects
  // and subscribes again by itself; messages published meanwhile are lost, and an event
  // `resubscribed` says so.
  Result<std::optional<Event>> next_event(std::chrono::milliseconds timeout);
  // Hands every event to the function until that returns false.
  Status listen(const std::function<bool(const Event&)>& handle);
  // Ends the subscriptions, DOC WATCH and MONITOR. The connection stays where it can; MONITOR ends
  // with it alone, and then a transaction is lost as above.
  Status end_events();
  // Events that were thrown away because nobody took them.
  std::uint64_t events_dropped() const;

  // --- the connection ---

  // What the server said when the connection was made.
  const ServerInfo& server() const;
  // False as soon as the connection is known to be broken; looks, but does not wait.
  bool is_connected();
  // Makes the connection if it is broken, trying once.
  Status reconnect();
  // Closes the connection on purpose: its subscriptions, its transaction and MONITOR end. The next
  // call makes it anew, with login and keyspace.
  void disconnect();
  // BEGIN or MULTI was answered, their end not yet.
  bool in_transaction() const;
  // It was lost with its connection, and the caller has not ended it yet: see above.
  bool transaction_lost() const;
  int keyspace() const;            // SELECT
  bool has_subscriptions() const;  // or MONITOR, or DOC WATCH

 private:
  explicit Client(std::unique_ptr<ClientState> state);

  std::unique_ptr<ClientState> state_;
};

}  // namespace kimdb::client
