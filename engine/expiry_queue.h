// When the next entries of a partition expire: a heap of (time, keyspace, hash), earliest first.
//
// Every entry that expires has an item with its time. An entry that was replaced or removed leaves
// its item behind; the partition drops such items when they come up, and where they are too many,
// some at each change (inspect()), since dropping all at once would take long.
//
// Not thread-safe: the partition's lock guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace kimdb::engine {

class ExpiryQueue {
 public:
  struct Item {
    std::int64_t expires_at;  // Unix ms
    std::uint64_t hash;
    std::uint8_t keyspace;
  };

  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  std::size_t memory() const { return items_.capacity() * sizeof(Item); }
  const Item& first() const { return items_.front(); }
  void push(const Item& item) {
    items_.push_back(item);
    move_up(items_.size() - 1);
  }
  void pop() { remove(0); }
  void clear() {
    items_.clear();
    items_.shrink_to_fit();
    inspected_ = 0;
  }
  // Looks at the next `count` items in turn and drops those for which keep(const Item&) is false.
  template <class Keep>
  void inspect(std::size_t count, Keep&& keep) {
    for (; count > 0 && !items_.empty(); --count) {
      if (inspected_ >= items_.size()) inspected_ = 0;
      if (keep(std::as_const(items_[inspected_])))
        ++inspected_;
      else
        remove(inspected_);
    }
  }

 private:
  void remove(std::size_t index) {
    items_[index] = items_.back();
    items_.pop_back();
    if (index < items_.size()) {
      move_down(index);
      move_up(index);
    }
    if (items_.size() < items_.capacity() / 4) items_.shrink_to_fit();
  }
  void move_up(std::size_t index) {
    for (; index > 0 && later(items_[(index - 1) / 2], items_[index]); index = (index - 1) / 2)
      std::swap(items_[(index - 1) / 2], items_[index]);
  }
  void move_down(std::size_t index) {
    for (std::size_t child; (child = 2 * index + 1) < items_.size(); index = child) {
      if (child + 1 < items_.size() && later(items_[child], items_[child + 1])) ++child;
      if (!later(items_[index], items_[child])) return;
      std::swap(items_[index], items_[child]);
    }
  }
  static bool later(const Item& a, const Item& b) { return a.expires_at > b.expires_at; }

  std::vector<Item> items_;
  std::size_t inspected_ = 0;
};

}  // namespace kimdb::engine
