#include "cli/program.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/posix_filesystem.h"
#include "base/random.h"
#include "cli/batch.h"
#include "cli/command_line.h"
#include "cli/connect.h"
#include "cli/interrupt.h"
#include "cli/keys.h"
#include "cli/local_executor.h"
#include "cli/output.h"
#include "cli/output_format.h"
#include "cli/render.h"
#include "cli/repl.h"
#include "cli/reply_printer.h"
#include "cli/terminal.h"
#include "cli/wal_tool.h"
#include "database/password.h"
#include "database/token.h"

namespace kimdb::cli {
namespace {

int print_password_hash() {
  auto password = get_password("Password: ");
  if (!password) return fail(password.error());
  if (input_is_terminal()) {
    auto again = ask_password("Again: ");
    if (!again) return fail(again.error());
    if (*again != *password) {
      complain("the two are not the same");
      return kFailed;
    }
  }
  auto hash = database::hash_password(*password);
  if (!hash) return fail(hash.error());
  show(*hash + "\n");
  return kDone;
}

int print_api_key() {
  SystemRandom random;
  const std::string key = database::make_api_key(random);
  show("key:      " + key + "\nkey_hash: " + database::hash_api_key(key) + "\n");
  return kDone;
}

// `kimdb-cli help`: as at the prompt.
bool show_help(Executor& executor, const Words& words) {
  const CommandCatalog catalog = load_command_catalog(executor);
  if (catalog.empty()) return false;
  if (words.size() == 1) return show(help_overview(catalog) + "\n"), true;
  std::string name = words[1];
  for (std::size_t i = 2; i < words.size(); ++i) name += " " + words[i];
  const std::string text = help_text(catalog, name);
  if (text.empty()) return false;
  return show(text + "\n"), true;
}

int run_command(Executor& executor, const Words& words, RenderOptions& options) {
  if (equals_ignoring_case(words[0], "help") && show_help(executor, words)) return kDone;
  if (equals_ignoring_case(words[0], "FORMAT")) {
    const Value answer = choose_output_format(words, options.format);
    show(render(answer, options));
    return answer.is_error() ? kRefused : kDone;
  }
  ReplyPrinter printer(options);
  auto reply = executor.execute(words, printer.take());
  if (!reply) {
    printer.give_up();
    return fail(reply.error());
  }
  printer.end(words, *reply);
  if (reply->is_error()) return kRefused;
  if (!executor.streams()) return kDone;
  const Status status = executor.stream([&](const Words& command, const Value& value) {
    show(render_reply(command, value, options));
  });
  return status ? kDone : fail(status.error());
}

// Those behind the options, up to the first that fails.
int run_arguments(Executor& executor, const std::vector<Words>& commands, RenderOptions options) {
  int code = kDone;
  for (std::size_t i = 0; i < commands.size() && code == kDone; ++i)
    code = run_command(executor, commands[i], options);
  if (!executor.in_transaction()) return code;
  complain("the transaction was not committed: nothing of it was done");
  return std::max(code, kRefused);
}

Result<std::unique_ptr<Executor>> open_executor(const Options& options, Interrupt& interrupt) {
  return options.local ? LocalExecutor::open(options) : connect_to_server(options, interrupt);
}

int run_commands(Executor& executor, const Options& options, const std::vector<Words>& commands,
                 Interrupt& interrupt) {
  const RenderOptions rendering{
      .format = options.format, .for_person = output_is_terminal(), .color = output_has_color()};
  if (!options.command.empty()) return run_arguments(executor, commands, rendering);
  if (!input_is_terminal()) return run_batch(executor, rendering, interrupt);
  run_repl(executor, rendering, interrupt);
  return kDone;
}

int run_commands(const Options& options) {
  auto commands = commands_of_arguments(options.command);
  if (!commands) return fail(commands.error());
  Interrupt interrupt;
  auto executor = open_executor(options, interrupt);
  if (!executor) return fail(executor.error());
  const int code = run_commands(**executor, options, *commands, interrupt);
  const Status closed = (*executor)->close();
  return closed ? code : fail(closed.error());
}

}  // namespace

int run_program(const Options& options) {
  PosixFilesystem filesystem;
  switch (options.action) {
    case Options::Action::print:
      show(options.text);
      return kDone;
    case Options::Action::passwd:
      return print_password_hash();
    case Options::Action::apikey:
      return print_api_key();
    case Options::Action::wal_check:
      return check_wal(filesystem, options);
    case Options::Action::wal_dump:
      return dump_wal(filesystem, options);
    case Options::Action::wal_repair:
      return repair_wal(filesystem, options);
    case Options::Action::commands:
      break;
  }
  return run_commands(options);
}

}  // namespace kimdb::cli
