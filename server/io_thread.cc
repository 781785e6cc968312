#include "server/io_thread.h"

#include <pthread.h>

#include <chrono>

#include "server/connection.h"

namespace kimdb::server {

namespace {

constexpr auto kTick = std::chrono::seconds(1);
// How long replies may take to leave once the server stops.
constexpr auto kStopWithin = std::chrono::seconds(2);
// Connections that are sent changes before others have their turn: about a millisecond.
constexpr std::size_t kToldAtOnce = 128;

}  // namespace

IoThread::IoThread(database::Database& database)
    : database_(database),
      work_(context_.get_executor()),
      statistics_(database.statistics().add_thread()),
      receive_buffer_(std::make_unique<char[]>(kReceiveBytes)) {}

void IoThread::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "kimdb-io");
    run();
  });
}

// The io_context is asked only when something was posted, and once a second: each look costs a
// system call.
void IoThread::run() {
  auto next_tick = Clock::now() + kTick;
  while (!stopping_ || (!connections_.empty() && Clock::now() < stop_at_)) {
    const Poller::Round round = poller_.run_round(telling_ ? 0 : stopping_ ? 20 : 1000);
    if (round.targets) round_end();
    // Also what is posted, and what happens at a tick, has its own time.
    now_ms_ = 0;
    if (round.woken) context_.poll();
    if (telling_) tell_followers();
    now_ms_ = 0;
    if (const auto now = Clock::now(); now >= next_tick) {
      next_tick = now + kTick;
      tick();
      now_ms_ = 0;
    }
  }
  for (const auto& connection : open_connections()) connection->close("server stops");
  context_.poll();  // what they left to be done
}

void IoThread::stop() {
  if (!thread_.joinable()) return;
  post([this] {
    for (const auto& connection : open_connections()) connection->finish();
    stopping_ = true;
    stop_at_ = Clock::now() + kStopWithin;
  });
  thread_.join();
}

std::vector<std::shared_ptr<Connection>> IoThread::open_connections() const {
  return {connections_.begin(), connections_.end()};
}

std::int64_t IoThread::now_ms() {
  if (now_ms_ == 0) now_ms_ = database_.now_ms();
  return now_ms_;
}

void IoThread::wait_for(Connection& connection, Lsn lsn) {
  keep_waiting(connection);
  wanted_ = std::max(wanted_, lsn);
}

void IoThread::keep_waiting(Connection& connection) {
  if (connection.waits) return;
  connection.waits = true;
  waiting_.push_back(connection.shared_from_this());
}

void IoThread::round_end() {
  now_ms_ = 0;
  while (!waiting_.empty()) {
    somebody_waits_.store(true, std::memory_order_seq_cst);
    const Lsn wanted = std::exchange(wanted_, 0);
    if (wanted != 0) database_.log().commit_here(wanted);
    // Also where the writer is at it: it may have finished before it could see that somebody waits.
    release();
    if (wanted_ == 0) return;  // else a reply that went out let its connection go on and write
  }
}

void IoThread::wake() {
  if (!somebody_waits_.load(std::memory_order_seq_cst) || wake_posted_.exchange(true)) return;
  post([this] {
    wake_posted_.store(false);
    release();
    round_end();
  });
}

void IoThread::release() {
  std::vector<std::shared_ptr<Connection>> waiting = std::move(waiting_);
  waiting_.clear();
  for (auto& connection : waiting) {
    connection->waits = false;
    connection->release();  // keeps waiting where it must, or waits anew
  }
  if (waiting_.empty()) somebody_waits_.store(false, std::memory_order_seq_cst);
}

void IoThread::changes_ready() {
  if (changes_posted_.exchange(true)) return;
  post([this] {
    changes_posted_.store(false);
    telling_ = tells_again_ = true;
  });
}

// Some of those that follow changes; then sockets have their turn. What comes while a pass goes on
// is found by the next one: the more there is to do, the more leaves in one write.
void IoThread::tell_followers() {
  if (to_tell_.empty() && tells_again_) {
    tells_again_ = false;
    to_tell_.assign(following_.begin(), following_.end());
  }
  for (std::size_t i = 0; i < kToldAtOnce && !to_tell_.empty(); ++i) {
    const auto connection = std::move(to_tell_.back());
    to_tell_.pop_back();
    connection->on_changes();
  }
  telling_ = !to_tell_.empty() || tells_again_;
  round_end();  // one that had stopped for want of room may have executed something
}

void IoThread::add(const std::shared_ptr<Connection>& connection) {
  connections_.insert(connection);
}

void IoThread::remove(const std::shared_ptr<Connection>& connection) {
  connections_.erase(connection);
  following_.erase(connection);
  std::erase(waiting_, connection);
}

// Once a second: whoever was silent too long.
void IoThread::tick() {
  const std::int64_t now = database_.now_ms();
  for (const auto& connection : open_connections()) connection->check_timeouts(now);
}

}  // namespace kimdb::server
