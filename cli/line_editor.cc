#include "cli/line_editor.h"

// readline's headers need FILE declared before them.
#include <cstdio>
//
#include <langinfo.h>
#include <poll.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "cli/columns.h"

namespace kimdb::cli {
namespace {

constexpr int kHistoryLinesMax = 10'000;

// readline calls back without a pointer of ours: what its callbacks need lives here while a
// LineEditor exists.
struct Shared {
  const LineEditor::Options* options = nullptr;
  LineEditor::Prompt prompt;
  bool hint_shown = false;
  std::vector<std::string> matches;
  bool ended = false;   // the line is there, or
  bool at_end = false;  // the input's end is
  bool followed = false;
  std::string line;
};
Shared shared;

volatile std::sig_atomic_t window_resized = 0;
void note_resize(int) { window_resized = 1; }

// Whether a key was pressed, or something pasted, that was not read yet.
bool input_waits(int timeout_ms) {
  pollfd waiting{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return poll(&waiting, 1, timeout_ms) == 1;
}

// --- hints ---
//
// The hint is written behind the text after readline has drawn it, with the cursor saved before and
// restored after, so that readline's idea of the screen stays right. It is shown only where it fits
// on the cursor's row.

std::string_view text_of_line() { return {rl_line_buffer, static_cast<std::size_t>(rl_end)}; }
bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\n") == std::string_view::npos;
}

void erase_hint() {
  if (!std::exchange(shared.hint_shown, false)) return;
  const std::size_t behind = columns(text_of_line().substr(static_cast<std::size_t>(rl_point)));
  std::fputs(
      "\x1b"
      "7",
      rl_outstream);
  if (behind > 0) std::fprintf(rl_outstream, "\x1b[%zuC", behind);
  std::fputs(
      "\x1b[K\x1b"
      "8",
      rl_outstream);
  std::fflush(rl_outstream);
}

void show_hint() {
  if (rl_point != rl_end || (rl_end == 0 && !shared.prompt.continues)) return;
  if (!shared.options->hint || text_of_line().find('\n') != std::string_view::npos) return;
  int rows = 0;
  int width = 0;
  rl_get_screen_size(&rows, &width);
  const std::size_t used = columns(shared.prompt.text) + columns(text_of_line());
  const auto row = static_cast<std::size_t>(width);
  // The last column stays free: a character there makes some terminals wrap.
  if (used + 2 >= row) return;
  const std::string text = fitting(shared.options->hint(text_of_line()), row - used - 1);
  if (text.empty()) return;
  std::fprintf(rl_outstream,
               "\x1b"
               "7\x1b[2m%s\x1b[0m\x1b"
               "8",
               text.c_str());
  std::fflush(rl_outstream);
  shared.hint_shown = true;
}

void redisplay() {
  rl_redisplay();
  erase_hint();
  // While searching the history the row shows something else than prompt and text.
  if (RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH | RL_STATE_DONE)) return;
  show_hint();
}

int accept_line(int count, int key) {
  // How fast what was pasted comes in pieces, and nobody types behind an empty line.
  constexpr int kPasteGapMs = 50;
  erase_hint();
  // Here the terminal still gives single keys: later it would wait for the end of a line.
  const bool ends_statement = shared.prompt.continues && is_blank(text_of_line());
  shared.followed = input_waits(ends_statement ? kPasteGapMs : 0);
  return rl_newline(count, key);
}

// --- completion ---

char* next_match(const char*, int state) {
  static std::size_t next = 0;
  if (state == 0) next = 0;
  if (next == shared.matches.size()) return nullptr;
  return strdup(shared.matches[next++].c_str());  // readline frees it
}

char** matches_of(const char* text, int, int end) {
  rl_attempted_completion_over = 1;  // no file names
  erase_hint();
  if (!shared.options->complete) return nullptr;
  shared.matches = shared.options->complete({rl_line_buffer, static_cast<std::size_t>(end)});
  return rl_completion_matches(text, next_match);
}

// More than one key at once is no typing.
bool is_being_pasted() {
  int waiting = 0;
  return ioctl(STDIN_FILENO, FIONREAD, &waiting) == 0 && waiting > 1;
}

// What is pasted is text: completion would ask questions that its next letters answer.
int complete_or_insert(int count, int key) {
  const bool at_begin = is_blank(text_of_line().substr(0, static_cast<std::size_t>(rl_point)));
  if ((at_begin && shared.prompt.continues) || is_being_pasted()) return rl_insert(count, ' ');
  return rl_complete(count, key);
}

// --- lines ---

void take_line(char* line) {
  shared.ended = true;
  shared.at_end = line == nullptr;
  shared.line = line == nullptr ? "" : line;
  std::free(line);
  rl_callback_handler_remove();
}

// Whatever was going on in it: a search in the history would go on with the next line's keys.
void abandon_line() {
  rl_free_line_state();
  rl_callback_sigcleanup();
  rl_point = rl_end;
  rl_redisplay();
  erase_hint();
  std::fputs("^C", rl_outstream);
  rl_callback_handler_remove();
  std::fputs("\n", rl_outstream);
  std::fflush(rl_outstream);
}

void set_up_readline() {
  // Only for what a character is: numbers keep their point. Where that is ASCII, as in containers,
  // it is UTF-8 nevertheless; readline asks the environment itself.
  std::setlocale(LC_CTYPE, "");
  if (std::strcmp(nl_langinfo(CODESET), "ANSI_X3.4-1968") == 0) {
    setenv("LC_ALL", "C.UTF-8", 1);
    std::setlocale(LC_CTYPE, "");
  }
  rl_readline_name = "kimdb-cli";
  rl_catch_signals = 0;
  rl_catch_sigwinch = 0;
  rl_initialize();
  rl_redisplay_function = redisplay;
  rl_attempted_completion_function = matches_of;
  // Words end at spaces only: keys may hold quotes, colons and the like.
  rl_basic_word_break_characters = const_cast<char*>(" \t");
  rl_completer_word_break_characters = rl_basic_word_break_characters;
  rl_basic_quote_characters = "";
  rl_completer_quote_characters = "";
  for (const Keymap map : {emacs_standard_keymap, vi_insertion_keymap, vi_movement_keymap}) {
    rl_bind_key_in_map('\r', accept_line, map);
    rl_bind_key_in_map('\n', accept_line, map);
  }
  for (const Keymap map : {emacs_standard_keymap, vi_insertion_keymap})
    if (rl_function_of_keyseq("\t", map, nullptr) == rl_complete)  // as the person's inputrc says
      rl_bind_key_in_map('\t', complete_or_insert, map);
  struct sigaction action {};
  action.sa_handler = note_resize;
  sigaction(SIGWINCH, &action, nullptr);
}

// --- history ---

// Stands in the file for the line breaks of what was typed over several lines.
constexpr char kLineBreak = '\x1e';

void restore_line_breaks() {
  for (int i = 0; i < history_length; ++i) {
    std::string lines = history_get(history_base + i)->line;
    if (lines.find(kLineBreak) == std::string::npos) continue;
    std::ranges::replace(lines, kLineBreak, '\n');
    HIST_ENTRY* before = replace_history_entry(i, lines.c_str(), nullptr);
    if (before != nullptr) free_history_entry(before);
  }
}

}  // namespace

