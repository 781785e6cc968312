#include "database/sql/sqlite_handle.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <utility>

#include "base/ascii.h"
#include "database/sql/count_functions.h"
#include "database/sql/inspection.h"
#include "database/sql/parser.h"
#include "database/sql/result_columns.h"
#include "database/sql/source_module.h"
#include "database/sql/text_functions.h"
#include "database/sql/time_comparison.h"
#include "database/sql/tokenizer.h"
#include "database/sql/typed_module.h"

namespace kimdb::database::sql {

namespace {

constexpr std::size_t kCachedStatements = 256;
// A longer one has its values in it, and hardly comes again.
constexpr std::size_t kCachedBytes = 4096;
constexpr std::size_t kTablesInAStatement = 100;
// Where a statement that was made of parts lies in its user's text.
constexpr std::ptrdiff_t kNowhere = PTRDIFF_MIN;
// SQLite's own file system in memory: nothing that is sorted goes to a disk. With "files" in it
// SQLite sorts runs that fit into the cache and merges them, with temp_store = MEMORY it would sort
// one long list, which takes a third longer.
constexpr const char* kFilesInMemory = "memdb";
// Of LIKE and GLOB, which nothing stops within one text.
constexpr int kPatternBytes = 1000;
// Of SQLite's machine: a few microseconds.
constexpr int kStepsBetweenLooks = 1000;

// What stands behind `begin` in a message of SQLite's; empty where it does not begin so.
std::string_view name_behind(std::string_view message, std::string_view begin) {
  if (!message.starts_with(begin)) return {};
  message.remove_prefix(begin.size());
  // "users.name"
  if (const std::size_t dot = message.rfind('.'); dot != std::string_view::npos)
    message.remove_prefix(dot + 1);
  return message;
}

// All of it: a table's name may have points in it.
std::string_view table_missed_by(std::string_view message) {
  constexpr std::string_view kBegin = "no such table: ";
  return message.starts_with(kBegin) ? message.substr(kBegin.size()) : std::string_view();
}

// Functions that may give another value for the same arguments, the second time: by chance, or
// since they may be asked for the time.
bool varies(std::string_view function) {
  constexpr std::string_view kNames[] = {
      "random",    "randomblob", "changes",      "total_changes", "last_insert_rowid",
      "date",      "time",       "datetime",     "julianday",     "strftime",
      "unixepoch", "timediff",   "current_date", "current_time",  "current_timestamp"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view name) { return equals_ignoring_case(name, function); });
}

// Whether one of the words is there that every outer join has.
bool has_outer_join(std::string_view sql) {
  for (Token token = next_token(sql, 0); token.kind != Token::Kind::end;
       token = next_token(sql, token.offset + token.text.size()))
    if (token.is_word("left") || token.is_word("right") || token.is_word("full")) return true;
  return false;
}

}  // namespace

Result<std::unique_ptr<SqliteHandle>> SqliteHandle::open(const Surroundings& around,
                                                         CatalogPointer catalog) {
  std::unique_ptr<SqliteHandle> handle(new SqliteHandle(around, std::move(catalog)));
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(
      ":memory:", &database,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX,
      kFilesInMemory);
  handle->database_.reset(database);
  if (code != SQLITE_OK)
    return Error{ErrorCode::unavailable,
                 "SQLite does not open: " + std::string(sqlite3_errstr(code))};
  sqlite3_extended_result_codes(database, 1);
  for (const int option :
       {SQLITE_DBCONFIG_DEFENSIVE, SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW,
        SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_DQS_DDL, SQLITE_DBCONFIG_TRUSTED_SCHEMA})
    sqlite3_db_config(database, option, option == SQLITE_DBCONFIG_DEFENSIVE ? 1 : 0, nullptr);
  sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(database, SQLITE_LIMIT_WORKER_THREADS, 0);
  sqlite3_limit(database, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, kPatternBytes);
  sqlite3_exec(database, "PRAGMA temp_store = FILE", nullptr, nullptr, nullptr);
  forgo_bloom_filters(database);
  register_typed_tables(*handle);
  register_sources(*handle);
  register_row_sources(*handle);
  register_count_functions(*handle);
  register_text_functions(database);
  // Connected once, what they declare being none of a statement's.
  sqlite3_exec(database, "SELECT 1 FROM json_each('[]'), json_tree('[]')", nullptr, nullptr,
               nullptr);
  sqlite3_progress_handler(
      database, kStepsBetweenLooks,
      [](void* owner) {
        Execution* const running = static_cast<SqliteHandle*>(owner)->execution;
        return running != nullptr && running->must_stop() ? 1 : 0;
      },
      handle.get());
  sqlite3_set_authorizer(database, &SqliteHandle::authorize, handle.get());
  return handle;
}

