#include "cli/terminal.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace kimdb::cli {
namespace {

// /dev/tty without echo for as long as the object lives.
class SilentTerminal {
 public:
  SilentTerminal() : descriptor_(open("/dev/tty", O_RDWR | O_CLOEXEC)) {
    if (descriptor_ < 0 || tcgetattr(descriptor_, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ICANON | ISIG;
    silent_ = tcsetattr(descriptor_, TCSAFLUSH, &silent) == 0;
  }
  ~SilentTerminal() {
    if (silent_) tcsetattr(descriptor_, TCSAFLUSH, &before_);
    if (descriptor_ >= 0) close(descriptor_);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

  bool is_silent() const { return silent_; }

  void show(const std::string& text) {
    [[maybe_unused]] const ssize_t written = write(descriptor_, text.data(), text.size());
  }

  // A line without its end; false where it was given up.
  bool read_line(std::string& line) {
    char c;
    while (true) {
      const ssize_t count = read(descriptor_, &c, 1);
      if (count <= 0) return false;  // the end, or EINTR: Ctrl-C
      if (c == '\n') return true;
      line += c;
    }
  }

 private:
  int descriptor_;
  termios before_{};
  bool silent_ = false;
};

}  // namespace

bool input_is_terminal() { return isatty(STDIN_FILENO) == 1; }
bool output_is_terminal() { return isatty(STDOUT_FILENO) == 1; }

bool output_has_color() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return output_is_terminal() && (no_color == nullptr || *no_color == '\0') && term != nullptr &&
         std::strcmp(term, "dumb") != 0;
}

Result<std::string> ask_password(const std::string& prompt) {
  SilentTerminal terminal;
  if (!terminal.is_silent()) {
    return Error{ErrorCode::unavailable,
                 "no terminal to ask for the password: set KIMDB_PASSWORD instead"};
  }
  terminal.show(prompt);
  std::string password;
  const bool whole = terminal.read_line(password);
  terminal.show("\n");
  if (!whole) return Error{ErrorCode::unavailable, "no password was given"};
  return password;
}

Result<std::string> get_password(const std::string& prompt) {
  if (const char* given = std::getenv("KIMDB_PASSWORD"); given != nullptr) {
    std::string password = given;
    unsetenv("KIMDB_PASSWORD");
    return password;
  }
  return ask_password(prompt);
}

}  // namespace kimdb::cli
