// A program in a real terminal: tmux, driven from outside as a person drives it.
//
// tmux runs on a socket of its own below a temporary directory and is ended by the destructor.
// Calls throw where tmux does not do what they say. One thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/support/temporary_directory.h"

namespace kimdb::support {

class TmuxTerminal {
 public:
  struct Size {
    int columns = 100;
    int rows = 40;
  };

  // Runs the command (its words), with HOME an empty directory, in a terminal of this size. At its
  // end "(ended with <exit code>)" is shown.
  explicit TmuxTerminal(const std::vector<std::string>& command) : TmuxTerminal(command, Size()) {}
  TmuxTerminal(const std::vector<std::string>& command, Size size);
  ~TmuxTerminal();
  TmuxTerminal(const TmuxTerminal&) = delete;
  TmuxTerminal& operator=(const TmuxTerminal&) = delete;

  // Letter by letter, as it stands.
  void type(const std::string& text);
  // A key by tmux' name: "Enter", "C-c", "Up", "Tab".
  void press(const std::string& key);
  void enter(const std::string& text) {
    type(text);
    press("Enter");
  }
  // As one piece; `bracketed`: with the marks around it by which a program knows that it was
  // pasted, where that has asked for them.
  void paste(const std::string& text, bool bracketed);

  // What is to be seen, and what has left it upwards: lines without the spaces at their ends.
  std::string screen();
  // Waits until the screen is as wanted; false, with what is seen told, when it is not within half
  // a minute.
  bool shows(const std::function<bool(const std::string& screen)>& is_wanted);
  // Until this text is there so many times.
  bool shows(const std::string& text, int times = 1);

  // Of the program: the file below its HOME.
  std::string home_file(const std::string& name) const;

 private:
  std::string tmux(const std::vector<std::string>& words);

  TemporaryDirectory directory_;
};

// How often `part` stands in `text`.
int times_in(const std::string& text, const std::string& part);

}  // namespace kimdb::support
