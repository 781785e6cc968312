// The thread that looks after a Database: removes what has expired, frees old versions, begins
// snapshots when they are due.
#pragma once

#include <thread>

#include "base/mutex.h"

namespace kimdb::database {

class Database;

class Maintenance {
 public:
  explicit Maintenance(Database& database);
  ~Maintenance();

 private:
  void run();
  void sweep();
  void remove_orphans();
  void snapshot_when_due();

  Database& database_;
  Mutex mutex_;
  CondVar stop_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kimdb::database
