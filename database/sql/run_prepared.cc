#include "database/sql/run_prepared.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "database/sql/constraints.h"
#include "database/sql/foreign_actions.h"
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
  return {};
}

Status run_insert(SqliteHandle& handle, const SqliteHandle::Prepared& prepared,
                  std::span<const SqlValue> parameters, Execution& execution,
                  const StatementMemory& memory) {
  RowWriter& writer = handle.writer_of(prepared.insert->table());
  handle.execution = &execution;  // of defaults and checks
  const auto put = prepared.insert->run(prepared.query, execution, writer, parameters);
  handle.execution = nullptr;
  if (!put && execution.stopped == Execution::Stopped::no) return put.error();
  if (execution.stopped != Execution::Stopped::no) return failure(handle, execution, memory);
  return {};
}

void add_columns(const SqliteHandle::Prepared& prepared, Answer& answer) {
  for (const ResultSet::Column& column : prepared.columns) answer.rows.add_column(column);
  answer.kind = prepared.columns.empty() ? Answer::Kind::changed : Answer::Kind::rows;
}

Result<Answer> run(SqliteHandle& handle, const SqliteHandle::Prepared& prepared,
                   std::span<const SqlValue> parameters, Execution& execution,
                   StatementMemory& memory) {
  Answer answer{.kind = Answer::Kind::changed, .rows = {}};
  if (prepared.insert) {
    KIMDB_RETURN_IF_ERROR(run_insert(handle, prepared, parameters, execution, memory));
    return answer;
  }
  sqlite3_stmt* statement = prepared.statement.get();
  if (prepared.returning == nullptr) add_columns(prepared, answer);
  if (prepared.lookup && prepared.lookup->run(execution, parameters, answer.rows)) return answer;
  KIMDB_RETURN_IF_ERROR(run_compiled(handle, statement, parameters, execution, memory, answer));
  return answer;
}

// UPDATE OR …: row by row.
Status run_updates(SqliteHandle& handle, Execution& execution) {
  std::vector<const Execution::Update*> updates;
  for (const Execution::Update& update : execution.updates) updates.push_back(&update);
  std::sort(updates.begin(), updates.end(),
            [](const Execution::Update* a, const Execution::Update* b) {
              return a->row.key() < b->row.key();
            });
  handle.execution = &execution;  // of defaults and checks
  Status status;
  for (const Execution::Update* update : updates) {
    if (execution.must_stop()) break;
    status = handle.writer_of(update->table).run(execution, *update);
    if (!status) break;
  }
  handle.execution = nullptr;
  return status;
}

// What foreign keys do, and whether all constraints hold.
Status settle_all(SqliteHandle& handle, Execution& execution) {
  handle.execution = &execution;
  Status settled = settle(handle, execution);
  handle.execution = nullptr;
  if (!settled) return settled;
  if (!Constraints::concern(execution.catalog, execution.changes)) return {};
  const Constraints constraints(execution.engine, execution.catalog, execution.changes,
                                execution.before, false, execution.reads);
  Status holds = constraints.check();
  if (const std::string& child = constraints.missed_reference();
      !holds && !child.empty() && !execution.sees_current(child))
    return execution.lost_to_others();
  return holds;
}

// The list of RETURNING, of each row.
Status run_returning(SqliteHandle& handle, const SqliteHandle::Prepared& prepared,
                     std::span<const SqlValue> parameters, Execution& execution,
                     StatementMemory& memory, Answer& answer) {
  for (const Execution::Returned& each : execution.returned)
    prepared.returned->rows.push_back(each.row);
  const SqliteHandle::OwnStatement own(handle);
  add_columns(prepared, answer);
  const Status status =
      run_compiled(handle, prepared.returning.get(), parameters, execution, memory, answer);
  prepared.returned->rows.clear();
  return status;
}

// A writing statement: what it changes is whole, or an error. Of OR FAIL both.
Result<Answer> run_writing(SqliteHandle& handle, const SqliteHandle::Prepared& prepared,
                           std::span<const SqlValue> parameters, Execution& execution,
                           StatementMemory& memory) {
  execution.parameters = parameters;
  if (prepared.upsert) execution.upsert = &*prepared.upsert;
  execution.returns = prepared.returning != nullptr;
  auto answer = run(handle, prepared, parameters, execution, memory);
  if (answer && !execution.updates.empty())
    if (Status updated = run_updates(handle, execution); !updated)
      answer = std::move(updated).error();
  if (execution.stopped != Execution::Stopped::no) return failure(handle, execution, memory);
  if (!answer && execution.broken != OnConflict::fail) return answer;
  if (Status settled = settle_all(handle, execution); !settled) {
    if (settled.error().code == ErrorCode::already_exists) execution.broken = execution.on_conflict;
    if (execution.broken == OnConflict::fail) execution.broken = OnConflict::refuse;
    if (execution.stopped != Execution::Stopped::no) return failure(handle, execution, memory);
    return std::move(settled).error();
  }
  if (!answer) return answer;
  answer->changed = execution.rows_changed;
  if (prepared.returning != nullptr)
    KIMDB_RETURN_IF_ERROR(run_returning(handle, prepared, parameters, execution, memory, *answer));
  return answer;
}

}  // namespace

Error too_much_memory() {
  return {ErrorCode::too_large, "the statement needs more memory than sql.max_memory allows"};
}

Result<Answer> run_prepared(SqliteHandle& handle, const SqliteHandle::Prepared& prepared,
                            std::span<const SqlValue> parameters, Execution& execution,
                            StatementMemory& memory) {
  return prepared.query.writes ? run_writing(handle, prepared, parameters, execution, memory)
                               : run(handle, prepared, parameters, execution, memory);
}

}  // namespace kimdb::database::sql
