#include "cli/options.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <utility>

namespace kimdb::cli {
namespace {

constexpr const char* kDescription =
    "kimdb-cli: talks to a kimdb server.\n"
    "Without a command: a prompt, or the commands in the input, one a line; SQL to its semicolon.\n"
    "Passwords are asked for, or taken from KIMDB_PASSWORD.\n";
constexpr const char* kTools =
    "Commands of kimdb-cli itself (all others go to the server):\n"
    "  passwd                      ask for a password, print its hash for the configuration\n"
    "  apikey                      make a key for a program, print it and its hash\n"
    "  wal check|dump|repair DIR   look at a data directory whose server is stopped (wal --help)\n"
    "  help [COMMAND]              what a command does";

Error wrong(std::string what) {
  std::replace(what.begin(), what.end(), '\n', ' ');
  return {ErrorCode::invalid_argument, std::move(what) + " (see kimdb-cli --help)"};
}

// Runs the parser over `arguments` (without the program's name). The text to print where help or
// the version was asked for, else empty.
template <class... Arguments>
Result<std::string> parse(CLI::App& app, Arguments&&... arguments) {
  try {
    app.parse(std::forward<Arguments>(arguments)...);
  } catch (const CLI::CallForHelp&) {
    return app.help();
  } catch (const CLI::CallForVersion&) {
    return std::string("kimdb " KIMDB_VERSION "\n");
  } catch (const CLI::ParseError& failure) {
    return wrong(failure.what());
  }
  return std::string();
}

Result<Options> printing(std::string text) {
  Options options;
  options.action = Options::Action::print;
  options.text = std::move(text);
  return options;
}

// `wal check DIR`, `wal dump DIR …`, `wal repair DIR …`; `words` begins with "wal".
Result<Options> parse_wal(const std::vector<std::string>& words, Options options) {
  CLI::App app("Looks at a data directory whose server is stopped.", "kimdb-cli wal");
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* help) {
    CLI::App* command = app.add_subcommand(name, help);
    command->add_option("DIR", options.wal_directory, "The data directory (wal.data_directory).")
        ->required();
    return command;
  };
  CLI::App* check = add("check", "Read all of it and say whether it is sound. Changes nothing.");
  CLI::App* dump = add("dump", "Print the log's records, one operation a line. Changes nothing.");
  dump->add_option("--from", options.from, "The first LSN to print.")->option_text("LSN");
  dump->add_option("--limit", options.limit, "How many records at most.")->option_text("N");
  CLI::App* repair =
      add("repair", "Cut a damaged log. A copy of what is removed is kept beside it.");
  repair
      ->add_option("--truncate-at", options.truncate_at,
                   "The LSN that `check` names: it and all behind it are removed.")
      ->option_text("LSN")
      ->required();
  repair->add_flag("--accept-data-loss", options.accept_data_loss,
                   "Say that you know that acknowledged writes may be lost.");

  // CLI11 takes a vector's words from its end.
  std::vector<std::string> reversed(words.rbegin(), words.rend() - 1);
  auto text = parse(app, std::move(reversed));
  if (!text) return std::move(text).error();
  if (!text->empty()) return printing(std::move(*text));
  if (check->parsed()) options.action = Options::Action::wal_check;
  if (dump->parsed()) options.action = Options::Action::wal_dump;
  if (repair->parsed()) {
    options.action = Options::Action::wal_repair;
    if (!options.accept_data_loss) {
      return wrong("wal repair removes records for good: say --accept-data-loss to do it");
    }
  }
  return options;
}

Status take_format(bool json, bool raw, bool csv, Options& options) {
  if (json + raw + csv > 1) return wrong("--json, --raw and --csv exclude each other");
  if (json) options.format = OutputFormat::json;
  if (raw) options.format = OutputFormat::raw;
  if (csv) options.format = OutputFormat::csv;
  return {};
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv) {
  CLI::App app(kDescription, "kimdb-cli");
  Options options;
  bool json = false;
  bool raw = false;
  bool csv = false;
  app.set_help_flag("--help,-h", "Print this and exit.");
  app.set_version_flag("--version", "kimdb " KIMDB_VERSION, "Print the version and exit.");
  app.footer(kTools);
  // What follows the first word that is no option is the command, whatever it looks like.
  app.prefix_command();
  app.add_option("--address,-a", options.address,
                 "The server; KIMDB_ADDRESS otherwise, else 127.0.0.1:3223.")
      ->option_text("HOST:PORT");
  app.add_option("--user,-u", options.user, "Log in as this user.")->option_text("NAME");
  app.add_flag("--tls", options.tls, "Connect by TLS; the system's authorities are trusted.");
  app.add_option("--tls-ca", options.tls_ca,
                 "By TLS; the server's certificate is of this authority.")
      ->option_text("FILE");
  app.add_option("--tls-cert", options.tls_cert, "By TLS, with this certificate of one's own.")
      ->option_text("FILE");
  app.add_option("--tls-key", options.tls_key, "The key of --tls-cert.")->option_text("FILE");
  app.add_flag("--json", json, "Print one JSON value for each reply.");
  app.add_flag("--raw", raw, "Print the bytes of values as they are, one a line.");
  app.add_flag("--csv", csv, "Print comma-separated values, a line for each row.");
  app.add_flag("--local", options.local, "Open the data directory itself, without a server.");
  app.add_option("--config", options.config_path,
                 "The server's YAML configuration: its address, or with --local its data.")
      ->option_text("FILE");
  app.add_option("--data", options.data_directory, "The data directory for --local.")
      ->option_text("DIR");

  auto text = parse(app, argc, argv);
  if (!text) return std::move(text).error();
  if (!text->empty()) return printing(std::move(*text));
  KIMDB_RETURN_IF_ERROR(take_format(json, raw, csv, options));
  options.command = app.remaining();
  // CLI11 keeps the "--" that may stand before the command.
  if (!options.command.empty() && options.command[0] == "--") {
    options.command.erase(options.command.begin());
  } else if (!options.command.empty() && options.command[0].starts_with("-")) {
    return wrong("unknown option " + options.command[0]);
  }
  if (!options.data_directory.empty() && !options.local) {
    return wrong("--data is for --local; a server is reached by --address");
  }
  if (options.tls_cert.empty() != options.tls_key.empty())
    return wrong("--tls-cert and --tls-key go together");
  options.tls = options.tls || !options.tls_ca.empty() || !options.tls_cert.empty();
  if (options.local && options.tls)
    return wrong("--local speaks to no server: --tls does not go with it");
  if (options.local && (!options.address.empty() || !options.user.empty())) {
    return wrong("--local speaks to no server: --address and --user do not go with it");
  }
  if (options.command.empty()) return options;
  if (options.command[0] == "wal") return parse_wal(options.command, options);
  if (options.command[0] == "apikey") {
    if (options.command.size() > 1) return wrong("apikey takes no words");
    options.action = Options::Action::apikey;
  }
  if (options.command[0] == "passwd") {
    // A password in argv would be seen by every user of the machine.
    if (options.command.size() > 1) return wrong("passwd asks for the password; give it no words");
    options.action = Options::Action::passwd;
  }
  return options;
}

}  // namespace kimdb::cli
