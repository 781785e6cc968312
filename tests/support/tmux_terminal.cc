#include "tests/support/tmux_terminal.h"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "tests/support/child_process.h"

namespace kimdb::support {
namespace {

std::string quoted(const std::string& word) {
  std::string text = "'";
  for (const char c : word) c == '\'' ? text += "'\\''" : text += c;
  return text + "'";
}

}  // namespace

TmuxTerminal::TmuxTerminal(const std::vector<std::string>& command, Size size) {
  std::filesystem::create_directory(directory_.path() + "/home");
  // The shell outlives it, so that what it has shown stays.
  std::string inside =
      "trap : INT; env -u XDG_STATE_HOME -u INPUTRC -u KIMDB_PASSWORD NO_COLOR=1 HOME=" +
      quoted(directory_.path() + "/home");
  for (const std::string& word : command) inside += " " + quoted(word);
  inside += "; echo \"(ended with $?)\"; exec cat";
  const std::string columns = std::to_string(size.columns), rows = std::to_string(size.rows);
  tmux({"-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", rows, "sh"});
  // Of panes that begin from here on.
  tmux({"set-option", "-g", "history-limit", "20000"});
  tmux({"respawn-pane", "-k", inside});
}

TmuxTerminal::~TmuxTerminal() {
  try {
    tmux({"kill-server"});
  } catch (const std::exception& failure) {
    MESSAGE(failure.what());
  }
}

void TmuxTerminal::type(const std::string& text) {
  std::string word = text;
  // At an argument's end it would part two of tmux' commands.
  if (word.ends_with(';')) word.insert(word.size() - 1, "\\");
  tmux({"send-keys", "-l", "--", word});
}
void TmuxTerminal::press(const std::string& key) { tmux({"send-keys", key}); }

void TmuxTerminal::paste(const std::string& text, bool bracketed) {
  const std::string file = directory_.path() + "/buffer";
  std::ofstream(file) << text;
  tmux({"load-buffer", file});
  bracketed ? tmux({"paste-buffer", "-p"}) : tmux({"paste-buffer"});
}

std::string TmuxTerminal::screen() {
  std::string seen = tmux({"capture-pane", "-p", "-S", "-20000"});
  seen.resize(seen.find_last_not_of('\n') + 1);
  return seen + '\n';
}

bool TmuxTerminal::shows(const std::function<bool(const std::string& screen)>& is_wanted) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (true) {
    const std::string seen = screen();
    if (is_wanted(seen)) return true;
    if (std::chrono::steady_clock::now() > end) {
      MESSAGE("the screen is\n" << seen);
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // tmux has nothing to wait for
  }
}

bool TmuxTerminal::shows(const std::string& text, int times) {
  const bool shown = shows([&](const std::string& seen) { return times_in(seen, text) >= times; });
  if (!shown) MESSAGE("expected " << times << " of " << text);
  return shown;
}

std::string TmuxTerminal::home_file(const std::string& name) const {
  return file_text(directory_.path() + "/home/" + name);
}

std::string TmuxTerminal::tmux(const std::vector<std::string>& words) {
  std::string line = "TMUX_TMPDIR=" + quoted(directory_.path()) + " TMUX= tmux -u -L kimdb";
  for (const std::string& word : words) line += " " + quoted(word);
  std::FILE* pipe = popen((line + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen failed");
  std::string output;
  char bytes[65536];
  for (std::size_t count; (count = std::fread(bytes, 1, sizeof bytes, pipe)) > 0;)
    output.append(bytes, count);
  const int status = pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error("tmux " + words[0] + " failed: " + output);
  return output;
}

int times_in(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

}  // namespace kimdb::support
