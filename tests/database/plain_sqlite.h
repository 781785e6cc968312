// SQLite beside kimdb: what the same statements give over the same rows.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "database/sql/result_columns.h"
#include "database/sql/result_set.h"
#include "database/sql/sqlite.h"
#include "database/sql/time_comparison.h"

namespace kimdb::database::sql {

// SQLite with tables of its own, answering as kimdb does on lines.
class PlainSqlite {
 public:
  PlainSqlite() {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(":memory:", &database) == SQLITE_OK);
    database_.reset(database);
    forgo_bloom_filters(database);
  }

  // `shown`: as which types the columns of the result are, if not as they are declared.
  std::string run(const std::string& sql, const std::vector<ResultSet::Column>& shown = {}) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v2(database_.get(), sql.c_str(), -1, &made, nullptr) != SQLITE_OK)
      return std::string("ERROR: ") + sqlite3_errmsg(database_.get());
    const StatementPointer statement(made);
    const int columns = sqlite3_column_count(made);
    ResultSet rows;
    for (ResultSet::Column& column : result_columns(database_.get(), made, sql)) {
      const std::size_t i = rows.columns().size();
      if (i < shown.size()) column.is_boolean = shown[i].is_boolean;
      if (i < shown.size()) column.scale = shown[i].scale;
      rows.add_column(std::move(column));
    }
    int code = SQLITE_OK;
    while ((code = sqlite3_step(made)) == SQLITE_ROW) {
      for (int i = 0; i < columns; ++i) rows.add(column_of(made, i));
      rows.end_row();
    }
    if (code != SQLITE_DONE) return std::string("ERROR: ") + sqlite3_errmsg(database_.get());
    if (columns == 0) return std::to_string(sqlite3_changes(database_.get()));
    std::string out;
    protocol::ReplyWriter reply(out, protocol::Format::text);
    rows.write(reply);
    if (out.ends_with('\n')) out.pop_back();
    return out;
  }

  sqlite3* get() const { return database_.get(); }

 private:
  SqlitePointer database_;
};

}  // namespace kimdb::database::sql
