#include "server/poller.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "base/check.h"

namespace kimdb::server {

namespace {

epoll_event event_for(Poller::Target* target, Poller::Interest interest) {
  epoll_event event{};
  event.events = (interest.read ? EPOLLIN | EPOLLRDHUP : 0u) | (interest.write ? EPOLLOUT : 0u);
  event.data.ptr = target;
  return event;
}

}  // namespace

Poller::Poller(asio::io_context& context, std::function<void()> round_end)
    : round_end_(std::move(round_end)), epoll_(epoll_create1(EPOLL_CLOEXEC)), watched_(context) {
  KIMDB_CHECK(epoll_ >= 0);
  watched_.assign(epoll_);
}

Poller::~Poller() = default;  // watched_ closes the epoll set

void Poller::add(int descriptor, Target* target, Interest interest) {
  epoll_event event = event_for(target, interest);
  KIMDB_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0);
}

void Poller::change(int descriptor, Target* target, Interest interest) {
  epoll_event event = event_for(target, interest);
  KIMDB_CHECK(epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event) == 0);
}

void Poller::remove(int descriptor, Target* target) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
  std::replace(round_, round_ + round_size_, target, static_cast<Target*>(nullptr));
}

void Poller::wait() {
  watched_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [this](const asio::error_code& error) {
                        if (error) return;
                        run_rounds();
                        wait();
                      });
}

void Poller::run_rounds() {
  // A few rounds before the io_context gets its turn again: it would find the set ready anyway.
  for (int rounds = 0; rounds < 8; ++rounds) {
    epoll_event events[kEventsMax];
    const int count = epoll_wait(epoll_, events, kEventsMax, 0);
    if (count <= 0) return;
    for (int i = 0; i < count; ++i) round_[i] = static_cast<Target*>(events[i].data.ptr);
    round_size_ = count;
    for (int i = 0; i < count; ++i) {
      if (round_[i] == nullptr) continue;
      const bool broken = events[i].events & (EPOLLERR | EPOLLHUP);
      round_[i]->on_ready(broken || (events[i].events & (EPOLLIN | EPOLLRDHUP)),
                          events[i].events & EPOLLOUT);
    }
    round_size_ = 0;
    round_end_();
  }
}

}  // namespace kimdb::server
