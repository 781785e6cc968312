#include "database/sql/count_functions.h"

#include "database/sql/execution.h"
#include "database/sql/sqlite.h"
#include "database/sql/sqlite_handle.h"

namespace kimdb::database::sql {

namespace {

template <std::int64_t SqlCounts::*kCount>
void give_count(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
  const auto& handle = *static_cast<SqliteHandle*>(sqlite3_user_data(context));
  const SqlCounts* counts = handle.execution == nullptr ? nullptr : handle.execution->counted;
  sqlite3_result_int64(context, counts == nullptr ? 0 : counts->*kCount);
}

}  // namespace

void register_count_functions(SqliteHandle& handle) {
  const auto add = [&](const char* name, auto* function) {
    sqlite3_create_function(handle.get(), name, 0, SQLITE_UTF8, &handle, function, nullptr,
                            nullptr);
  };
  add("last_insert_rowid", &give_count<&SqlCounts::last_number>);
  add("changes", &give_count<&SqlCounts::changes>);
  add("total_changes", &give_count<&SqlCounts::total_changes>);
}

}  // namespace kimdb::database::sql
