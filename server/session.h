// A session of lines and RESP: bytes from a socket become requests, replies go back in order.
//
//   readable -> parse -> Database::execute -> replies -> socket
//                                   |
//                                   +-> may not be sent yet: held until the log has committed what
//                                   they show
//
// The whole receive buffer is parsed, all its commands are executed, all their replies leave in one
// write. deliver() and completions of deferred commands are posted to its thread by others.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "database/database.h"
#include "protocol/request_parser.h"
#include "server/connection.h"

namespace kimdb::server {

class Session final : public Connection, public database::EventReceiver {
 public:
  // On the second kind of port lines are Redis' inline commands.
  enum class Kind { lines_and_resp, resp_only };

  Session(IoThread& thread, ConnectionManager& connections, Socket socket, std::uint64_t id,
          Kind kind, const ConnectionOptions& options);
  ~Session() override;

  void release() override;
  void on_changes() override;
  database::ChangeListener& change_listener() override { return thread_; }
  void deliver(std::shared_ptr<const database::Event> event,
               std::shared_ptr<const std::string> pattern) override;

 private:
  // Replies in held_ up to `end` (counted from the first byte ever held) may go once `lsn` is
  // reached.
  struct Mark {
    std::uint64_t end;
    Lsn lsn;  // 0: they wait only for those before them
    database::Acknowledge acknowledge;
    protocol::Format format;
    bool tagged;            // a tag stands before the reply, which is the only one
    std::uint32_t replies;  // up to `end`, behind the mark before
    std::uint32_t epoch;    // database::Outcome's
  };

  // Requests parsed before they are executed; they stand in the thread's requests().
  struct Batch {
    std::size_t size = 0;
    std::array<std::size_t, IoThread::kRequestsAhead> ends;  // offsets in the input
    std::array<std::uint64_t, IoThread::kRequestsAhead> hashes{};
    protocol::RequestParser::Parsed end{
        .outcome = protocol::RequestParser::Outcome::request};  // what stopped it
  };

  void on_open() override;
  void on_received(std::string_view received) override;
  void on_input_ended() override;
  void on_sent() override;
  void on_closed() override;
  bool takes_input() const override;
  bool is_done() override;
  IdleLimit idle_limit() const override;
  void on_tick() override;
  void tell_too_many(char first) override;
  void tell_tls(char first) override;

  void process(std::string_view input);
  void process_kept();
  std::size_t execute_all(std::string_view input, std::string& out);
  void answer_malformed(const protocol::RequestParser::Parsed& parsed, std::string& out);
  void parse_ahead(std::string_view input, std::size_t& offset, Batch& batch);
  database::Outcome execute(const protocol::Request& request, std::uint64_t hash, std::string& out);
  void complete(std::string reply, database::Outcome outcome);
  void hold(std::string& out, std::size_t from, const database::Outcome& outcome,
            protocol::Format format, bool tagged = false);
  bool fails(const Mark& mark) const;
  // Errors in the place of the replies that end at the mark.
  void append_timeout(std::string& out, std::string_view replies, const Mark& mark);
  void begin_explanation(const database::Outcome& outcome);
  void end_explanation(std::string& out);
  void finish_explanation();
  void set_limits();
  void deliver_events();
  void send_changes();
  bool send_changes(database::CollectionWatch& watch);
  bool may_execute() const { return open_ && !is_busy() && !close_when_sent_ && !congested(); }
  // The reply to the last command is not there, or not to its end.
  bool is_busy() const { return deferred_ || inside_reply(); }
  bool inside_reply() const { return explaining_ || streaming_; }
  void send_whole(std::string_view reply);
  void ask_for_rest();
  void end_stream();

  const Kind kind_;
  database::Session state_;
  protocol::RequestParser parser_;
  std::function<database::Completion()> make_completion_;

  std::string input_;  // received, not parsed yet
  std::string held_;   // replies that wait for the log; held_base_ bytes before them have gone
  std::uint64_t held_base_ = 0;
  std::deque<Mark> marks_;

  bool deferred_ = false;                                      // a command runs on a worker
  protocol::Format deferred_format_ = protocol::Format::text;  // of its reply
  bool deferred_tagged_ = false;
  bool streaming_ = false;        // the session's state has the rest of a reply
  bool holds_whole_ = false;      // held_ has a worker's reply
  bool stream_fails_ = false;     // its beginning is an error now
  bool explaining_ = false;       // an EXPLAINED reply waits for its end
  bool explained_fails_ = false;  // that reply is an error now
  database::Outcome explained_;
  protocol::Format explained_format_ = protocol::Format::text;
  std::uint64_t explained_since_ = 0;
  protocol::Format events_format_ = protocol::Format::text;  // of the framing it subscribed in
  bool monitor_is_silent_ = false;                           // by CLIENT REPLY

  Mutex events_mutex_;
  struct PendingEvent {
    std::shared_ptr<const database::Event> event;
    std::shared_ptr<const std::string> pattern;
  };
  std::vector<PendingEvent> events_ GUARDED_BY(events_mutex_);
  std::size_t events_bytes_ GUARDED_BY(events_mutex_) = 0;
};

}  // namespace kimdb::server
