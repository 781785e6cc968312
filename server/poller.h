// Which of a thread's sockets are ready: an epoll set, level-triggered, and a way to wake the
// thread.
//
// Asio's reactor arms a socket anew for every wait, which costs a system call for each request;
// here a socket is registered once, and only a change of what is waited for costs one
// (docs/decisions/0002). One thread, but for wake().
#pragma once

#include <atomic>
#include <cstdint>

namespace kimdb::server {

class Poller {
 public:
  class Target {
   public:
    virtual ~Target() = default;
    virtual void on_ready(bool readable, bool writable) = 0;
  };

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  struct Interest {
    bool read = true;
    bool write = false;
    bool operator==(const Interest&) const = default;
  };
  // The target lives until remove() and is not called after it, also not in the round that is going
  // on.
  void add(int descriptor, Target* target, Interest interest);
  void change(int descriptor, Target* target, Interest interest);
  void remove(int descriptor, Target* target);

  // Waits until a socket is ready, somebody calls wake(), or the time is over; calls the targets
  // that are ready.
  struct Round {
    bool targets = false;  // some were called
    bool woken = false;
  };
  Round run_round(int timeout_ms);
  // Any thread: lets run_round return soon.
  void wake();

 private:
  static constexpr int kEventsMax = 256;

  int epoll_;
  int wake_event_;
  std::atomic<bool> wake_pending_{false};
  // Targets of the round that is going on, null for those removed meanwhile.
  Target* round_[kEventsMax];
  int round_size_ = 0;
};

}  // namespace kimdb::server