// Statements may read and change tables and call functions, and nothing else.
int SqliteHandle::authorize(void* handle, int action, const char* first, const char* second,
                            const char* /*database*/, const char* /*trigger*/) {
  const auto& owner = *static_cast<SqliteHandle*>(handle);
  if (owner.authorizes_all_) return SQLITE_OK;
  const auto is_hidden = [&](const char* table) {
    return table != nullptr &&
           (starts_with_ignoring_case(table, "sqlite_") ||
            (!owner.authorizes_sources_ && starts_with_ignoring_case(table, kRowSourcePrefix)));
  };
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_READ:
      // A rowid is an address.
      if (second != nullptr && std::string_view(second) == "ROWID") return SQLITE_DENY;
      [[fallthrough]];
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
      return is_hidden(first) ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_FUNCTION:
      if (second != nullptr && varies(second))
        static_cast<SqliteHandle*>(handle)->compiles_varying_ = true;
      // The second one shows and sets addresses.
      return second != nullptr && (equals_ignoring_case(second, "load_extension") ||
                                   equals_ignoring_case(second, "fts3_tokenizer"))
                 ? SQLITE_DENY
                 : SQLITE_OK;
    default:
      return SQLITE_DENY;
  }
}

SqliteHandle::Prepared* SqliteHandle::find(std::string_view text) {
  const auto found = cached_.find(text);
  if (found == cached_.end()) return nullptr;
  cache_.splice(cache_.begin(), cache_, found->second);
  Prepared& prepared = cache_.front();
  return &prepared;
}

Result<SqliteHandle::Prepared*> SqliteHandle::prepare(std::string_view text, Query&& query) {
  Prepared made;
  made.insert = PlainInsert::of(query, *catalog_);
  if (made.insert) {
    made.parameters = made.insert->parameters();
  } else {
    auto compiled =
        compile(std::string(query.text), text, static_cast<std::ptrdiff_t>(query.offset));
    if (!compiled) return std::move(compiled).error();
    made.statement = std::move(*compiled);
    made.varies = compiles_varying_;
    made.parameters = static_cast<std::size_t>(sqlite3_bind_parameter_count(made.statement.get()));
    made.columns = result_columns(get(), made.statement.get(), query.text);
    if (query.explain == Query::Explain::no)
      made.lookup = PointLookup::of(query.text, *catalog_, made.statement.get());
    if (auto by_time = compile_by_time(std::string(query.text), {}); by_time != nullptr)
      made.statement = std::move(by_time);
  }
  const TypedTablePointer target = catalog_->find(query.table);
  if (!query.conflict_clauses.empty()) {
    if (target == nullptr)
      return Error{ErrorCode::invalid_argument, "ON CONFLICT is for typed tables"};
    auto upsert = Upsert::prepare(*this, query, target);
    if (!upsert) return std::move(upsert).error();
    made.parameters = std::max(made.parameters, upsert->parameters());
    made.upsert = std::move(*upsert);
  }
  if (!query.returning.empty()) KIMDB_RETURN_IF_ERROR(prepare_returning(query, made));
  if (query.names_columns)
    if (const TypedTablePointer table = catalog_->find(query.table))
      made.named = table->named(query.columns);
  made.query = std::move(query);
  if (text.size() > kCachedBytes) return &(not_kept_ = std::move(made));
  if (cache_.size() == kCachedStatements) {
    cached_.erase(cache_.back().text);
    cache_.pop_back();
  }
  Prepared& kept = cache_.emplace_front(std::move(made));
  // The query's views shall be into what is kept.
  kept.text = text;
  kept.query = std::get<Query>(*parse_statement(kept.text));
  cached_.emplace(kept.text, cache_.begin());
  return &kept;
}

