// The partitions that a command needs, locked in index order whatever order they were added in: so
// two commands never wait for each other in a circle. The log is locked after them and locks
// nothing itself.
#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cstdint>

#include "engine/engine.h"

namespace kimdb::database {

class LockSet {
 public:
  explicit LockSet(engine::Engine& engine) : engine_(engine) {}
  ~LockSet() { unlock(); }
  LockSet(const LockSet&) = delete;
  LockSet& operator=(const LockSet&) = delete;

  void add(std::uint64_t hash) {
    const std::size_t index = engine_.partition_index(hash);
    if (indexes_.empty() || indexes_.back() != index) indexes_.push_back(index);
  }
  void add_all() {
    indexes_.clear();
    for (std::size_t i = 0; i < engine_.partition_count(); ++i) indexes_.push_back(i);
  }
  // The set is dynamic, which the analysis cannot follow.
  void lock() NO_THREAD_SAFETY_ANALYSIS {
    if (indexes_.size() > 1) {
      std::sort(indexes_.begin(), indexes_.end());
      indexes_.erase(std::unique(indexes_.begin(), indexes_.end()), indexes_.end());
    }
    for (const std::size_t index : indexes_) engine_.partition(index).mutex().lock();
    locked_ = true;
  }
  void unlock() NO_THREAD_SAFETY_ANALYSIS {
    if (!locked_) return;
    for (const std::size_t index : indexes_) engine_.partition(index).mutex().unlock();
    locked_ = false;
  }

 private:
  engine::Engine& engine_;
  boost::container::small_vector<std::size_t, 8> indexes_;
  bool locked_ = false;
};

}  // namespace kimdb::database
