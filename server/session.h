// A TCP session: bytes from a socket become requests, replies go back in order.
//
//   readable -> parse -> Database::execute -> replies -> socket
//                                   |
//                                   +-> may not be sent yet: held until the log has committed what
//                                   they show
//
// The whole receive buffer is parsed, all its commands are executed, all their replies leave in one
// write. Lives on one I/O thread; close(), deliver() and completions of deferred commands are
// posted there by others.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <string>

#include "base/tls.h"
#include "base/unique_fd.h"
#include "database/database.h"
#include "protocol/request_parser.h"
#include "server/io_thread.h"
#include "server/tls_connection.h"

namespace kimdb::server {

class ConnectionManager;

// What all sessions of a server share. Borrowed; CONFIG SET changes what is atomic, on whatever
// thread.
struct SessionOptions {
  std::atomic<std::size_t> max_message_size{1 << 20};
  std::atomic<std::size_t> max_output_buffer{64 << 20};
  std::atomic<std::chrono::milliseconds> idle_timeout{std::chrono::milliseconds(0)};     // 0: none
  std::atomic<std::chrono::milliseconds> request_timeout{std::chrono::milliseconds(0)};  // 0: none
  std::atomic<bool> greeting{false};
  bool auth_enabled = false;
  TlsContextPointer tls;  // null: connections are not encrypted
};

// A connected socket that does not block.
struct Socket {
  UniqueFd fd;
  std::string peer_host;     // "127.0.0.1"
  std::string peer_address;  // with its port
  std::string local_address;
};

class Session final : public std::enable_shared_from_this<Session>,
                      public Poller::Target,
                      public database::EventReceiver {
 public:
  // How the session begins: normally, on the port where lines are Redis' inline commands, or only
  // to be told that there are too many connections.
  enum class Kind { lines_and_resp, resp_only, refused };

  Session(IoThread& thread, ConnectionManager& connections, Socket socket, std::uint64_t id,
          Kind kind, const SessionOptions& options);
  ~Session() override;

  // On its thread, once.
  void start();
  // Any thread. `why` goes to the server's log.
  void close_from_anywhere(std::string why);
  const database::SessionInfo& info() const { return info_; }
  Kind kind() const { return kind_; }

  // --- on its thread ---
  void on_ready(bool readable, bool writable) override;
  void release();
  void check_timeouts(std::int64_t now_ms);
  void close(std::string_view why);
  // Executes nothing more and closes once every reply is sent.
  void finish();
  bool waits = false;  // IoThread's: the session is in its list

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

  // As recv and send, through TLS where that is asked for.
  ssize_t read_some(char* out, std::size_t size);
  ssize_t write_some(std::string_view bytes);
  std::string failure() const;  // of the two
  bool begin_tls();
  void receive();
  void process(std::string_view input);
  void process_kept();
  std::size_t execute_all(std::string_view input, std::string& out);
  void refuse_connection(bool resp);
  void answer_malformed(const protocol::RequestParser::Parsed& parsed, std::string& out);
  void parse_ahead(std::string_view input, std::size_t& offset, Batch& batch);
  database::Outcome execute(const protocol::Request& request, std::uint64_t hash, std::string& out);
  void complete(std::string reply, database::Outcome outcome);
  void hold(std::string& out, std::size_t from, const database::Outcome& outcome,
            protocol::Format format, bool tagged = false);
  bool fails(const Mark& mark) const;
  // Errors in the place of the replies that end at the mark.
  void append_timeout(std::string& out, std::string_view replies, const Mark& mark);
  void send(std::string_view bytes);
  void flush_queue();
  void begin_explanation(const database::Outcome& outcome);
  void end_explanation(std::string& out);
  void finish_explanation();
  void set_limits();
  void update_interest();
  void deliver_events();
  void close_if_done();
  bool may_execute() const {
    return open_ && !deferred_ && !explaining_ && !close_when_sent_ && !congested();
  }
  bool congested() const { return queue_.size() - queue_sent_ > kQueueSoftLimit; }

  static constexpr std::size_t kQueueSoftLimit =
      1 << 20;  // above it nothing more is read or executed

  IoThread& thread_;
  ConnectionManager& connections_;
  UniqueFd socket_;
  std::unique_ptr<TlsConnection> tls_;  // from the first byte on, where it is asked for
  const SessionOptions& options_;
  const Kind kind_;
  database::SessionInfo info_;
  database::Session state_;
  protocol::RequestParser parser_;
  std::function<database::Completion()> make_completion_;

  std::string input_;  // received, not parsed yet
  std::string held_;   // replies that wait for the log; held_base_ bytes before them have gone
  std::uint64_t held_base_ = 0;
  std::deque<Mark> marks_;
  std::string queue_;  // replies that may go and that the socket did not take yet
  std::size_t queue_sent_ = 0;

  bool open_ = true;
  bool input_ended_ = false;  // the client has shut down its side
  bool close_when_sent_ = false;
  bool deferred_ = false;                                      // a command runs on a worker
  protocol::Format deferred_format_ = protocol::Format::text;  // of its reply
  bool deferred_tagged_ = false;
  bool explaining_ = false;       // an EXPLAINED reply waits for its end
  bool explained_fails_ = false;  // that reply is an error now
  database::Outcome explained_;
  protocol::Format explained_format_ = protocol::Format::text;
  std::uint64_t explained_since_ = 0;
  protocol::Format events_format_ = protocol::Format::text;  // of the framing it subscribed in
  Poller::Interest interest_;
  std::int64_t started_request_ms_ = 0;  // when the unfinished request began, 0: none
  std::int64_t stalled_since_ms_ = 0;    // since when the socket takes nothing, 0: it does

  Mutex events_mutex_;
  struct PendingEvent {
    std::shared_ptr<const database::Event> event;
    std::shared_ptr<const std::string> pattern;
  };
  std::vector<PendingEvent> events_ GUARDED_BY(events_mutex_);
  std::size_t events_bytes_ GUARDED_BY(events_mutex_) = 0;
};

}  // namespace kimdb::server
