#include "cli/repl.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "cli/catalog.h"
#include "cli/command_line.h"
#include "cli/completion.h"
#include "cli/keys.h"
#include "cli/line_editor.h"
#include "cli/output.h"

namespace kimdb::cli {
namespace {

class Repl {
 public:
  Repl(Executor& executor, const RenderOptions& options, Interrupt& interrupt)
      : executor_(executor),
        options_(options),
        interrupt_(interrupt),
        editor_({.history_path = default_history_path(),
                 .complete = [this](std::string_view left) { return completions(left); },
                 .hint = [this](std::string_view text) { return hint(catalog_, text); }},
                interrupt) {}

  void run() {
    load_catalog();
    while (true) {
      LineEditor::Input input = editor_.read_line(executor_.prompt());
      if (input.outcome == LineEditor::Outcome::end) return;
      if (input.outcome == LineEditor::Outcome::interrupted) continue;
      if (!read_rest(input.line)) continue;
      add_to_history(input.line);
      auto words = split_command_line(input.line);
      if (!words) {
        show(render_error(words.error().message, options_));
      } else if (!words->empty() && !run_line(*words)) {
        return;
      }
    }
  }

 private:
  // The history has one line for each. A comment up to the end of a line would take in what
  // follows.
  void add_to_history(std::string line) {
    if (line.find('\n') != std::string::npos && line.find("--") != std::string::npos) return;
    std::ranges::replace(line, '\n', ' ');
    if (belongs_in_history(line)) editor_.add_to_history(line);
  }

  // An SQL statement goes on as long as something in it is open. False where it was given up.
  bool read_rest(std::string& line) {
    while (is_open_statement(line)) {
      const LineEditor::Input more = editor_.read_line("   ...> ");
      if (more.outcome != LineEditor::Outcome::line) return false;
      line += '\n' + more.line;
    }
    return true;
  }

  // False where it was the last.
  bool run_line(const Words& words) {
    const std::string& command = words[0];
    if (equals_ignoring_case(command, "quit") || equals_ignoring_case(command, "exit")) {
      return false;
    }
    if ((equals_ignoring_case(command, "help") || command == "?") && !catalog_.empty()) {
      show_help(words);
      return true;
    }
    auto reply = executor_.execute(words);
    if (!reply) {
      show(render_error(reply.error().message, options_));
      return !interrupt_.must_end();
    }
    show(render(*reply, options_));
    if (catalog_.empty() && !reply->is_error()) load_catalog();  // before a login it was refused
    if (executor_.streams()) run_stream();
    return !interrupt_.must_end();
  }

  void show_help(const Words& words) {
    if (words.size() == 1) return show(help_overview(catalog_) + "\n");
    std::string name = words[1];
    for (std::size_t i = 2; i < words.size(); ++i) name += " " + words[i];
    const std::string text = help_text(catalog_, name);
    show(text.empty() ? render_error("there is no command " + name + "; help lists all", options_)
                      : text + "\n");
  }

  void run_stream() {
    if (options_.for_person) show("(waiting for events; Ctrl-C ends)\n");
    const Status status =
        executor_.stream([&](const Value& event) { show(render(event, options_)); });
    if (!status) show(render_error(status.error().message, options_));
  }

  // What the server does not tell is not completed and not hinted, nothing worse.
  void load_catalog() { catalog_ = load_command_catalog(executor_); }

  std::vector<std::string> completions(std::string_view left) {
    Completions found = complete(catalog_, left);
    if (found.sql && executor_.may_look_up()) {
      const std::vector<std::string> names = sql_names(executor_);
      offer_sql(names, left, found.words);
    }
    // Queued in MULTI, SCAN would become a part of the transaction.
    if (found.keys && executor_.may_look_up()) {
      const TypedLine typed = cut_typed_line(left);
      std::vector<std::string> keys = keys_with_prefix(executor_, typed.current);
      std::ranges::move(keys, std::back_inserter(found.words));
    }
    return std::move(found.words);
  }

  Executor& executor_;
  const RenderOptions options_;
  Interrupt& interrupt_;
  CommandCatalog catalog_;
  LineEditor editor_;
};

}  // namespace

void run_repl(Executor& executor, const RenderOptions& options, Interrupt& interrupt) {
  Repl(executor, options, interrupt).run();
}

}  // namespace kimdb::cli
