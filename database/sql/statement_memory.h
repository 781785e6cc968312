// Counts the memory that SQLite takes for the statement of a thread, and refuses it beyond a limit.
//
// SQLite knows one allocator for the whole process. This one is malloc; where the thread runs a
// statement, it counts. Whoever uses SQLite beside kimdb in one process gets the same allocator,
// and no limit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kimdb::database::sql {

// To be called before SQLite is used for the first time; later calls do nothing.
void install_allocator();

// The statement that its thread runs; one at a time.
class StatementMemory {
 public:
  explicit StatementMemory(std::size_t limit);
  ~StatementMemory();
  StatementMemory(const StatementMemory&) = delete;
  StatementMemory& operator=(const StatementMemory&) = delete;

  // The statement rests, its thread may run another one; and goes on, perhaps on another thread.
  void rest();
  void go_on();

  // What is not SQLite's counts as well: false beyond the limit.
  bool take(std::size_t bytes);
  // For what only makes the statement faster, so that it never ends for that: beside the limit, at
  // most a quarter of it. False where that is taken; what it gave is to be given back.
  bool take_extra(std::size_t bytes);
  void give_extra(std::size_t bytes) { extra_ -= static_cast<std::int64_t>(bytes); }
  bool exceeded() const { return exceeded_; }
  std::size_t used() const { return static_cast<std::size_t>(used_ < 0 ? 0 : used_); }

 private:
  friend struct Allocator;
  const std::int64_t limit_;
  std::int64_t used_ = 0;
  std::int64_t extra_ = 0;
  bool exceeded_ = false;
};

}  // namespace kimdb::database::sql
