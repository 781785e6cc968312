// Who subscribed to what, and handing events to them. Published messages are not data: they are in
// no log, and nobody waits for them. Thread-safe.
#pragma once

#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "database/command.h"
#include "database/session.h"

namespace kimdb::database {

class PubSub {
 public:
  // The session's sets are the caller's; these keep the hub's side. False where nothing changed.
  void subscribe(std::string_view channel, EventReceiver* receiver);
  void unsubscribe(std::string_view channel, EventReceiver* receiver);
  void subscribe_pattern(std::string_view pattern, EventReceiver* receiver);
  void unsubscribe_pattern(std::string_view pattern, EventReceiver* receiver);

  // Returns how many received it: a session once for its channel and once for each pattern that
  // matches.
  std::size_t publish(std::string_view channel, std::string_view payload);

  std::vector<std::string> channels(std::string_view pattern) const;  // a glob pattern
  std::size_t subscribers(std::string_view channel) const;
  std::size_t pattern_count() const;  // distinct patterns

  void add_monitor(EventReceiver* receiver);
  void remove_monitor(EventReceiver* receiver);
  bool monitored() const { return monitors_count_.load(std::memory_order_relaxed) != 0; }
  void feed_monitors(const std::string& line);

 private:
  using Receivers = std::vector<EventReceiver*>;
  struct Pattern {
    std::shared_ptr<const std::string> text;
    Receivers receivers;
  };
  mutable Mutex mutex_;
  std::map<std::string, Receivers, std::less<>> channels_ GUARDED_BY(mutex_);
  std::map<std::string, Pattern, std::less<>> patterns_ GUARDED_BY(mutex_);
  Receivers monitors_ GUARDED_BY(mutex_);
  std::atomic<std::size_t> monitors_count_{0};
};

}  // namespace kimdb::database
