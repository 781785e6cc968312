#include "database/worker_pool.h"

namespace kimdb::database {

WorkerPool::WorkerPool(std::size_t threads, std::size_t spares) : spares_left_(spares) {
  MutexLock lock(mutex_);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { run(i); });
}

void WorkerPool::post(Work work) {
  MutexLock lock(mutex_);
  waiting_.push_back(std::move(work));
  changed_.notify_one();
  if (paused_ > 0) spare_changed_.notify_one();
}

void WorkerPool::stop() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    spares_left_ = 0;
    changed_.notify_all();
    spare_changed_.notify_all();
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
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

// --- spares ---

// As many of them work as others pause.
void WorkerPool::run_spare(std::size_t worker) {
  for (;;) {
    Work work;
    {
      MutexLock lock(mutex_);
      while ((waiting_.empty() || busy_spares_ >= paused_) && !stopping_)
        spare_changed_.wait(mutex_);
      if (stopping_) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
      ++busy_spares_;
    }
    work(worker);
    MutexLock lock(mutex_);
    --busy_spares_;
  }
}

WorkerPool::Pause::Pause(WorkerPool& pool) : pool_(pool) {
  MutexLock lock(pool_.mutex_);
  ++pool_.paused_;
  if (pool_.spares_left_ > 0) {
    --pool_.spares_left_;
    const std::size_t worker = pool_.threads_.size();
    pool_.threads_.emplace_back([&pool = pool_, worker] { pool.run_spare(worker); });
  }
  pool_.spare_changed_.notify_all();
}

WorkerPool::Pause::~Pause() {
  MutexLock lock(pool_.mutex_);
  --pool_.paused_;
}

}  // namespace kimdb::database
