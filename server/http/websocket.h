// A WebSocket: messages become commands and subscriptions (socket_message.h), whose replies leave
// in the order of the messages, each once the log has committed what it shows; between them come
// the changes of the collections that it has subscribed to, in the order of the log.
//
// Everything happens on its connection's I/O thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "database/collection_watch.h"
#include "database/database.h"
#include "server/http/http_stream.h"
#include "server/http/live_query.h"
#include "server/http/socket_message.h"
#include "server/http/websocket_codec.h"

namespace kimdb::server {

class HttpSession;

class WebSocket final : public HttpStream {
 public:
  WebSocket(HttpSession& session, std::size_t message_bytes_max);

  void on_received(std::string_view bytes) override;
  void on_ready() override;
  void on_tick() override;
  void on_finish() override;
  void release() override;
  bool takes_input() const override;

 private:
  // Of a collection's changes.
  struct Subscription {
    database::CollectionWatch watch;
    // Where there is one, the changes are not told to the client: they may concern its result.
    std::unique_ptr<LiveQuery> query;
    bool begun = false;  // what the changes follow on has been sent
  };
  // A reply that waits for the commit of what it shows, or for one that does.
  struct Reply {
    database::Outcome outcome;
    std::string text;
    std::string echo;
    std::function<void()> sent;    // called then
    std::function<void()> failed;  // called where it is an error, since the commit failed
  };

  // Operations that are done one after the other, and answered together.
  struct Batch {
    SocketCall call;
    std::size_t done = 0;
    std::string results;
    database::Outcome outcome;  // of the latest that was written
  };

  void process();
  void end_when_done();
  void begin(SocketCall call);
  using Then = std::function<void(const protocol::Value& reply, const database::Outcome& outcome)>;
  void execute(const std::vector<std::string>& words, Then then);
  void executed(const SocketCall& call, const protocol::Value& reply,
                const database::Outcome& outcome);
  void end_forbidden();
  void continue_batch(const std::shared_ptr<Batch>& batch);
  void show_conflict(SocketCall call);
  void subscribe(const SocketCall& call);
  void unsubscribe(const SocketCall& call);
  // Sends all documents of the collection, and then what follows on that state.
  void reset(const SocketCall& call, const std::shared_ptr<Subscription>& subscription);
  void begin_query(const SocketCall& call);
  LiveQuery* find_query(const std::string& id);
  void end_query(const std::string& id);
  // Asks a live query again whose result may have changed.
  void refresh_one();
  void answer(std::string text, const database::Outcome& outcome = {}, std::string echo = {},
              std::function<void()> sent = {}, std::function<void()> failed = {});
  void send_replies();
  void send_text(std::string_view text);

  // From now on its changes are told.
  void begin_to_tell(Subscription& subscription);
  void send_all_changes();
  bool send_changes();
  // The subscriptions that are as far back as any.
  std::vector<Subscription*> furthest_behind(Lsn behind);
  // False where the rest has to wait for its turn.
  bool send_batch(const database::ChangeBatchPointer& batch,
                  const std::vector<Subscription*>& subscriptions);
  void append_change(Subscription& subscription, database::ShownChange& shown, std::string& out);
  static std::string members_of(const Subscription& subscription);
  void lose(Subscription& subscription, const Error& why);
  // Closes the connection of who may not go on.
  void dismiss(std::string_view why);

  HttpSession& session_;
  WebSocketCodec codec_;
  std::deque<std::string> inbox_;  // messages that wait for their turn
  std::size_t inbox_bytes_ = 0;
  std::deque<Reply> replies_;
  std::size_t reply_bytes_ = 0;
  // The client has closed, or broken the protocol: sent behind the last reply.
  std::optional<std::string> farewell_;
  std::vector<std::shared_ptr<Subscription>> subscriptions_;
  bool executing_ = false;  // a worker is at a command
  bool processing_ = false;
  bool some_begun_ = false;  // since changes were told last
  bool ended_ = false;       // a close frame was sent
  std::int64_t begun_ms_ = 0;
  std::int64_t last_received_ms_ = 0;
  std::int64_t last_ping_ms_ = 0;
};

}  // namespace kimdb::server
