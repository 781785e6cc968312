// Lines typed by a person: editing, history, completion, hints. line_editor.cc is the only file
// that sees readline, whose state is global: one object per process, main thread.
//
// readline is GPLv3; kimdb-cli alone links it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/interrupt.h"

namespace kimdb::cli {

class LineEditor {
 public:
  struct Options {
    std::string history_path;  // empty: no history is kept
    // The words that fit the one left of the cursor, for the text left of the cursor.
    std::function<std::vector<std::string>(std::string_view left)> complete;
    // What to show dimly behind the text; asked about an empty one only where a statement goes on.
    std::function<std::string(std::string_view text)> hint;
  };
  struct Prompt {
    std::string text;
    bool continues = false;  // a statement: Tab indents at the beginning of a line
  };
  enum class Outcome {
    line,
    interrupted,  // Ctrl-C: the line was thrown away
    end,          // Ctrl-D on an empty line, or the process must end
  };
  struct Input {
    Outcome outcome = Outcome::end;
    std::string line;       // several, where a terminal marks what is pasted
    bool followed = false;  // more had come already when it ended: it was pasted as well
  };

  LineEditor(Options options, Interrupt& interrupt);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  Input read_line(const Prompt& prompt);
  // Behind what is there, in memory and in the file; not twice in a row. Its lines come back
  // together.
  void add_to_history(const std::string& lines);

 private:
  Options options_;
  Interrupt& interrupt_;
};

// $XDG_STATE_HOME/kimdb/history where that variable is set (the directory is made), else
// ~/.kimdb_history; empty where there is no home either.
std::string default_history_path();

}  // namespace kimdb::cli
