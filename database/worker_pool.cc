#include "database/worker_pool.h"

namespace kimdb::database {

WorkerPool::WorkerPool(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { run(i); });
}

void WorkerPool::post(Work work) {
  MutexLock lock(mutex_);
  waiting_.push_back(std::move(work));
  changed_.notify_one();
}

void WorkerPool::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  // What was not begun may hold what has to go before this does.
  std::deque<Work> never_done;
  MutexLock lock(mutex_);
  never_done.swap(waiting_);
}

void WorkerPool::run(std::size_t worker) {
  for (;;) {
    Work work;
    {
      MutexLock lock(mutex_);
      while (waiting_.empty() && !stopping_) changed_.wait(mutex_);
      if (stopping_) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work(worker);
  }
}

}  // namespace kimdb::database
