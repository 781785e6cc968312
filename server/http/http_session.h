// A connection that speaks HTTP/1.1: requests become commands (rest.h), one after the other, and
// their replies leave once the log has committed what they show.
//
// Everything happens on its I/O thread; completions of deferred commands are posted there.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "database/database.h"
#include "server/connection.h"
#include "server/http/http_stream.h"
#include "server/http/rate_limiter.h"
#include "server/http/request_reader.h"
#include "server/http/rest.h"

namespace kimdb::server {

struct HttpOptions {
  std::uint64_t max_body_size = 10 << 20;
  std::vector<std::string> cors_origins;  // "https://app.example.com"; "*": all
  std::vector<std::string> hosts;         // names that clients may call this server by
  RateLimiter* rate_limiter = nullptr;    // borrowed; null: none
};

class HttpSession final : public Connection {
 public:
  HttpSession(IoThread& thread, ConnectionManager& connections, Socket socket, std::uint64_t id,
              const ConnectionOptions& options, const HttpOptions& http);
  ~HttpSession() override;

  void release() override;
  void on_changes() override;

  // --- for its stream ---
  std::uint64_t id() const { return info_.id; }
  std::string server_id() { return thread_.database().node_id(); }
  std::int64_t now_ms() { return thread_.now_ms(); }
  void send_stream(std::string_view bytes) { send(bytes); }
  // What is sent was the last.
  void finish_stream() {
    lingers_ = true;
    finish();
  }
  // What is sent now need not wait for long.
  bool wants_more() const { return open_ && !congested(); }
  // The stream's on_ready() is called when others have had their turn.
  void ask_later() {
    thread_.post([self = shared_from_this()] { self->on_changes(); });
  }
  // takes_input() may have become true.
  void input_taken() { update_interest(); }
  bool is_logged_in() {
    return !options_.auth_enabled || (state_.authenticated && !login_has_expired());
  }
  bool login_has_expired() { return state_.login_has_expired(now_ms()); }
  bool may_read(std::string_view collection) const { return state_.may_read(collection); }
  void count_command();
  // Counts a request of whoever is logged in, or of the address. Zero: it may be served; else it
  // may come again then.
  std::chrono::milliseconds take_from_rate();
  Result<std::unique_ptr<database::ChangeReader>> subscribe(
      const std::optional<database::FeedPosition>& since) {
    return thread_.database().change_feed().subscribe(since, thread_);
  }
  // The position of an LSN of this log; empty where it is unknown.
  std::string position_of(Lsn lsn);
  // Calls `then` with the reply, now or later; one command after the other.
  using Then = std::function<void(const protocol::Value& reply, const database::Outcome& outcome)>;
  void execute(const std::vector<std::string>& words, Then then);
  // Whether what a command has shown is committed.
  enum class Commit { reached, awaited, fails };
  Commit commit_of(const database::Outcome& outcome);
  // release() is called once that may have changed.
  void wait_for(Lsn lsn) { thread_.wait_for(*this, lsn); }
  void keep_waiting() { thread_.keep_waiting(*this); }

 private:
  void on_received(std::string_view received) override;
  void on_sent() override;
  void on_closed() override;
  void on_input_ended() override;
  void on_finish() override;
  void on_tick() override;
  bool takes_input() const override {
    return stream_ != nullptr ? stream_->takes_input() : !busy_ || input_.size() <= kQueueSoftLimit;
  }
  bool is_done() override { return !busy_ || stream_ != nullptr; }
  // What it has become has time limits of its own.
  IdleLimit idle_limit() const override {
    if (busy_) return {};
    return {options_.http_idle_timeout, "http.idle_timeout"};
  }
  void tell_too_many(char first) override;
  void tell_tls(char first) override;

  void process();
  // Begins the request: the response comes now or later.
  void begin();
  bool refuse_stranger();
  bool is_own_origin(std::string_view origin) const;
  void login_and_go_on(std::string_view authorization);
  void call();
  void complete(std::string_view reply, const database::Outcome& outcome);
  void logged_in(const protocol::Value& reply);
  void called(const protocol::Value& reply, const database::Outcome& outcome);
  void begin_rows(std::string_view reply, const database::Outcome& outcome);
  void await_commit(const database::Outcome& outcome);
  void ask_for_rest();
  void send_part(std::string_view part, const database::Outcome& outcome);
  void end_response();
  void respond(HttpResponse response);
  void begin_stream(std::unique_ptr<HttpStream> stream);
  void begin_events();
  void begin_websocket();
  void add_cors(HttpResponse& response) const;

  const HttpOptions& http_;
  database::Session state_;
  std::function<database::Completion()> make_completion_;
  HttpRequestReader reader_;
  std::string input_;  // received, not read yet
  HttpRequest request_;
  RestCall call_;
  bool processing_ = false;  // process() is on the stack
  bool busy_ = false;        // with request_
  bool deferred_ = false;    // a worker has the state
  bool awaits_commit_ = false;
  bool streams_rows_ = false;           // the rest of the body is the state's
  std::unique_ptr<HttpStream> stream_;  // what it has become
  HttpResponse response_;               // that waits for the commit
  database::Outcome outcome_;
  Then then_;
  std::string authorization_;  // that the state is logged in by
  std::string asked_authorization_;
};

}  // namespace kimdb::server
