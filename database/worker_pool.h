// A few threads for slow work (snapshots, large replies, password hashing), so that none of it runs
// on an I/O thread.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace kimdb::database {

class WorkerPool {
 public:
  explicit WorkerPool(std::size_t threads);
  // Finishes what has begun and drops what has not.
  ~WorkerPool() { stop(); }

  void post(std::function<void()> work);
  void stop();

 private:
  void run();

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> waiting_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace kimdb::database
