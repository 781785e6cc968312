#include "database/sql/sql.h"

#include <algorithm>
#include <utility>

#include "database/database.h"
#include "database/info.h"
#include "database/sql/commit.h"
#include "database/sql/inspection.h"
#include "database/sql/row_stream.h"
#include "database/sql/run_prepared.h"
#include "database/sql/script.h"

namespace kimdb::database::sql {

using engine::SqlValue;

namespace {

constexpr int kAttempts = 1000;
// After so many conflicts a statement claims the tables that it changes.
constexpr int kConflictsMax = 4;

// Calls visit(table) for those that were changed.
template <class Visit>
void for_each_table(const WriteSet& changes, Visit&& visit) {
  const TypedTable* last = nullptr;
  for (const auto& [key, change] : changes.changes()) {
    if (change.table.get() != last) visit(*change.table);
    last = change.table.get();
  }
}

TableSet tables_of(const WriteSet& changes) {
  TableSet tables;
  for_each_table(changes, [&](const TypedTable& table) { tables.insert(table.prefix()); });
  return tables;
}

// Those whose changes by others may be what a statement was in conflict with: what it changes, what
// that refers to, and what refers to that.
void add_concerned(TableSet& tables, const CatalogState& catalog, const WriteSet& changes) {
  for_each_table(changes, [&](const TypedTable& table) {
    tables.insert(table.prefix());
    for (const engine::ForeignKey& key : table.schema().foreign_keys)
      if (const TypedTablePointer parent = catalog.find(key.table)) tables.insert(parent->prefix());
    const auto [begin, end] =
        catalog.references.equal_range(engine::schema_key(table.schema().name));
    for (auto reference = begin; reference != end; ++reference)
      tables.insert(reference->second.from->prefix());
  });
}

// The code that the message of an error begins with, ERR where there is none, and the rest.
std::pair<std::string_view, std::string_view> code_and_message(std::string_view message) {
  for (const std::string_view code : {"READONLY", "NOREPLICAS", "OOM", "NOPERM", "ERR"})
    if (message.starts_with(code) && message.substr(code.size()).starts_with(' '))
      return {code, message.substr(code.size() + 1)};
  return {"ERR", message};
}

void write(protocol::ReplyWriter& reply, const Answer& answer) {
  switch (answer.kind) {
    case Answer::Kind::done:
      return reply.ok();
    case Answer::Kind::changed:
      return reply.integer(static_cast<std::int64_t>(answer.changed));
    case Answer::Kind::rows:
      return answer.rows.write(reply);
    case Answer::Kind::written:
      return;
  }
}

// What a statement that wrote has changed.
void count(SqlCounts& counts, const Execution& execution) {
  counts.changes = static_cast<std::int64_t>(execution.rows_changed);
  counts.total_changes +=
      static_cast<std::int64_t>(execution.rows_changed + execution.rows_followed);
  counts.last_number = execution.last_number.value_or(counts.last_number);
}

Error conflict() { return write_conflict(); }

}  // namespace

std::string with_code(const Error& error) {
  const auto [code, message] = code_and_message(error.message);
  return std::string(code) + " " + std::string(message);
}

Sql::Sql(Database& database)
    : database_(database),
      numbers_(database),
      timeout_(database.options().sql.timeout),
      memory_(database.options().sql.memory),
      history_(database.options().sql.history),
      answer_timeout_(database.options().sql.answer_timeout),
      sources_(database),
      handles_({database.engine(), numbers_, sources_}, database.catalog()),
      definitions_(database, handles_, numbers_) {
  install_allocator();
}

engine::ReadView Sql::open_view() {
  engine::Engine& engine = database_.engine();
  engine::ReadView view = engine.open_view([&] { return database_.applied_lsn(); });
  // Its LSN may have been drawn by one who has not changed the indexes yet.
  engine.await_writers();
  return view;
}

Result<engine::ReadView> Sql::open_view_at(const std::string& text) {
  const auto position = parse_client_position(text);
  if (!position)
    return Error{ErrorCode::invalid_argument,
                 "AS OF takes a position, <term>-<lsn>, as POSITION gives it"};
  switch (database_.has_reached(*position)) {
    case Reached::yes:
      break;
    case Reached::not_yet:
      return Error{ErrorCode::invalid_argument, "this server has not reached position " + text};
    case Reached::never:
      return Error{ErrorCode::invalid_argument,
                   "this server's history does not contain position " + text};
  }
  if (position->lsn >= database_.applied_lsn()) return open_view();
  auto view = database_.engine().open_view_at(position->lsn);
  if (!view)
    return Error{ErrorCode::not_found,
                 "the state at position " + text +
                     " is not held any more (sql.keep_history says how long it is)"};
  return std::move(*view);
}

void Sql::keep_history() {
  const std::chrono::nanoseconds wanted = history_.load(std::memory_order_relaxed);
  const std::int64_t now = database_.clock().monotonic_ns();
  // The one before the last that is too old still reaches back far enough.
  while (!kept_.empty() && (wanted.count() == 0 || kept_.front().view.is_outdated() ||
                            (kept_.size() > 1 && now - kept_[1].since_ns >= wanted.count())))
    kept_.pop_front();
  if (wanted.count() != 0) kept_.push_back({now, open_view()});
}

void Sql::execute(Context& c, std::string_view text, std::span<const SqlValue> parameters) {
  const std::vector<std::string_view> statements = split_statements(text);
  if (statements.size() > 1) return execute_all(c, statements, parameters);
  const auto answer = run(c, statements.front(), parameters);
  if (!answer) return c.reply.error(with_code(answer.error()));
  write(c.reply, *answer);
}

// One after the other, up to the first error.
void Sql::execute_all(Context& c, const std::vector<std::string_view>& statements,
                      std::span<const SqlValue> parameters) {
  if (!parameters.empty()) return c.reply.error("ERR parameters go with a single statement");
  Session& session = c.session;
  c.may_leave_rest = false;  // the next one needs the session
  // BEGIN needs a connection that stays, or a request that ends what it has begun.
  const bool is_whole = std::exchange(session.stateless, false);
  const std::shared_ptr<Transaction> before = session.sql_transaction;
  const auto has_begun = [&] {
    return session.sql_transaction != nullptr && session.sql_transaction != before;
  };
  std::vector<Answer> answers;
  std::optional<Error> failed;
  std::size_t done = 0, bytes = 0;
  const std::size_t limit = memory_.load(std::memory_order_relaxed);
  for (const std::string_view statement : statements) {
    auto answer = run(c, statement, {});
    if (!answer) {
      failed = answer.error();
      break;
    }
    bytes += answer->rows.bytes();
    answers.push_back(*std::move(answer));
    if (!has_begun()) done = answers.size();
    if (limit != 0 && bytes > limit) {
      failed = Error{ErrorCode::too_large, "all answers together exceed sql.max_memory"};
      break;
    }
  }
  session.stateless = is_whole;
  std::size_t number = answers.size() + 1;
  if (!failed && is_whole && has_begun()) {
    failed = Error{ErrorCode::invalid_argument, "COMMIT is missing behind it: rolled back"};
    number = answers.size();
  }
  if (failed) {
    if (has_begun()) session.sql_transaction = nullptr;
    const auto [code, message] = code_and_message(failed->message);
    return c.reply.error(
        std::string(code) + " " +
        statement_error(statements, std::min(number, statements.size()), done, message));
  }
  c.reply.array(answers.size());
  for (const Answer& answer : answers) write(c.reply, answer);
}

Result<Answer> Sql::run(Context& c, std::string_view text, std::span<const SqlValue> parameters) {
  SqliteHandle::Learned learned;
  Tries tries(database_.clock().monotonic_ns(), turns_);
  for (int i = 0; i < kAttempts; ++i) {
    auto handle = handles_.lease();
    if (!handle) return std::move(handle).error();
    // What was run before is neither read nor compiled again.
    SqliteHandle::Prepared* prepared = (*handle)->find(text);
    if (prepared == nullptr) {
      auto statement = parse_statement(text);
      if (!statement) return std::move(statement).error();
      auto* query = std::get_if<Query>(&*statement);
      if (query == nullptr) {
        if (const auto* described = std::get_if<Describe>(&*statement);
            described != nullptr && (*handle)->catalog()->find(described->table) == nullptr) {
          const auto columns = (*handle)->source_columns(described->table);
          if (!columns) return columns.error();
          return describe(*columns);
        }
        handle->give_back();
        return run_own(c, *statement);
      }
      if (query->explain == Query::Explain::plan) {
        StatementMemory memory(memory_.load(std::memory_order_relaxed));
        auto explained = explain(**handle, text, *query);
        if (!explained && memory.exceeded()) return too_much_memory();
        return explained;
      }
      StatementMemory memory(memory_.load(std::memory_order_relaxed));
      const auto made = (*handle)->prepare(text, std::move(*query));
      if (!made) return memory.exceeded() ? too_much_memory() : made.error();
      prepared = *made;
    }
    prepared->learned.add(learned);
    if (may_stream(c, *prepared)) {
      auto answer = stream(c, *std::move(handle), *prepared, parameters, tries);
      if (!answer) return std::move(answer).error();
      if (*answer) return *std::move(*answer);
      learned.wants_view = true;
      continue;
    }
    auto answer = attempt(c, **handle, *prepared, parameters, tries);
    if (!answer) return std::move(answer).error();
    if (*answer) return *std::move(*answer);
    learned = prepared->learned;
  }
  c.session.sql_counts.changes = 0;
  return conflict();
}

// What is none of SQLite's.
Result<Answer> Sql::run_own(Context& c, const Statement& statement) {
  if (const auto* simple = std::get_if<Simple>(&statement)) return run_simple(c, *simple);
  if (const auto* described = std::get_if<Describe>(&statement)) {
    const auto table = known_table(described->table);
    if (!table) return table.error();
    return describe(**table);
  }
  if (const auto* indexes = std::get_if<ShowIndexes>(&statement)) {
    if (indexes->table.empty()) return show_indexes(*database_.catalog().current(), nullptr);
    const auto table = known_table(indexes->table);
    if (!table) return table.error();
    return show_indexes(*database_.catalog().current(), table->get());
  }
  if (const auto* vacuum = std::get_if<Vacuum>(&statement)) return run_vacuum(c, *vacuum);
  return define(c, statement);
}

Result<TypedTablePointer> Sql::known_table(const std::string& name) {
  const CatalogPointer catalog = database_.catalog().current();
  TypedTablePointer table = catalog->find(name);
  if (table == nullptr) return Error{ErrorCode::not_found, catalog->unknown_table(name)};
  return table;
}

Result<Answer> Sql::define(Context& c, const Statement& statement) {
  if (c.session.sql_transaction != nullptr)
    return Error{ErrorCode::invalid_argument,
                 "definitions are no part of a transaction: COMMIT or ROLLBACK first"};
  if (auto refused = write_refusal(c)) return *std::move(refused);
  const auto lsn = std::visit(
      [&](const auto& made) -> Result<Lsn> {
        using Made = std::decay_t<decltype(made)>;
        if constexpr (std::is_same_v<Made, CreateTable>) return definitions_.create_table(made);
        if constexpr (std::is_same_v<Made, DropTable>) return definitions_.drop_table(made);
        if constexpr (std::is_same_v<Made, CreateIndex>) return definitions_.create_index(made);
        if constexpr (std::is_same_v<Made, DropIndex>) return definitions_.drop_index(made);
        if constexpr (std::is_same_v<Made, AlterTable>) return definitions_.alter_table(made);
        return Lsn{0};
      },
      statement);
  if (!lsn) return lsn.error();
  c.depends_on(*lsn);
  return Answer{};
}

// Old versions go by themselves as well, from time to time.
Result<Answer> Sql::run_vacuum(const Context& c, const Vacuum& statement) {
  if (auto refused = write_refusal(c)) return *std::move(refused);
  if (!statement.table.empty())
    if (const auto table = known_table(statement.table); !table) return table.error();
  database_.engine().prune();
  return Answer{};
}

// Why the session must not write; nothing: it may.
std::optional<Error> Sql::write_refusal(const Context& c) {
  if (c.session.rights.role != Role::readonly) return std::nullopt;
  return Error{ErrorCode::permission_denied,
               "NOPERM this user has no permissions to change tables"};
}

bool Sql::await_turn(const TableSet& tables, const WriteTurns::Claim* own,
                     const std::function<bool()>& give_up) {
  if (turns_.is_free(tables, own)) return true;
  // The one that is waited for must not stand in the workers' queue.
  const WorkerPool::Pause pause(database_.workers());
  return turns_.wait(tables, own, give_up);
}

Result<Answer> Sql::run_simple(Context& c, Simple statement) {
  auto& transaction = c.session.sql_transaction;
  switch (statement) {
    case Simple::begin:
    case Simple::begin_serializable: {
      if (c.session.stateless)
        return Error{ErrorCode::invalid_argument,
                     "a transaction needs a connection that stays: this interface has none"};
      const Status begun = begin_transaction(c, statement == Simple::begin_serializable);
      if (!begun) return begun.error();
      return Answer{};
    }
    case Simple::commit: {
      const Status committed = commit_transaction(c);
      if (!committed) return committed.error();
      return Answer{};
    }
    case Simple::rollback:
      if (transaction == nullptr)
        return Error{ErrorCode::invalid_argument, "no transaction is open"};
      transaction = nullptr;
      return Answer{};
    case Simple::show_tables:
      return show_tables(database_.engine(), *database_.catalog().current());
    case Simple::show_status:
      return show_status(info_text(c, {}));
  }
  return Answer{};
}

Status Sql::begin_transaction(Context& c, bool serializable) {
  if (c.session.sql_transaction != nullptr)
    return Error{ErrorCode::invalid_argument, "a transaction is open already"};
  c.session.sql_transaction = std::make_shared<Transaction>(Transaction{open_view(), {}, {}, {}});
  if (serializable) c.session.sql_transaction->reads.emplace();
  return {};
}

Status Sql::commit_transaction(Context& c) {
  if (c.session.sql_transaction == nullptr)
    return Error{ErrorCode::invalid_argument, "no transaction is open"};
  const std::shared_ptr<Transaction> ended = std::exchange(c.session.sql_transaction, nullptr);
  c.depends_on(ended->view.lsn());
  if (ended->is_over()) return {};
  if (ended->view.is_outdated()) return conflict();
  const std::chrono::nanoseconds timeout = timeout_.load(std::memory_order_relaxed);
  const std::int64_t begin = database_.clock().monotonic_ns();
  const auto give_up = [&] {
    const bool is_late =
        timeout.count() != 0 && database_.clock().monotonic_ns() - begin > timeout.count();
    return is_late || c.session.info.closed.load(std::memory_order_relaxed);
  };
  if (!await_turn(tables_of(ended->rows), nullptr, give_up)) return conflict();
  const auto committed = commit(database_, *ended);
  if (!committed) return committed.error();
  if (committed->conflict) return conflict();
  c.depends_on(committed->lsn);
  return {};
}

// --- SQLite's part ---

Result<Answer> Sql::explain(SqliteHandle& handle, std::string_view text, const Query& query) {
  const auto plan = handle.plan(text, query);
  if (!plan) return plan.error();
  Answer answer{.kind = Answer::Kind::rows, .rows = {}};
  answer.rows.add_column({"plan"});
  for (const std::string& step : *plan) {
    answer.rows.add(SqlValue::text(step));
    answer.rows.end_row();
  }
  return answer;
}

// Says what the execution of a query sees, `view` where that is one of its own, and how long it may
// take; an error where it cannot be run.
Status Sql::set_up(Context& c, const SqliteHandle::Prepared& prepared,
                   std::span<const SqlValue> parameters, std::optional<engine::ReadView>& view,
                   const Tries& tries, Execution& execution) {
  Transaction* const transaction = c.session.sql_transaction.get();
  if (!prepared.query.as_of.empty()) {
    if (transaction != nullptr)
      return Error{ErrorCode::invalid_argument, "AS OF is for statements outside of a transaction"};
    auto opened = open_view_at(prepared.query.as_of);
    if (!opened) return std::move(opened).error();
    execution.view = &view.emplace(std::move(*opened));
  } else if (transaction != nullptr) {
    execution.view = &transaction->view;
    if (!transaction->rows.empty()) execution.before = &transaction->rows;
    if (!transaction->keys.empty()) execution.keys_before = &transaction->keys;
    if (transaction->reads) execution.reads = &*transaction->reads;
  } else if (prepared.learned.wants_view) {
    execution.view = &view.emplace(open_view());
  }
  if (execution.view != nullptr) execution.saw(execution.view->lsn());
  const Query& query = prepared.query;
  if (query.writes)
    if (auto refused = write_refusal(c)) return *std::move(refused);
  execution.writes = query.writes;
  execution.counts = query.explain == Query::Explain::analyze;
  if (!prepared.named.empty()) execution.named = &prepared.named;
  execution.trusts_keys =
      prepared.insert && transaction == nullptr && !prepared.learned.keys_are_taken;
  execution.in_transaction = transaction != nullptr;
  execution.counted = &c.session.sql_counts;
  if (prepared.parameters != parameters.size())
    return Error{ErrorCode::invalid_argument,
                 "the statement takes " + std::to_string(prepared.parameters) +
                     " parameters, not " + std::to_string(parameters.size())};

  limit_time(c, tries.begin_ns, execution);
  execution.now_ms = c.now_ms;
  execution.is_admin = c.session.rights.role == Role::admin;
  return {};
}

void Sql::limit_time(const Context& c, std::int64_t begin_ns, Execution& execution) const {
  const std::chrono::nanoseconds timeout = timeout_.load(std::memory_order_relaxed);
  execution.clock = &database_.clock();
  if (timeout.count() != 0) execution.deadline_ns = begin_ns + timeout.count();
  execution.closed = &c.session.info.closed;
}

// What the statement reads from now on is changed by nobody else.
Status Sql::claim_tables(const Context& c, Tries& tries) {
  const CatalogPointer catalog = database_.catalog().current();
  Execution waiting{.engine = database_.engine(), .catalog = *catalog};
  limit_time(c, tries.begin_ns, waiting);
  const WorkerPool::Pause pause(database_.workers());
  if (!tries.claim.take(tries.tables, [&] { return waiting.must_stop(); }))
    return waiting.why_stopped();
  return {};
}

// Whether the answer may leave while it is found.
bool Sql::may_stream(const Context& c, const SqliteHandle::Prepared& prepared) {
  return c.may_leave_rest && prepared.statement != nullptr && !prepared.lookup &&
         !prepared.query.writes && prepared.query.explain == Query::Explain::no;
}

// As attempt().
Sql::Attempt Sql::stream(Context& c, HandlePool::Lease handle, SqliteHandle::Prepared& prepared,
                         std::span<const SqlValue> parameters, const Tries& tries) {
  const protocol::Format format = c.reply.format();
  const bool counted = format != protocol::Format::json && !c.session.streams_lists;
  auto rows = std::make_unique<RowStream>(
      std::move(handle), prepared, database_.engine(),
      RowStream::Terms{.format = format,
                       .counted = counted,
                       .at_once = c.session.streams_lists && !c.session.stateless,
                       .memory = memory_.load(std::memory_order_relaxed),
                       .resting_memory = &resting_memory_,
                       .within = answer_timeout_.load(std::memory_order_relaxed)});
  Execution& execution = rows->execution();
  KIMDB_RETURN_IF_ERROR(set_up(c, prepared, parameters, rows->view, tries, execution));
  rows->keeps = c.session.sql_transaction;
  auto answer = rows->begin(parameters, c.reply.out());
  if (execution.needs_view) {
    prepared.learned.wants_view = true;
    return std::optional<Answer>();
  }
  c.depends_on(execution.depends_on);
  if (!answer) return std::move(answer).error();
  if (execution.view != nullptr && execution.view->is_outdated())
    return Error{ErrorCode::unavailable, "the state was replaced meanwhile: try again"};
  if (answer->kind == Answer::Kind::written) c.session.rest = std::move(rows);
  return std::optional<Answer>(*std::move(answer));
}

Sql::Attempt Sql::attempt(Context& c, SqliteHandle& handle, SqliteHandle::Prepared& prepared,
                          std::span<const SqlValue> parameters, Tries& tries) {
  const Query& query = prepared.query;
  Transaction* const transaction = c.session.sql_transaction.get();
  std::optional<engine::ReadView> view;
  Execution execution{.engine = database_.engine(), .catalog = *handle.catalog()};
  if (tries.conflicts > kConflictsMax) KIMDB_RETURN_IF_ERROR(claim_tables(c, tries));
  KIMDB_RETURN_IF_ERROR(set_up(c, prepared, parameters, view, tries, execution));
  if (tries.conflicts > 0 && execution.must_stop()) return execution.why_stopped();
  const std::int64_t begin = database_.clock().monotonic_ns();
  StatementMemory memory(memory_.load(std::memory_order_relaxed));
  execution.memory = &memory;
  auto answer = run_prepared(handle, prepared, parameters, execution, memory);
  if (execution.counts && answer) {
    const std::int64_t took_ns = database_.clock().monotonic_ns() - begin;
    answer = analysis(handle, prepared.text, prepared.query, *answer, execution, took_ns);
  }
  const auto try_again = [&] {
    ++tries.conflicts;
    add_concerned(tries.tables, *handle.catalog(), execution.changes);
    prepared.learned.keys_are_taken = true;
    return std::optional<Answer>();
  };
  if (execution.needs_view) {
    prepared.learned.wants_view = true;
    return execution.is_lost ? try_again() : std::optional<Answer>();
  }
  c.depends_on(execution.depends_on);
  // Constraints are compared with what others have committed, too: if they had a say, the statement
  // has read more than its view.
  const bool looked_past_view =
      query.writes &&
      (!answer || query.on_conflict != OnConflict::refuse || !query.conflict_clauses.empty());
  if (execution.reads != nullptr && looked_past_view) execution.reads->add_present(engine::kRows);
  // What OR FAIL did before it failed stays.
  std::optional<Error> failed;
  if (!answer) {
    if (query.writes) c.session.sql_counts.changes = 0;
    if (execution.broken == OnConflict::rollback) c.session.sql_transaction = nullptr;
    if (execution.broken != OnConflict::fail) return std::move(answer).error();
    failed = answer.error();
  }
  const auto done = [&]() -> Attempt {
    if (query.writes) count(c.session.sql_counts, execution);
    if (failed) return *std::move(failed);
    return std::optional<Answer>(*std::move(answer));
  };
  if (execution.view != nullptr && execution.view->is_outdated())
    return Error{ErrorCode::unavailable, "the state was replaced meanwhile: try again"};
  if (transaction != nullptr) {
    const std::size_t bytes = transaction->bytes() + execution.changes.bytes();
    if (bytes > database_.options().log.max_transaction_size)
      return Error{ErrorCode::too_large,
                   "the changes of the transaction exceed wal.max_transaction_size"};
    transaction->rows.take(std::move(execution.changes));
    return done();
  }
  const TableSet tables = tables_of(execution.changes);
  // Who has a claim does not wait for another one: it claims more the next time.
  if (tries.claim.is_held() && !turns_.is_free(tables, &tries.claim)) return try_again();
  if (!await_turn(tables, &tries.claim, [&] { return execution.must_stop(); }))
    return execution.why_stopped();
  const auto committed = commit(database_, execution.changes);
  if (!committed) {
    c.session.sql_counts.changes = 0;
    return committed.error();
  }
  if (committed->conflict) return try_again();
  c.depends_on(committed->lsn);
  return done();
}

// The plan, with what was found by each of its steps, and the time of all.
Result<Answer> Sql::analysis(SqliteHandle& handle, std::string_view text, const Query& query,
                             const Answer& answer, const Execution& execution,
                             std::int64_t took_ns) {
  const auto plan = handle.plan(text, query);
  if (!plan) return plan.error();
  Answer analyzed{.kind = Answer::Kind::rows, .rows = {}};
  for (const char* column : {"plan", "begun", "rows", "ms"}) analyzed.rows.add_column({column});
  const auto add = [&](const std::string& step, SqlValue begun, SqlValue rows, SqlValue ms) {
    analyzed.rows.add(SqlValue::text(step));
    for (const SqlValue& value : {begun, rows, ms}) analyzed.rows.add(value);
    analyzed.rows.end_row();
  };
  const auto count = [](std::uint64_t number) {
    return SqlValue::of(static_cast<std::int64_t>(number));
  };
  for (const std::string& step : *plan) {
    const std::string_view words =
        std::string_view(step).substr(std::min(step.find_first_not_of(' '), step.size()));
    const auto access = execution.accesses.find(std::string(path_in_words(words)));
    access == execution.accesses.end()
        ? add(step, {}, {}, {})
        : add(step, count(access->second.begun), count(access->second.rows), {});
  }
  const std::size_t rows = answer.kind == Answer::Kind::rows ? answer.rows.rows() : answer.changed;
  add("statement", count(1), count(rows), SqlValue::of(static_cast<double>(took_ns) / 1e6));
  return analyzed;
}

}  // namespace kimdb::database::sql
