#include "server/connection.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "server/connection_manager.h"

namespace kimdb::server {

namespace {

constexpr std::chrono::milliseconds kLingerWithin{2000};

bool has_to_wait() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

Connection::Connection(IoThread& thread, ConnectionManager& connections, Socket socket,
                       std::uint64_t id, const ConnectionOptions& options)
    : thread_(thread),
      connections_(connections),
      options_(options),
      peer_host_(std::move(socket.peer_host)),
      socket_(std::move(socket.fd)) {
  info_.id = id;
  info_.address = std::move(socket.peer_address);
  info_.local_address = std::move(socket.local_address);
  info_.connected_at_ms = thread.database().now_ms();
  info_.last_active_ms = info_.connected_at_ms;
}

Connection::~Connection() = default;

void Connection::start() {
  thread_.add(shared_from_this());
  thread_.poller().add(socket_.get(), this, interest_);
  if (options_.tls == nullptr) on_open();
}

void Connection::on_ready(bool readable, bool writable) {
  const auto keep_alive = shared_from_this();
  if (writable) flush_queue();
  const bool reads = readable || (writable && tls_ != nullptr && tls_->read_waits_to_write());
  if (!reads || !open_) return;
  if (options_.tls != nullptr && tls_ == nullptr && !begin_tls()) return;
  receive();
  // What waited to be sent until something of TLS was read.
  if (tls_ != nullptr && open_ && queue_sent_ < queue_.size()) flush_queue();
}

ssize_t Connection::read_some(char* out, std::size_t size) {
  return tls_ != nullptr ? tls_->read(out, size) : ::recv(socket_.get(), out, size, 0);
}

ssize_t Connection::write_some(std::string_view bytes) {
  return tls_ != nullptr ? tls_->write(bytes)
                         : ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

std::string Connection::failure() const {
  return tls_ != nullptr && !tls_->why().empty() ? tls_->why() : std::strerror(errno);
}

// Something has come. False where the client does not begin TLS, which ends it.
bool Connection::begin_tls() {
  if (const unsigned char first = first_byte(socket_.get()); first != kTlsHandshake) {
    tell_tls(static_cast<char>(first));
    close("it does not use TLS");
    return false;
  }
  tls_ = std::make_unique<TlsConnection>(options_.tls, socket_.get());
  on_open();
  return open_;
}

void Connection::receive() {
  // Nothing is asked for any more: only a broken connection leads here.
  if (input_ended_) return close("the connection broke");
  char* buffer = thread_.receive_buffer();
  const ssize_t count = read_some(buffer, IoThread::kReceiveBytes);
  if (count < 0) {
    if (!has_to_wait()) return close(failure());
    if (tls_ != nullptr) update_interest();
    return;
  }
  if (count == 0) {
    input_ended_ = true;
    on_input_ended();
    update_interest();
    return close_if_done();
  }
  connections_.count_in(static_cast<std::uint64_t>(count));
  if (lingering_since_ms_ != 0) return;
  info_.last_active_ms.store(thread_.now_ms(), std::memory_order_relaxed);
  if (refused()) return refuse(*buffer);
  on_received({buffer, static_cast<std::size_t>(count)});
}

void Connection::refuse(char first) {
  tell_too_many(first);
  close("too many connections");
}

void Connection::send(std::string_view bytes) {
  if (queue_.empty()) {
    const ssize_t count = write_some(bytes);
    if (count < 0 && !has_to_wait()) return close(failure());
    if (count > 0) {
      connections_.count_out(static_cast<std::uint64_t>(count));
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  if (bytes.empty()) return;
  const std::size_t unread = queue_.size() - queue_sent_ + (sends_wholes_ ? 0 : bytes.size());
  if (unread > options_.max_output_buffer)
    return close_slow("does not read its replies (network.max_output_buffer)");
  queue_.append(bytes);
  if (stalled_since_ms_ == 0) stalled_since_ms_ = thread_.now_ms();
  info_.output_bytes.store(queue_.size() - queue_sent_, std::memory_order_relaxed);
  update_interest();
}

void Connection::flush_queue() {
  while (queue_sent_ < queue_.size()) {
    const ssize_t count = write_some(std::string_view(queue_).substr(queue_sent_));
    if (count < 0) {
      if (has_to_wait()) break;
      return close(failure());
    }
    if (count == 0) return close("the connection broke");
    connections_.count_out(static_cast<std::uint64_t>(count));
    queue_sent_ += static_cast<std::size_t>(count);
    stalled_since_ms_ = thread_.now_ms();
  }
  if (queue_sent_ == queue_.size()) {
    queue_ = {};
    queue_sent_ = 0;
    stalled_since_ms_ = 0;
  } else if (queue_sent_ > queue_.size() / 2) {
    queue_.erase(0, queue_sent_);
    queue_sent_ = 0;
  }
  info_.output_bytes.store(queue_.size() - queue_sent_, std::memory_order_relaxed);
  on_sent();
}

void Connection::update_interest() {
  if (!open_) return;
  const Poller::Interest wanted{
      .read = lingering_since_ms_ != 0 ||
              (!input_ended_ && !congested() && !close_when_sent_ && takes_input()),
      .write = tls_ == nullptr ? queue_sent_ < queue_.size()
                               : tls_->read_waits_to_write() ||
                                     (queue_sent_ < queue_.size() && !tls_->write_waits_to_read())};
  if (wanted == interest_) return;
  interest_ = wanted;
  thread_.poller().change(socket_.get(), this, interest_);
}

void Connection::close_if_done() {
  if (!open_ || (!close_when_sent_ && !input_ended_)) return;
  const bool done = is_done();
  if (!open_ || !done || queue_sent_ != queue_.size()) return;
  if (!lingers_ || input_ended_ || tls_ != nullptr) return close("");
  if (lingering_since_ms_ == 0) begin_to_linger();
}

void Connection::begin_to_linger() {
  lingering_since_ms_ = thread_.now_ms();
  ::shutdown(socket_.get(), SHUT_WR);
  update_interest();
}

void Connection::close_slow(std::string_view why) {
  connections_.count_slow_client();
  close(why);
}

void Connection::close(std::string_view why) {
  if (!open_) return;
  open_ = false;
  thread_.poller().remove(socket_.get(), this);
  if (tls_ != nullptr) tls_->end();
  tls_.reset();
  ::shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
  const auto keep_alive = shared_from_this();
  thread_.remove(keep_alive);
  connections_.ended(*this, why);
  on_closed();
}

void Connection::finish() {
  if (!open_) return;
  if (!close_when_sent_) on_finish();
  if (!open_) return;
  close_when_sent_ = true;
  update_interest();
  close_if_done();
}

void Connection::close_from_anywhere(std::string why) {
  thread_.post([self = shared_from_this(), why = std::move(why)] { self->close(why); });
}

void Connection::check_timeouts(std::int64_t now_ms) {
  const auto passed = [&](std::int64_t since, std::chrono::milliseconds limit) {
    return since != 0 && limit.count() != 0 && now_ms - since >= limit.count();
  };
  if (refused()) return refuse(0);
  if (passed(lingering_since_ms_, kLingerWithin)) return close("");
  if (passed(started_request_ms_, options_.request_timeout))
    return close("request took too long (network.request_timeout)");
  if (passed(stalled_since_ms_, options_.request_timeout))
    return close_slow("does not read its replies");
  on_tick();
  if (!open_) return;
  const IdleLimit limit = idle_limit();
  if (passed(info_.last_active_ms.load(std::memory_order_relaxed), limit.time))
    close("idle (" + std::string(limit.key) + ")");
}

}  // namespace kimdb::server
