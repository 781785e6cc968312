#include "cli/repl.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "cli/catalog.h"
#include "cli/command_line.h"
#include "cli/completion.h"
#include "cli/keys.h"
#include "cli/line_editor.h"
#include "cli/output.h"
#include "cli/output_format.h"
#include "cli/reply_printer.h"
#include "cli/statement_reader.h"

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
                 .hint = [this](std::string_view text) { return hint_behind(text); }},
                interrupt) {}

  void run() {
    load_catalog();
    while (true) {
      const bool continues = statements_.is_open();
      const LineEditor::Input input = editor_.read_line(
          {.text = continues ? continuation() : executor_.prompt(), .continues = continues});
      if (input.outcome == LineEditor::Outcome::end) return leave();
      if (input.outcome == LineEditor::Outcome::interrupted) {
        drop_statement();
      } else if (!take(input)) {
        return leave();
      }
    }
  }

 private:
  // A quote that is open takes in whatever is typed: it is shown.
  std::string continuation() const { return statements_.in_quotes() ? "   '..> " : "   ...> "; }

  // False where the prompt ends.
  bool take(const LineEditor::Input& input) {
    const bool is_blank = input.line.find_first_not_of(" \t\n") == std::string::npos;
    if (statements_.is_open() && is_blank) {
      // What was pasted may hold an empty line, as a file may.
      const bool ends = !input.followed && !statements_.is_unfinished();
      return ends ? end_statement() : take_line("");
    }
    std::string_view rest = input.line;
    while (true) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      if (!take_line(rest.substr(0, end))) return false;
      if (end == rest.size()) return true;
      rest.remove_prefix(end + 1);
      if (!gave_up_) continue;
      if (rest.find_first_not_of(" \t\n") == std::string_view::npos) return true;
      drop_statement();
      show("(what was pasted behind it is not run)\n");
      return true;
    }
  }

  // False where the prompt ends.
  bool take_line(std::string_view line) {
    gave_up_ = false;
    if (!statements_.is_open() && !StatementReader::begins(line)) return take_command(line);
    if (statements_.is_open() && !statements_.in_quotes() && is_way_out(line)) {
      show("(a statement is open: a semicolon or an empty line runs it, Ctrl-C drops it)\n");
      return true;
    }
    typed_ += typed_.empty() ? "" : "\n";
    typed_ += line;
    std::vector<Words> ended;
    const Status added = statements_.add(line, ended);
    if (!statements_.is_open()) keep_typed();
    if (!added) {
      gave_up_ = true;
      show(render_error(added.error().message, options_));
    }
    return run_all(ended);
  }

  bool take_command(std::string_view line) {
    const std::string typed(line);
    if (belongs_in_history(typed)) editor_.add_to_history(typed);
    auto words = split_command_line(line);
    if (words) return words->empty() || run_line(*words);
    gave_up_ = true;  // what stands behind it was not meant to be run without it
    show(render_error(words.error().message, options_));
    return true;
  }

  // By an empty line. Recalled from the history it is whole.
  bool end_statement() {
    const bool in_comment = typed_.substr(typed_.rfind('\n') + 1).find("--") != std::string::npos;
    auto statement = statements_.end();
    if (statement) typed_ += in_comment ? "\n;" : ";";
    keep_typed();
    return !statement || run_line(*statement);
  }

  bool run_all(const std::vector<Words>& commands) {
    for (const Words& words : commands) {
      if (!run_line(words)) return false;
      if (gave_up_) return true;
    }
    return true;
  }

  void keep_typed() {
    const std::string typed = std::exchange(typed_, {});
    if (StatementReader::begins(typed)) editor_.add_to_history(typed);
  }

  void drop_statement() {
    statements_.drop();
    typed_.clear();
  }

  void leave() {
    if (statements_.is_open()) show("the statement did not end: nothing of it was run\n");
    if (executor_.in_transaction())
      show("the transaction was not committed: nothing of it was done\n");
  }

  static bool is_way_out(std::string_view line) {
    const std::size_t end = line.find_last_not_of(" \t;");
    const std::string_view word = line.substr(0, end == std::string_view::npos ? 0 : end + 1);
    return equals_ignoring_case(word, "quit") || equals_ignoring_case(word, "exit") ||
           word == "\\q";
  }

  // False where it was the last.
  bool run_line(const Words& words) {
    if (interrupt_.is_set()) {
      gave_up_ = true;
      show("(not run)\n");
      return !interrupt_.must_end();
    }
    const std::string& command = words[0];
    if (equals_ignoring_case(command, "quit") || equals_ignoring_case(command, "exit")) {
      return false;
    }
    if ((equals_ignoring_case(command, "help") || command == "?") && !catalog_.empty()) {
      show_help(words);
      return true;
    }
    if (equals_ignoring_case(command, "FORMAT")) {
      const Value answer = choose_output_format(words, options_.format);
      show(render(answer, options_));
      return true;
    }
    ReplyPrinter printer(options_);
    auto reply = executor_.execute(words, printer.take());
    if (!reply) {
      gave_up_ = true;
      printer.give_up();
      show(render_error(reply.error().message, options_));
      return !interrupt_.must_end();
    }
    printer.end(words, *reply);
    // Before a login it was refused.
    if (catalog_.empty() && !reply->is_error() && executor_.may_look_up()) load_catalog();
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
    const Status status = executor_.stream([&](const Words& command, const Value& value) {
      show(render_reply(command, value, options_));
    });
    if (!status) return show(render_error(status.error().message, options_));
    if (options_.for_person) show("\n");  // behind the terminal's ^C
  }

  // What the server does not tell is not completed and not hinted, nothing worse.
  void load_catalog() { catalog_ = load_command_catalog(executor_); }

  std::vector<std::string> completions(std::string_view left) {
    Completions found;
    if (statements_.is_open()) {
      found.sql = true;
    } else {
      found = complete(catalog_, left);
    }
    // Queued in MULTI, SCAN would become a part of the transaction.
    const bool may_look_up = executor_.may_look_up();
    const std::string typed = cut_typed_line(left).current;
    if (found.sql) {
      if (may_look_up) sql_names_ = sql_names(executor_);
      offer_sql(sql_names_, left, found.words);
    }
    if (!may_look_up) return std::move(found.words);
    std::vector<std::string> names;
    if (found.keys) names = keys_with_prefix(executor_, typed);
    if (found.collections) names = collections_with_prefix(executor_, typed);
    if (found.settings) names = settings_with_prefix(executor_, typed);
    if (!found.indexes_of.empty()) names = indexes_with_prefix(executor_, found.indexes_of, typed);
    std::ranges::move(names, std::back_inserter(found.words));
    return std::move(found.words);
  }

  std::string hint_behind(std::string_view text) const {
    if (!statements_.is_open()) return hint(catalog_, text);
    if (!text.empty() || statements_.is_unfinished()) return {};
    return "; or an empty line runs it, Ctrl-C drops it";
  }

  Executor& executor_;
  RenderOptions options_;
  Interrupt& interrupt_;
  CommandCatalog catalog_;
  StatementReader statements_;
  std::string typed_;     // the lines of the statement that is open
  bool gave_up_ = false;  // the last command got no reply
  std::vector<std::string> sql_names_;
  LineEditor editor_;
};

}  // namespace

void run_repl(Executor& executor, const RenderOptions& options, Interrupt& interrupt) {
  Repl(executor, options, interrupt).run();
}

}  // namespace kimdb::cli
