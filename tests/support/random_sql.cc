#include "tests/support/random_sql.h"

#include <algorithm>
#include <vector>

namespace kimdb::support {

std::string RandomSql::next() {
  const std::string t = std::string(1, static_cast<char>('a' + random_.below(3)));
  const std::string n = std::to_string(random_.below(6)), id = std::to_string(random_.below(20));
  switch (random_.below(16)) {
    case 0:
    case 1:
      return "CREATE TABLE " + t + " (id INT PRIMARY KEY" +
             (gives_all_keys_ ? "" : " AUTO_INCREMENT") + ", n INT" +
             (random_.below(2) == 0 ? " UNIQUE" : "") + ", s TEXT DEFAULT 'x')";
    case 2:
      return "DROP TABLE " + t;
    case 3:
      return "ALTER TABLE " + t + " ADD COLUMN c" + n + " INT DEFAULT " + n;
    case 4:
      return "ALTER TABLE " + t + " DROP COLUMN c" + n;
    case 5:
      return "ALTER TABLE " + t + " RENAME COLUMN c" + n + " TO c" +
             std::to_string(random_.below(6));
    case 6:
      return "CREATE " + std::string(random_.below(2) == 0 ? "UNIQUE " : "") + "INDEX i_" + t +
             " ON " + t + " (n)";
    case 7:
      return "DROP INDEX i_" + t;
    case 8:
      return "DELETE FROM " + t + " WHERE n = " + n;
    case 9:
      return "UPDATE " + t + " SET n = n + 1 WHERE id > " + id;
    case 10:
      return "UPDATE " + t + " SET id = id + 100 WHERE n = " + n;
    case 11:
      return "INSERT OR REPLACE INTO " + t + " (id, n) VALUES (" + id + ", " + n + ")";
    default: {
      const std::string other = std::to_string(random_.below(1000));
      if (gives_all_keys_)
        return "INSERT INTO " + t + " (id, n, s) VALUES (" + other + ", " + n + ", 's" + id +
               "'), (" + id + ", " + other + ", NULL)";
      return "INSERT INTO " + t + " (n, s) VALUES (" + n + ", 's" + id + "'), (" + other +
             ", NULL)";
    }
  }
}

std::string dump_tables(const std::function<std::string(const std::string&)>& run) {
  std::string text;
  for (const char* table : {"a", "b", "c"}) {
    const std::string described = run(std::string("DESCRIBE ") + table);
    text += described + "\n";
    if (described.starts_with("ERROR")) continue;
    text += sorted_lines(run(std::string("SHOW INDEXES FROM ") + table));
    text += sorted_lines(run(std::string("SELECT * FROM ") + table));
    // By an index, where there is one.
    text += run(std::string("SELECT count(*) FROM ") + table + " WHERE n = 3") + "\n";
  }
  return text;
}

std::string sorted_lines(const std::string& text, std::ptrdiff_t in_place) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  std::sort(lines.begin() + std::min(in_place, std::ssize(lines)), lines.end());
  std::string sorted;
  for (const std::string& line : lines) sorted += line + "\n";
  return sorted;
}

}  // namespace kimdb::support
