#include "database/sql/statement_memory.h"

#include <malloc.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "base/check.h"

namespace kimdb::database::sql {

namespace {

thread_local StatementMemory* of_this_thread = nullptr;

}  // namespace

struct Allocator {
  static void* allocate(int size) {
    if (of_this_thread != nullptr && !of_this_thread->take(static_cast<std::size_t>(size)))
      return nullptr;
    return adjusted(std::malloc(static_cast<std::size_t>(size)), static_cast<std::size_t>(size));
  }
  static void release(void* memory) {
    if (of_this_thread != nullptr && memory != nullptr)
      of_this_thread->used_ -= static_cast<std::int64_t>(malloc_usable_size(memory));
    std::free(memory);
  }
  static void* reallocate(void* memory, int size) {
    const std::size_t before = malloc_usable_size(memory);
    const auto wanted = static_cast<std::size_t>(size);
    if (of_this_thread != nullptr && wanted > before && !of_this_thread->take(wanted - before))
      return nullptr;
    void* const moved = std::realloc(memory, wanted);
    return adjusted(moved, std::max(wanted, before));
  }
  static int size_of(void* memory) {
    return memory == nullptr ? 0 : static_cast<int>(malloc_usable_size(memory));
  }
  static int rounded(int size) { return (size + 7) & ~7; }
  static int begin(void*) { return SQLITE_OK; }
  static void end(void*) {}

 private:
  // What was counted becomes what malloc gave.
  static void* adjusted(void* memory, std::size_t counted) {
    if (of_this_thread == nullptr) return memory;
    const std::size_t given = memory == nullptr ? 0 : malloc_usable_size(memory);
    of_this_thread->used_ += static_cast<std::int64_t>(given) - static_cast<std::int64_t>(counted);
    return memory;
  }
};

void install_allocator() {
  static std::once_flag once;
  std::call_once(once, [] {
    static sqlite3_mem_methods methods = {.xMalloc = Allocator::allocate,
                                          .xFree = Allocator::release,
                                          .xRealloc = Allocator::reallocate,
                                          .xSize = Allocator::size_of,
                                          .xRoundup = Allocator::rounded,
                                          .xInit = Allocator::begin,
                                          .xShutdown = Allocator::end,
                                          .pAppData = nullptr};
    // Refused where the program around has used SQLite before: statements have no limit then.
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    // Of what is sorted in memory; statements have a limit of their own.
    sqlite3_config(SQLITE_CONFIG_MEMDB_MAXSIZE, sqlite3_int64{1} << 40);
  });
}

StatementMemory::StatementMemory(std::size_t limit) : limit_(static_cast<std::int64_t>(limit)) {
  go_on();
}

StatementMemory::~StatementMemory() { rest(); }

void StatementMemory::rest() {
  if (of_this_thread == this) of_this_thread = nullptr;
}

void StatementMemory::go_on() {
  KIMDB_CHECK(of_this_thread == nullptr);
  of_this_thread = this;
}

bool StatementMemory::take(std::size_t bytes) {
  const std::int64_t after = used_ + static_cast<std::int64_t>(bytes);
  if (limit_ != 0 && after > limit_) {
    exceeded_ = true;
    return false;
  }
  used_ = after;
  return true;
}

bool StatementMemory::take_extra(std::size_t bytes) {
  const std::int64_t after = extra_ + static_cast<std::int64_t>(bytes);
  if (limit_ != 0 && after > limit_ / 4) return false;
  extra_ = after;
  return true;
}

}  // namespace kimdb::database::sql
