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

  // `worker` is the number of the thread that does it, from 0.
  using Work = std::function<void(std::size_t worker)>;
  void post(Work work);
  void stop();

 private:
  void run(std::size_t worker);

  Mutex mutex_;
  CondVar changed_;
  std::deque<Work> waiting_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace kimdb::database
