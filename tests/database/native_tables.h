// SQLite with tables of its own: what statements that change do to them, to compare with.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <algorithm>
#include <string>
#include <vector>

#include "database/sql/sqlite.h"

namespace kimdb::database::sql {

class NativeTables {
 public:
  NativeTables() {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(":memory:", &database) == SQLITE_OK);
    database_.reset(database);
    REQUIRE(run("PRAGMA foreign_keys = ON") == "OK");
  }

  // "ERROR: …", the rows in some order, each a line, or OK.
  std::string run(const std::string& sql) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v2(database_.get(), sql.c_str(), -1, &made, nullptr) != SQLITE_OK)
      return std::string("ERROR: ") + sqlite3_errmsg(database_.get());
    const StatementPointer statement(made);
    const int columns = sqlite3_column_count(made);
    std::vector<std::string> rows;
    int code = SQLITE_OK;
    while ((code = sqlite3_step(made)) == SQLITE_ROW) {
      std::string& row = rows.emplace_back();
      for (int i = 0; i < columns; ++i) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(made, i));
        row += (i > 0 ? "|" : "") + std::string(text == nullptr ? "(nil)" : text);
      }
    }
    if (code != SQLITE_DONE) return std::string("ERROR: ") + sqlite3_errmsg(database_.get());
    if (columns == 0) return "OK";
    std::sort(rows.begin(), rows.end());
    std::string all;
    for (const std::string& row : rows) all += row + "\n";
    return all;
  }

 private:
  SqlitePointer database_;
};

// The rows of a reply on lines in the same form; an error and OK as they are.
inline std::string rows_of_lines(const std::string& reply) {
  if (!reply.starts_with('*')) return reply.starts_with("ERROR") ? reply : "OK";
  std::vector<std::string> rows;
  std::size_t begin = reply.find('\n', reply.find('\n') + 1);
  while (begin != std::string::npos) {
    const std::size_t end = reply.find('\n', begin + 1);
    rows.push_back(reply.substr(begin + 1, end == std::string::npos ? end : end - begin - 1));
    begin = end;
  }
  std::sort(rows.begin(), rows.end());
  std::string all;
  for (const std::string& row : rows) all += row + "\n";
  return all;
}

}  // namespace kimdb::database::sql
