// Which of a thread's sockets are ready: an epoll set, level-triggered, watched by the thread's
// io_context.
//
// Asio's own reactor arms a socket anew for every wait, which costs a system call for each request;
// here a socket is registered once, and only a change of what is waited for costs one. One thread.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>

#include "base/result.h"

namespace kimdb::server {

class Poller {
 public:
  class Target {
   public:
    virtual ~Target() = default;
    virtual void on_ready(bool readable, bool writable) = 0;
  };

  // `round_end` is called after the targets that were ready together have been called.
  Poller(asio::io_context& context, std::function<void()> round_end);
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

  // Begins to wait; call once.
  void start() { wait(); }

 private:
  void wait();
  void run_rounds();

  std::function<void()> round_end_;
  int epoll_;
  asio::posix::stream_descriptor watched_;
  // Targets of the round that is going on, null for those removed meanwhile.
  static constexpr int kEventsMax = 256;
  Target* round_[kEventsMax];
  int round_size_ = 0;
};

}  // namespace kimdb::server