RowWriter& SqliteHandle::writer_of(const TypedTablePointer& table) {
  return writers_.try_emplace(table.get(), *this, table, around_.numbers).first->second;
}

// SELECT what it lists FROM the rows that were changed.
Status SqliteHandle::prepare_returning(const Query& query, Prepared& made) {
  const TypedTablePointer table = catalog_->find(query.table);
  if (table == nullptr) return Error{ErrorCode::invalid_argument, "RETURNING is for typed tables"};
  const std::string source = row_source(table, false);
  made.returned = row_source_named(source);
  // The line break ends a comment in it.
  const std::string sql = "SELECT " + query.returning + "\n FROM temp." + quoted_name(source) +
                          " AS " + quoted_name(table->schema().name);
  auto compiled = compile_own(sql);
  if (!compiled) return std::move(compiled).error();
  made.returning = std::move(*compiled);
  const OwnStatement own(*this);
  made.columns = result_columns(get(), made.returning.get(), sql);
  made.parameters =
      std::max(made.parameters,
               static_cast<std::size_t>(sqlite3_bind_parameter_count(made.returning.get())));
  return {};
}

std::string SqliteHandle::row_source(const TypedTablePointer& table, bool has_excluded) {
  std::string name = std::string(kRowSourcePrefix) + (has_excluded ? "excluded_" : "returned_") +
                     table->schema().name;
  const auto [source, is_new] = row_sources_.try_emplace(name);
  if (!is_new) return name;
  source->second.table = table;
  source->second.has_excluded = has_excluded;
  const std::string sql = "CREATE VIRTUAL TABLE temp." + quoted_name(name) + " USING row_source";
  authorizes_all_ = true;
  // Where it fails, who uses it hears that there is no such table.
  sqlite3_exec(get(), sql.c_str(), nullptr, nullptr, nullptr);
  authorizes_all_ = false;
  return name;
}

RowSource* SqliteHandle::row_source_named(std::string_view name) {
  const auto found = row_sources_.find(name);
  return found == row_sources_.end() ? nullptr : &found->second;
}

Result<StatementPointer> SqliteHandle::compile_own(const std::string& sql) {
  const OwnStatement own(*this);
  return compile(sql, sql, kNowhere);
}

Result<StatementPointer> SqliteHandle::compile(const std::string& sql, std::string_view text,
                                               std::ptrdiff_t offset) {
  ++compilations_;
  compiles_outer_join_ = has_outer_join(sql);
  compiles_varying_ = false;
  for (std::size_t missing = 0; missing <= kTablesInAStatement; ++missing) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code == SQLITE_OK) return StatementPointer(statement);
    if (!add_missing_table(sqlite3_errmsg(get()))) break;
  }
  return last_error(text, offset);
}

StatementPointer SqliteHandle::compile_by_time(const std::string& sql, std::string_view prefix) {
  const auto rewritten = with_time_collation(sql, tables_);
  if (!rewritten) return nullptr;
  const std::string text = std::string(prefix) + *rewritten;
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v3(get(), text.data(), static_cast<int>(text.size()), SQLITE_PREPARE_PERSISTENT,
                     &statement, nullptr);
  return StatementPointer(statement);
}

