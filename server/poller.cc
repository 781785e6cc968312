#include "server/poller.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
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

Poller::Poller()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  KIMDB_CHECK(epoll_ >= 0 && wake_event_ >= 0);
  add(wake_event_, nullptr, {});
}

Poller::~Poller() {
  ::close(wake_event_);
  ::close(epoll_);
}

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

// Before it sleeps: who has many connections is often about to send on the next one, and waking a
// thread costs the sender more than a few looks cost here (3 % of the requests a second with 50
// connections, at the same processor time).
constexpr int kLooks = 8;

Poller::Round Poller::run_round(int timeout_ms) {
  epoll_event events[kEventsMax];
  int count = 0;
  for (int look = 0; look < kLooks && count == 0; ++look)
    count = epoll_wait(epoll_, events, kEventsMax, 0);
  if (count == 0) count = epoll_wait(epoll_, events, kEventsMax, timeout_ms);
  Round round;
  for (int i = 0; i < count; ++i) {
    round_[i] = static_cast<Target*>(events[i].data.ptr);
    round.woken |= round_[i] == nullptr;
  }
  if (round.woken) {
    std::uint64_t wakes;
    KIMDB_CHECK(read(wake_event_, &wakes, sizeof wakes) == sizeof wakes);
    wake_pending_.store(false);
  }
  round_size_ = std::max(count, 0);
  for (int i = 0; i < count; ++i) {
    if (round_[i] == nullptr) continue;
    const bool broken = events[i].events & (EPOLLERR | EPOLLHUP);
    round_[i]->on_ready(broken || (events[i].events & (EPOLLIN | EPOLLRDHUP)),
                        events[i].events & EPOLLOUT);
    round.targets = true;
  }
  round_size_ = 0;
  return round;
}

void Poller::wake() {
  if (wake_pending_.exchange(true)) return;
  const std::uint64_t one = 1;
  KIMDB_CHECK(write(wake_event_, &one, sizeof one) == sizeof one);
}

}  // namespace kimdb::server
