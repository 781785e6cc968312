#include "database/pubsub.h"

#include <algorithm>

#include "base/glob.h"

namespace kimdb::database {

void PubSub::subscribe(std::string_view channel, EventReceiver* receiver) {
  MutexLock lock(mutex_);
  channels_.try_emplace(std::string(channel)).first->second.push_back(receiver);
}

void PubSub::unsubscribe(std::string_view channel, EventReceiver* receiver) {
  MutexLock lock(mutex_);
  const auto found = channels_.find(channel);
  if (found == channels_.end()) return;
  std::erase(found->second, receiver);
  if (found->second.empty()) channels_.erase(found);
}

void PubSub::subscribe_pattern(std::string_view pattern, EventReceiver* receiver) {
  MutexLock lock(mutex_);
  Pattern& entry = patterns_.try_emplace(std::string(pattern)).first->second;
  if (entry.text == nullptr) entry.text = std::make_shared<const std::string>(pattern);
  entry.receivers.push_back(receiver);
}

void PubSub::unsubscribe_pattern(std::string_view pattern, EventReceiver* receiver) {
  MutexLock lock(mutex_);
  const auto found = patterns_.find(pattern);
  if (found == patterns_.end()) return;
  std::erase(found->second.receivers, receiver);
  if (found->second.receivers.empty()) patterns_.erase(found);
}

std::size_t PubSub::publish(std::string_view channel, std::string_view payload) {
  MutexLock lock(mutex_);
  std::size_t receivers = 0;
  std::shared_ptr<const Event> event;
  const auto make = [&](Event::Kind kind) {
    return std::make_shared<const Event>(Event{kind, std::string(channel), std::string(payload)});
  };
  if (const auto found = channels_.find(channel); found != channels_.end()) {
    event = make(Event::Kind::message);
    for (EventReceiver* receiver : found->second) receiver->deliver(event, nullptr);
    receivers += found->second.size();
  }
  event = nullptr;
  for (const auto& [text, pattern] : patterns_) {
    if (!glob_matches(text, channel)) continue;
    if (event == nullptr) event = make(Event::Kind::pattern_message);
    for (EventReceiver* receiver : pattern.receivers) receiver->deliver(event, pattern.text);
    receivers += pattern.receivers.size();
  }
  return receivers;
}

std::vector<std::string> PubSub::channels(std::string_view pattern) const {
  MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, receivers] : channels_)
    if (glob_matches(pattern, name)) names.push_back(name);
  return names;
}

std::size_t PubSub::subscribers(std::string_view channel) const {
  MutexLock lock(mutex_);
  const auto found = channels_.find(channel);
  return found == channels_.end() ? 0 : found->second.size();
}

std::size_t PubSub::pattern_count() const {
  MutexLock lock(mutex_);
  return patterns_.size();
}

void PubSub::add_monitor(EventReceiver* receiver) {
  MutexLock lock(mutex_);
  monitors_.push_back(receiver);
  monitors_count_ = monitors_.size();
}

void PubSub::remove_monitor(EventReceiver* receiver) {
  MutexLock lock(mutex_);
  std::erase(monitors_, receiver);
  monitors_count_ = monitors_.size();
}

void PubSub::feed_monitors(const std::string& line) {
  MutexLock lock(mutex_);
  if (monitors_.empty()) return;
  const auto event = std::make_shared<const Event>(Event{Event::Kind::monitor, {}, line});
  for (EventReceiver* receiver : monitors_) receiver->deliver(event, nullptr);
}

}  // namespace kimdb::database
