// SQLite's handles, made when they are needed and kept: as many as statements have run at once.
// Thread-safe.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "database/sql/catalog.h"
#include "database/sql/sqlite_handle.h"

namespace kimdb::database::sql {

class HandlePool {
 public:
  HandlePool(const SqliteHandle::Surroundings& around, Catalog& catalog)
      : around_(around), catalog_(catalog) {}

  // A handle of the current catalog, given back in the end.
  class Lease {
   public:
    Lease(HandlePool& pool, std::unique_ptr<SqliteHandle> handle)
        : pool_(pool), handle_(std::move(handle)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() { give_back(); }
    void give_back() {
      if (handle_ != nullptr) pool_.give_back(std::move(handle_));
    }
    SqliteHandle* operator->() const { return handle_.get(); }
    SqliteHandle& operator*() const { return *handle_; }

   private:
    HandlePool& pool_;
    std::unique_ptr<SqliteHandle> handle_;
  };
  Result<Lease> lease();

 private:
  void give_back(std::unique_ptr<SqliteHandle> handle);

  const SqliteHandle::Surroundings around_;
  Catalog& catalog_;
  Mutex mutex_;
  std::vector<std::unique_ptr<SqliteHandle>> idle_ GUARDED_BY(mutex_);  // used last at the end
};

}  // namespace kimdb::database::sql
