// SQL: statements over typed tables. What is kimdb's own is done here, the rest by SQLite over
// virtual tables, on handles that are made when they are needed and kept.
//
// A writing statement outside of a transaction is run again where somebody else changed what it had
// read; BEGIN … COMMIT gets an error instead (docs/sql.md: snapshot isolation, the first one wins).
//
// Thread-safe; a session's statements come one after the other.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "database/sql/answer.h"
#include "database/sql/catalog.h"
#include "database/sql/definitions.h"
#include "database/sql/execution.h"
#include "database/sql/handle_pool.h"
#include "database/sql/limits.h"
#include "database/sql/parser.h"
#include "database/sql/result_set.h"
#include "database/sql/row_numbers.h"
#include "database/sql/server_sources.h"
#include "database/sql/sqlite_handle.h"
#include "database/sql/statement_memory.h"
#include "database/sql/transaction.h"
#include "database/sql/write_set.h"
#include "database/sql/write_turns.h"
#include "engine/engine.h"

namespace kimdb::database {
class Context;
class Database;
}  // namespace kimdb::database

namespace kimdb::database::sql {

// As a reply says an error of SQL: with a code before it.
std::string with_code(const Error& error);

class Sql {
 public:
  explicit Sql(Database& database);

  // Runs a statement for the context's session and replies; of several, with semicolons between
  // them, a list of what each replies, or the error of the first that fails. A transaction that
  // they have begun then is rolled back.
  void execute(Context& context, std::string_view text,
               std::span<const engine::SqlValue> parameters);
  // Of the context's session. An error of the second one is why nothing was committed; the
  // transaction is over either way, if there was one.
  Status begin_transaction(Context& context, bool serializable);
  Status commit_transaction(Context& context);
  // From the next statement on.
  void set_limits(const Limits& limits) {
    timeout_.store(limits.timeout, std::memory_order_relaxed);
    memory_.store(limits.memory, std::memory_order_relaxed);
    history_.store(limits.history, std::memory_order_relaxed);
    answer_timeout_.store(limits.answer_timeout, std::memory_order_relaxed);
  }
  // Background work: keeps the state of the last while readable for AS OF (sql.keep_history).
  void keep_history();
  // Background work: removes rows whose tables are gone, for a while; true when none is left.
  bool remove_orphans() { return definitions_.remove_orphans(); }

 private:
  void execute_all(Context& context, const std::vector<std::string_view>& statements,
                   std::span<const engine::SqlValue> parameters);
  Result<Answer> run(Context& context, std::string_view text,
                     std::span<const engine::SqlValue> parameters);
  Result<Answer> run_own(Context& context, const Statement& statement);
  Result<Answer> run_simple(Context& context, Simple statement);
  Result<TypedTablePointer> known_table(const std::string& name);
  Result<Answer> define(Context& context, const Statement& statement);
  Result<Answer> run_vacuum(const Context& c, const Vacuum& statement);
  static std::optional<Error> write_refusal(const Context& context);
  static Result<Answer> explain(SqliteHandle& handle, std::string_view text, const Query& query);
  static Result<Answer> analysis(SqliteHandle& handle, std::string_view text, const Query& query,
                                 const Answer& answer, const Execution& execution,
                                 std::int64_t took_ns);
  // What one attempt to run a statement leaves to the next.
  struct Tries {
    Tries(std::int64_t now_ns, WriteTurns& turns) : begin_ns(now_ns), claim(turns) {}

    const std::int64_t begin_ns;
    int conflicts = 0;
    TableSet tables;  // that it was to change when it met a conflict
    WriteTurns::Claim claim;
  };
  // One attempt; nothing if it has to be made again.
  using Attempt = Result<std::optional<Answer>>;
  Attempt attempt(Context& context, SqliteHandle& handle, SqliteHandle::Prepared& prepared,
                  std::span<const engine::SqlValue> parameters, Tries& tries);
  Status set_up(Context& context, const SqliteHandle::Prepared& prepared,
                std::span<const engine::SqlValue> parameters, std::optional<engine::ReadView>& view,
                const Tries& tries, Execution& execution);
  static bool may_stream(const Context& context, const SqliteHandle::Prepared& prepared);
  Attempt stream(Context& context, HandlePool::Lease handle, SqliteHandle::Prepared& prepared,
                 std::span<const engine::SqlValue> parameters, const Tries& tries);
  Status claim_tables(const Context& context, Tries& tries);
  // From when on, and when nobody waits for it any more, an execution has to end.
  void limit_time(const Context& context, std::int64_t begin_ns, Execution& execution) const;
  // Waits while others have claimed the tables; false when `give_up` said so.
  bool await_turn(const TableSet& tables, const WriteTurns::Claim* own,
                  const std::function<bool()>& give_up);
  engine::ReadView open_view();
  Result<engine::ReadView> open_view_at(const std::string& position);

  Database& database_;
  RowNumbers numbers_;
  std::atomic<std::chrono::milliseconds> timeout_;
  std::atomic<std::size_t> memory_;
  std::atomic<std::chrono::milliseconds> history_;
  std::atomic<std::chrono::milliseconds> answer_timeout_;
  std::atomic<std::size_t> resting_memory_{0};  // of statements that wait for their readers
  struct Kept {
    std::int64_t since_ns = 0;
    engine::ReadView view;
  };
  std::deque<Kept> kept_;  // the oldest in front; the maintenance thread's
  WriteTurns turns_;
  DatabaseSources sources_;
  HandlePool handles_;
  Definitions definitions_;
};

}  // namespace kimdb::database::sql
