// A SELECT and its answer while the answer leaves: whole where it is small; else the statement is
// run as far as the client takes its rows, and rests in between, with its view, its handle and no
// thread.
//
// Whoever has not asked for lists without their length (CLIENT STREAM) is told it before: the rows
// of a long answer are counted, and the statement is run again over the same view. One thread at a
// time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "database/reply_stream.h"
#include "database/sql/answer.h"
#include "database/sql/execution.h"
#include "database/sql/handle_pool.h"
#include "database/sql/result_set.h"
#include "database/sql/sqlite_handle.h"
#include "database/sql/statement_memory.h"
#include "protocol/reply_writer.h"

namespace kimdb::database::sql {

class RowStream final : public ReplyStream {
 public:
  // How the rows are wanted.
  struct Terms {
    protocol::Format format = protocol::Format::text;
    bool counted = true;     // how many they are is said first
    bool at_once = false;    // rows that were found leave before others are looked for any longer
    std::size_t memory = 0;  // that it may take, and all that rest together; 0: any
    std::atomic<std::size_t>* resting_memory = nullptr;  // of all that rest
    std::chrono::nanoseconds within{0};  // that the answer has to leave in; 0: any time
  };
  // Of a query that gives rows and changes nothing; it keeps the lease.
  RowStream(HandlePool::Lease lease, const SqliteHandle::Prepared& prepared, engine::Engine& engine,
            const Terms& terms);
  ~RowStream() override;

  // To be set before begin(); its view is `view`, or that of a transaction, which is kept.
  Execution& execution() { return execution_; }
  std::optional<engine::ReadView> view;
  std::shared_ptr<const void> keeps;

  // Runs it up to its end, or until the answer is too long to be held: then the answer is
  // `written`, what was written stands in `out`, and the rest is to be asked for. An error, or
  // Execution::needs_view, where nothing has been written.
  Result<Answer> begin(std::span<const engine::SqlValue> parameters, std::string& out);

  State next(std::string& out) override;
  bool is_overdue() const override;

 private:
  enum class Stop : std::uint8_t { done, full, failed };
  Stop collect(std::size_t bytes_max, std::int64_t until_ns);
  Stop count(std::size_t& rows);
  Status take_rest();
  Status begin_counted();
  void begin_streamed();
  void write_rows();
  State finish_piece(Stop stop);
  Error why();
  void rest();
  void go_on();

  HandlePool::Lease lease_;
  sqlite3_stmt* const statement_;
  const bool varies_;
  const Terms terms_;
  Execution execution_;
  StatementMemory memory_;
  std::size_t counted_bytes_ = 0;  // of memory_, for rows
  std::size_t held_bytes_ = 0;     // in terms_.resting_memory
  ResultSet rows_;
  std::string text_;  // of a piece
  protocol::ReplyWriter writer_{text_, terms_.format};
  bool names_written_ = false;
  std::size_t announced_ = 0;  // rows that are still to come, of a counted answer
  std::int64_t began_at_ns_ = 0;
  std::int64_t rests_since_ns_ = 0;
};

}  // namespace kimdb::database::sql
