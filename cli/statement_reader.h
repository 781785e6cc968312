// SQL statements out of the lines they were typed on: from a prompt, a pipe, a file or an argument.
// Pure; one thread.
//
// A statement begins on a line of its own or behind another one's semicolon, and ends in a
// semicolon, however many lines later: a line alone says too little to run it.
//
//   DELETE FROM orders
//   WHERE id = 4;
//
// What no line could continue needs no semicolon: BEGIN, COMMIT, ROLLBACK, START TRANSACTION, SHOW
// TABLES | STATUS, SHOW COLUMNS | INDEXES FROM t, DESCRIBE t. `--` and `/* */` are comments
// wherever SQL may stand, before a statement as well.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/executor.h"

namespace kimdb::cli {

class StatementReader {
 public:
  // Whether this line begins SQL: a statement (prefix words may stand before it), a comment of SQL,
  // or nothing but a semicolon. Such a line is for add(), any other is a command.
  static bool begins(std::string_view line);

  // Whether no command begins so, and only a statement goes on: FROM, WHERE, UNION and the like. If
  // none is open, what stands around the line was meant otherwise than it was read.
  static bool only_goes_on(std::string_view line);

  // Adds a line, without its line break: one that begins SQL, or any while a statement is open.
  // What ends in it is appended to `statements`, as the words that are sent: its prefix words, SQL,
  // and its text without the semicolon. invalid_argument where something that is no SQL stands
  // behind a semicolon: then nothing that ends in the line is appended, and no statement is open.
  Status add(std::string_view line, std::vector<Words>& statements);

  // A statement, or a comment before one, has begun and not ended.
  bool is_open() const { return in_comment_ || open_; }
  // In what is open a quote, a comment or a parenthesis is open, or it ends in a comma.
  bool is_unfinished() const;
  // Inside a string or a quoted name: a line may be anything there.
  bool in_quotes() const { return open_ && quote_ != '\0' && quote_ != '*'; }

  // What is open, taken as whole without a semicolon; nothing where that is but a comment.
  std::optional<Words> end();
  // Forgets what is open.
  void drop();

 private:
  std::string_view skip_comments(std::string_view rest);
  std::size_t scan(std::string_view rest);
  bool ends_here();
  Words take();

  bool in_comment_ = false;  // a /* before a statement
  bool open_ = false;
  Words prefix_;
  std::string text_;            // of the statement, as far as it was read
  char quote_ = '\0';           // the quote that is open, [ for a name in brackets, * in a comment
  std::size_t part_begin_ = 0;  // in text_: behind the last semicolon of a trigger
  std::optional<bool> is_trigger_;  // known once its first semicolon came
};

}  // namespace kimdb::cli
