#include "database/sql/handle_pool.h"

namespace kimdb::database::sql {

Result<HandlePool::Lease> HandlePool::lease() {
  const CatalogPointer catalog = catalog_.current();
  std::vector<std::unique_ptr<SqliteHandle>> outdated;  // go without the lock
  {
    MutexLock lock(mutex_);
    while (!idle_.empty()) {
      std::unique_ptr<SqliteHandle> handle = std::move(idle_.back());
      idle_.pop_back();
      if (handle->catalog() == catalog) return Lease(*this, std::move(handle));
      outdated.push_back(std::move(handle));
    }
  }
  auto made = SqliteHandle::open(around_, catalog);
  if (!made) return std::move(made).error();
  return Lease(*this, std::move(*made));
}

void HandlePool::give_back(std::unique_ptr<SqliteHandle> handle) {
  handle->execution = nullptr;
  MutexLock lock(mutex_);
  idle_.push_back(std::move(handle));
}

}  // namespace kimdb::database::sql
