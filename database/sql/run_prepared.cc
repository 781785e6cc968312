#include "database/sql/run_prepared.h"

#include <algorithm>
#include <utility>

#include "database/sql/constraints.h"
#include "database/sql/sqlite.h"

namespace kimdb::database::sql {

using engine::SqlValue;

// What a code that is no success means.
Error failure(const SqliteHandle& handle, Execution& execution, const StatementMemory& memory) {
  if (execution.error) return *std::move(execution.error);
  if (memory.exceeded()) return too_much_memory();
  if (execution.stopped != Execution::Stopped::no) return execution.why_stopped();
  return {ErrorCode::invalid_argument, sqlite3_errmsg(handle.get())};
}

void add_row(sqlite3_stmt* statement, int columns, ResultSet& rows) {
  for (int i = 0; i < columns; ++i) rows.add(column_of(statement, i));
  rows.end_row();
}

namespace {

// The statement, bound, while it runs.
class Run {
 public:
  Run(SqliteHandle& handle, sqlite3_stmt* statement, std::span<const SqlValue> parameters,
      Execution& execution)
      : handle_(handle), statement_(statement) {
    for (std::size_t i = 0; i < parameters.size(); ++i)
      bind_value(statement, static_cast<int>(i + 1), parameters[i]);
    handle_.execution = &execution;
  }
  ~Run() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
    handle_.execution = nullptr;
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

 private:
  SqliteHandle& handle_;
  sqlite3_stmt* const statement_;
};

Status run_compiled(SqliteHandle& handle, sqlite3_stmt* statement,
                    std::span<const SqlValue> parameters, Execution& execution,
                    StatementMemory& memory, Answer& answer) {
  const Run run(handle, statement, parameters, execution);
  const int columns = sqlite3_column_count(statement);
  std::size_t counted = 0;
  for (;;) {
    const int code = sqlite3_step(statement);
    if (code == SQLITE_DONE) break;
    if (code != SQLITE_ROW) return failure(handle, execution, memory);
    add_row(statement, columns, answer.rows);
    // The text of the reply takes as much again.
    const std::size_t bytes = 2 * answer.rows.bytes();
    if (bytes > counted && !memory.take(bytes - counted)) return failure(handle, execution, memory);
    counted = std::max(counted, bytes);
  }
  answer.changed =
      static_cast<std::size_t>(sqlite3_changes64(handle.get())) - execution.changed_again;
  return {};
}

Result<Answer> run_insert(SqliteHandle& handle, const SqliteHandle::Prepared& prepared,
                          std::span<const SqlValue> parameters, Execution& execution,
                          const StatementMemory& memory) {
  RowWriter& writer = handle.writer_of(prepared.insert->table());
  handle.execution = &execution;  // of defaults and checks
  const auto put = prepared.insert->run(prepared.query, execution, writer, parameters);
  handle.execution = nullptr;
  if (!put && execution.stopped == Execution::Stopped::no) return put.error();
  if (execution.stopped != Execution::Stopped::no) return failure(handle, execution, memory);
  return Answer{.kind = Answer::Kind::changed, .changed = *put, .rows = {}};
}

Result<Answer> run(SqliteHandle& handle, const SqliteHandle::Prepared& prepared,
                   std::span<const SqlValue> parameters, Execution& execution,
                   StatementMemory& memory) {
  if (prepared.insert) return run_insert(handle, prepared, parameters, execution, memory);
  Answer answer;
  sqlite3_stmt* statement = prepared.statement.get();
  for (const ResultSet::Column& column : prepared.columns) answer.rows.add_column(column);
  answer.kind = prepared.columns.empty() ? Answer::Kind::changed : Answer::Kind::rows;
  if (prepared.lookup && prepared.lookup->run(execution, parameters, answer.rows)) return answer;
  KIMDB_RETURN_IF_ERROR(run_compiled(handle, statement, parameters, execution, memory, answer));
  return answer;
}

// The end of a writing statement: what it changes is whole, or an error.
Status finish(Execution& execution) {
  for (Execution::Moved& moved : execution.moved) {
    const engine::TableSchema& schema = moved.table->schema();
    Lsn replaces = 0;
    bool taken = false;
    if (const WriteSet::Change* change = execution.changes.find(moved.key)) {
      taken = change->row.has_value();
    } else if (const auto version = execution.version_of(moved.key)) {
      taken = true;
      replaces = *version;
    }
    if (taken)
      return Error{ErrorCode::already_exists, "duplicate primary key in table " + schema.name +
                                                  ": a row would take the key of "
                                                  "another one"};
    execution.changes.put(moved.table, moved.key, replaces, std::move(moved.row));
  }
  if (!Constraints::concern(execution.catalog, execution.changes)) return {};
  return Constraints(execution.engine, execution.catalog, execution.changes, execution.before,
                     false)
      .check();
}

}  // namespace

Error too_much_memory() {
  return {ErrorCode::too_large, "the statement needs more memory than sql.max_memory allows"};
}

Result<Answer> run_prepared(SqliteHandle& handle, const SqliteHandle::Prepared& prepared,
                            std::span<const SqlValue> parameters, Execution& execution,
                            StatementMemory& memory) {
  auto answer = run(handle, prepared, parameters, execution, memory);
  if (answer && prepared.query.writes) KIMDB_RETURN_IF_ERROR(finish(execution));
  return answer;
}

}  // namespace kimdb::database::sql
