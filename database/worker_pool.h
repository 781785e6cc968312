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
  // `spares`: how many more threads there may be while work pauses.
  explicit WorkerPool(std::size_t threads, std::size_t spares = 0);
  // Finishes what has begun and drops what has not.
  ~WorkerPool() { stop(); }

  // `worker` is the number of the thread that does it, from 0.
  using Work = std::function<void(std::size_t worker)>;
  void post(Work work);
  void stop();

  // The calling work waits for another one: while this exists, a spare thread does what else is to
  // be done, if there is one left. Its number follows those of the others.
  class Pause {
   public:
    explicit Pause(WorkerPool& pool);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    WorkerPool& pool_;
  };

 private:
  void run(std::size_t worker);
  void run_spare(std::size_t worker);

  Mutex mutex_;
  CondVar changed_;
  CondVar spare_changed_;
  std::deque<Work> waiting_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::size_t paused_ GUARDED_BY(mutex_) = 0;
  std::size_t busy_spares_ GUARDED_BY(mutex_) = 0;
  std::size_t spares_left_ GUARDED_BY(mutex_);  // not started yet
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
};

}  // namespace kimdb::database