LineEditor::LineEditor(Options options, Interrupt& interrupt)
    : options_(std::move(options)), interrupt_(interrupt) {
  shared.options = &options_;
  set_up_readline();
  using_history();
  stifle_history(kHistoryLinesMax);
  if (options_.history_path.empty()) return;
  read_history(options_.history_path.c_str());
  restore_line_breaks();
  history_truncate_file(options_.history_path.c_str(), kHistoryLinesMax);
}

LineEditor::~LineEditor() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigaction(SIGWINCH, &action, nullptr);
  rl_redisplay_function = rl_redisplay;
  rl_attempted_completion_function = nullptr;
  shared.options = nullptr;
}

LineEditor::Input LineEditor::read_line(const Prompt& prompt) {
  shared.prompt = prompt;
  shared.hint_shown = false;
  shared.ended = false;
  rl_callback_handler_install(prompt.text.c_str(), take_line);
  while (!shared.ended) {
    pollfd waiting[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                        {.fd = interrupt_.descriptor(), .events = POLLIN, .revents = 0}};
    const int ready = poll(waiting, 2, -1);
    if (std::exchange(window_resized, 0) != 0) rl_resize_terminal();
    if (ready < 0 && errno == EINTR) continue;
    // A signal that comes just when there are keys is not in what poll tells; and what was typed
    // behind a Ctrl-C is not for the line before it.
    if (interrupt_.is_set()) {
      interrupt_.clear();
      abandon_line();
      return {.outcome = interrupt_.must_end() ? Outcome::end : Outcome::interrupted};
    }
    rl_callback_read_char();
  }
  if (shared.at_end) {
    std::fputs("\n", rl_outstream);
    return {};
  }
  return {.outcome = Outcome::line, .line = std::move(shared.line), .followed = shared.followed};
}

void LineEditor::add_to_history(const std::string& lines) {
  if (lines.find(kLineBreak) != std::string::npos) return;
  if (history_length > 0) {
    const HIST_ENTRY* last = history_get(history_base + history_length - 1);
    if (last != nullptr && lines == last->line) return;
  }
  add_history(lines.c_str());
  if (options_.history_path.empty()) return;
  std::FILE* file = std::fopen(options_.history_path.c_str(), "a");
  if (file == nullptr) return;
  fchmod(fileno(file), 0600);  // nobody else may read what was typed
  std::string line = lines;
  std::ranges::replace(line, '\n', kLineBreak);
  std::fputs((line + "\n").c_str(), file);
  std::fclose(file);
}

std::string default_history_path() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') {
    const std::filesystem::path directory = std::filesystem::path(state) / "kimdb";
    std::error_code failed;
    std::filesystem::create_directories(directory, failed);
    if (!failed) return directory / "history";
  }
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? "" : std::string(home) + "/.kimdb_history";
}

}  // namespace kimdb::cli
