#include "database/subcommand.h"

#include "base/ascii.h"

namespace kimdb::database {

namespace {

constexpr std::size_t kShownBytesMax = 128;

bool is_help(const CommandRow& row, Words words) {
  return !row.subcommands.empty() && words.size() > 1 && equals_ignoring_case(words[1], "help");
}

void help(Context& c) {
  c.reply.array(c.row->subcommands.size() + 1);
  c.reply.simple(upper_case(c.row->name) +
                 " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const Subcommand& subcommand : c.row->subcommands) {
    std::string line = upper_case(subcommand.name);
    if (!subcommand.syntax.empty()) line += " " + std::string(subcommand.syntax);
    c.reply.simple(line + " -- " + std::string(subcommand.help));
  }
}

}  // namespace

const Subcommand* find_subcommand(const CommandRow& row, Words words) {
  if (words.size() < 2) return nullptr;
  for (const Subcommand& subcommand : row.subcommands)
    if (equals_ignoring_case(words[1], subcommand.name)) return &subcommand;
  return nullptr;
}

std::string prepare(Database& database, const CommandRow& row, Words words, Prepared& prepared) {
  const Subcommand* subcommand = row.subcommands.empty() ? nullptr : find_subcommand(row, words);
  if (subcommand == nullptr || subcommand->prepare == nullptr) return {};
  return subcommand->prepare(database, words, prepared);
}

std::string full_name(const CommandRow& row, Words words) {
  const Subcommand* subcommand = find_subcommand(row, words);
  const std::string name(row.name);
  if (subcommand != nullptr) return name + "|" + std::string(subcommand->name);
  return is_help(row, words) ? name + "|help" : name;
}

std::string subcommand_error(const CommandRow& row, Words words) {
  if (row.subcommands.empty() || words.size() < 2) return {};
  const Subcommand* subcommand = find_subcommand(row, words);
  const bool fits =
      subcommand != nullptr ? arity_fits(subcommand->arity, words) : words.size() == 2;
  if (subcommand == nullptr && !is_help(row, words))
    return "ERR unknown subcommand '" + shown_as_c_string(words[1], kShownBytesMax) + "'. Try " +
           upper_case(row.name) + " HELP.";
  if (fits) return {};
  return "ERR wrong number of arguments for '" + full_name(row, words) + "' command";
}

void run_subcommand(Context& c) {
  const Subcommand* subcommand = find_subcommand(*c.row, c.words);
  subcommand == nullptr ? help(c) : subcommand->handler(c);
}

void subcommand_syntax_error(Context& c) {
  c.reply.error("ERR unknown subcommand or wrong number of arguments for '" +
                shown_as_c_string(c.words[1], kShownBytesMax) + "'. Try " +
                upper_case(c.row->name) + " HELP.");
}

}  // namespace kimdb::database
