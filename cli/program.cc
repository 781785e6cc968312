#include "cli/program.h"

#include <memory>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "base/posix_filesystem.h"
#include "base/random.h"
#include "cli/batch.h"
#include "cli/connect.h"
#include "cli/interrupt.h"
#include "cli/keys.h"
#include "cli/local_executor.h"
#include "cli/output.h"
#include "cli/render.h"
#include "cli/repl.h"
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

int run_command(Executor& executor, const Words& words, const RenderOptions& options,
                Interrupt& interrupt) {
  if (equals_ignoring_case(words[0], "help") && show_help(executor, words)) return kDone;
  auto reply = executor.execute(words);
  if (!reply) return fail(reply.error());
  show(render(*reply, options));
  if (reply->is_error()) return kRefused;
  if (!executor.streams()) return kDone;
  const Status status = executor.stream([&](const Value& event) { show(render(event, options)); });
  if (!status && !interrupt.is_set()) return fail(status.error());
  return kDone;
}

Result<std::unique_ptr<Executor>> open_executor(const Options& options, Interrupt& interrupt) {
  return options.local ? LocalExecutor::open(options) : connect_to_server(options, interrupt);
}

int run_commands(Executor& executor, const Options& options, Interrupt& interrupt) {
  const RenderOptions rendering{
      .format = options.format, .for_person = output_is_terminal(), .color = output_has_color()};
  if (!options.command.empty()) return run_command(executor, options.command, rendering, interrupt);
  if (!input_is_terminal()) return run_batch(executor, rendering, interrupt);
  run_repl(executor, rendering, interrupt);
  return kDone;
}

int run_commands(const Options& options) {
  Interrupt interrupt;
  auto executor = open_executor(options, interrupt);
  if (!executor) return fail(executor.error());
  const int code = run_commands(**executor, options, interrupt);
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
