// When the next entries of a partition expire: a heap of (time, keyspace, hash), earliest first.
//
// Whoever puts a new time on an entry pushes again; what an older item says is checked against the
// entry when it comes up. Not thread-safe: the partition's lock guards it.
#pragma once

#include <algorithm>
#include <cstdint>
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
  const Item& first() const { return items_.front(); }
  void push(const Item& item) {
    items_.push_back(item);
    std::push_heap(items_.begin(), items_.end(), later);
  }
  void pop() {
    std::pop_heap(items_.begin(), items_.end(), later);
    items_.pop_back();
  }
  void assign(std::vector<Item> items) {
    items_ = std::move(items);
    std::make_heap(items_.begin(), items_.end(), later);
  }

 private:
  static bool later(const Item& a, const Item& b) { return a.expires_at > b.expires_at; }

  std::vector<Item> items_;
};

}  // namespace kimdb::engine