Result<std::vector<std::string>> SqliteHandle::plan(std::string_view text, const Query& query) {
  constexpr std::string_view kExplain = "EXPLAIN QUERY PLAN ";
  const auto compiled = compile(std::string(kExplain) + std::string(query.text), text,
                                static_cast<std::ptrdiff_t>(query.offset) - std::ssize(kExplain));
  if (!compiled) return compiled.error();
  const StatementPointer by_time = compile_by_time(std::string(query.text), kExplain);
  sqlite3_stmt* statement = by_time != nullptr ? by_time.get() : compiled->get();
  std::map<int, std::size_t> depths;  // by the number of a step
  std::vector<std::string> steps;
  while (sqlite3_step(statement) == SQLITE_ROW) {
    const int parent = sqlite3_column_int(statement, 1);
    const std::size_t depth = parent == 0 ? 0 : depths[parent] + 1;
    depths[sqlite3_column_int(statement, 0)] = depth;
    const auto* detail = reinterpret_cast<const char*>(sqlite3_column_text(statement, 3));
    steps.push_back(std::string(2 * depth, ' ') + plan_step(detail));
  }
  return steps;
}

Result<std::vector<SourceColumn>> SqliteHandle::source_columns(const std::string& name) {
  const std::string sql = "SELECT * FROM " + quoted_name(name);
  const auto compiled = compile(sql, sql, 0);
  if (!compiled) return compiled.error();
  std::vector<SourceColumn> columns;
  for (int i = 0; i < sqlite3_column_count(compiled->get()); ++i) {
    const char* const type = sqlite3_column_decltype(compiled->get(), i);
    columns.push_back({sqlite3_column_name(compiled->get(), i), type == nullptr ? "" : type});
  }
  return columns;
}

bool SqliteHandle::add_missing_table(std::string_view message) {
  const std::string name(table_missed_by(message));  // the message goes with the next statement
  if (name.empty()) return false;
  std::string module = "typed_table";
  if (catalog_->find(name) == nullptr) {
    source_ = around_.sources.find(name);
    if (source_ == nullptr) return false;
    module = "source";
  }
  const std::string sql = "CREATE VIRTUAL TABLE temp." + quoted_name(name) + " USING " + module;
  authorizes_all_ = true;
  const int code = sqlite3_exec(get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) tables_[lower_case(name)] = columns_by_time(get(), name);
  authorizes_all_ = false;
  return code == SQLITE_OK;
}

// With the nearest column of the tables that the text names.
Error SqliteHandle::unknown_column(std::string_view column, std::string_view text) const {
  std::vector<TypedTablePointer> tables;
  for (Token token = next_token(text, 0); token.kind != Token::Kind::end;
       token = next_token(text, token.offset + token.text.size())) {
    if (token.kind != Token::Kind::word && token.kind != Token::Kind::quoted) continue;
    if (TypedTablePointer table = catalog_->find(token.name())) tables.push_back(std::move(table));
  }
  std::vector<const engine::TableSchema*> schemas;
  for (const TypedTablePointer& table : tables) schemas.push_back(&table->schema());
  return {ErrorCode::invalid_argument, sql::unknown_column(column, schemas)};
}

Error SqliteHandle::last_error(std::string_view text, std::ptrdiff_t offset) {
  const std::string message = sqlite3_errmsg(get());
  if (const std::string_view table = table_missed_by(message); !table.empty())
    return {ErrorCode::invalid_argument, catalog_->unknown_table(table)};
  if (const std::string_view column = name_behind(message, "no such column: "); !column.empty())
    return unknown_column(column, text);
  constexpr std::string_view kNoColumn = " has no column named ";
  if (const std::size_t at = message.find(kNoColumn); at != std::string::npos)
    return unknown_column(std::string_view(message).substr(at + kNoColumn.size()), text);
  if (message == "incomplete input" && offset != kNowhere) return syntax_error(text, text.size());
  const int at = sqlite3_error_offset(get());
  if (at >= 0 && offset != kNowhere && message.ends_with("syntax error"))
    return syntax_error(text, static_cast<std::size_t>(offset + at));
  return {ErrorCode::invalid_argument, message};
}

}  // namespace kimdb::database::sql
