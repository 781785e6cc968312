#include "server/options.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "database/command_docs.h"
#include "server/config_docs.h"

namespace kimdb::server {
namespace {

// What CLI11 fills; the settings are split and the documents made afterwards.
struct Raw {
  Options options;
  std::vector<std::string> settings;
  std::string document;
};

void declare(CLI::App& app, Raw& raw) {
  app.set_help_flag("--help,-h", "Print this and exit.");
  app.set_version_flag("--version", "kimdb " KIMDB_VERSION, "Print the version and exit.");
  app.add_option("--config", raw.options.config_path,
                 "The YAML configuration; without it the built-in defaults.")
      ->option_text("FILE");
  app.add_option(
         "--set", raw.settings,
         "Set one configuration key, before environment and file; may be given more than once.")
      ->option_text("KEY=VALUE")
      ->expected(1)
      ->take_all();
  app.add_flag("--check", raw.options.check,
               "Check the configuration, print what is in effect as YAML, and exit.");
  app.add_flag("--insecure", raw.options.insecure,
               "Accept addresses that other machines can reach without auth.enabled.");
  app.add_option("--print-docs", raw.document,
                 "Print a page of the documentation (commands, configuration or man) and exit.")
      ->option_text("NAME")
      ->check(CLI::IsMember({"commands", "configuration", "man"}));
}

// One line without CLI11's class names.
Error wrong(std::string what) {
  std::replace(what.begin(), what.end(), '\n', ' ');
  return {ErrorCode::invalid_argument, std::move(what) + " (see kimdb-server --help)"};
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv) {
  CLI::App app("kimdb-server: a durable key-value server", "kimdb-server");
  Raw raw;
  declare(app, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    raw.options.print = app.help();
    return raw.options;
  } catch (const CLI::CallForVersion&) {
    raw.options.print = "kimdb " KIMDB_VERSION "\n";
    return raw.options;
  } catch (const CLI::ExtrasError& failure) {
    return wrong(std::string(failure.what()) + "; a configuration is given as --config FILE");
  } catch (const CLI::ParseError& failure) {
    return wrong(failure.what());
  }
  for (const std::string& setting : raw.settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      return wrong("--set wants key=value, not " + setting);
    }
    raw.options.settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  if (raw.document == "commands") {
    raw.options.print = database::commands_markdown(database::CommandTable());
  }
  if (raw.document == "configuration") raw.options.print = configuration_document();
  if (raw.document == "man") raw.options.print = manual_page(option_texts());
  return raw.options;
}

std::vector<OptionText> option_texts() {
  CLI::App app;
  Raw raw;
  declare(app, raw);
  std::vector<OptionText> texts;
  for (const CLI::Option* option : app.get_options()) {
    std::string flags = option->get_name(false, true);
    std::replace(flags.begin(), flags.end(), ',', ' ');
    if (!option->get_option_text().empty()) flags += " " + option->get_option_text();
    texts.push_back({flags, option->get_description()});
  }
  return texts;
}

}  // namespace kimdb::server
