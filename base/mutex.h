// Mutex, MutexLock and CondVar with clang's thread-safety annotations (make lint checks them).
//
// The macros are named in clang's documentation, "Thread Safety Analysis"; g++ sees nothing of
// them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define KIMDB_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define KIMDB_THREAD_ANNOTATION(x)
#endif

#define CAPABILITY(x) KIMDB_THREAD_ANNOTATION(capability(x))
#define SCOPED_CAPABILITY KIMDB_THREAD_ANNOTATION(scoped_lockable)
#define GUARDED_BY(x) KIMDB_THREAD_ANNOTATION(guarded_by(x))
#define PT_GUARDED_BY(x) KIMDB_THREAD_ANNOTATION(pt_guarded_by(x))
#define REQUIRES(...) KIMDB_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) KIMDB_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) KIMDB_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) KIMDB_THREAD_ANNOTATION(try_acquire_capability(__VA_ARGS__))
#define EXCLUDES(...) KIMDB_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define ASSERT_CAPABILITY(x) KIMDB_THREAD_ANNOTATION(assert_capability(x))
#define NO_THREAD_SAFETY_ANALYSIS KIMDB_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace kimdb {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }
  bool try_lock() TRY_ACQUIRE(true) { return mutex_.try_lock(); }

  // Tells the analysis that the caller holds this lock in a way it cannot follow (a set of locks,
  // say).
  void assert_held() const ASSERT_CAPABILITY(this) {}

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

class CondVar {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False when the time ran out before a notification.
  bool wait_for(Mutex& mutex, std::chrono::nanoseconds timeout) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool notified = condition_.wait_for(lock, timeout) == std::cv_status::no_timeout;
    lock.release();
    return notified;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace kimdb
