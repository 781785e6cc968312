#include "database/command_docs.h"

#include <algorithm>

#include "database/arguments.h"
#include "database/database.h"
#include "database/subcommand.h"

namespace kimdb::database {

namespace {

std::vector<std::string_view> flag_names(const CommandRow& row) {
  std::vector<std::string_view> names;
  const std::pair<std::uint32_t, std::string_view> kNames[] = {
      {kWrite, "write"},   {kRead, "readonly"},  {kDenyOom, "denyoom"}, {kAdmin, "admin"},
      {kPubSub, "pubsub"}, {kNoAuth, "no_auth"}, {kFast, "fast"},       {kNoMulti, "no_multi"},
  };
  for (const auto& [flag, name] : kNames)
    if (row.flags & flag) names.push_back(name);
  return names;
}

std::vector<std::string_view> categories(const CommandRow& row) {
  std::vector<std::string_view> names;
  if (row.flags & kWrite) names.push_back("@write");
  if (row.flags & kRead) names.push_back("@read");
  if (row.family == "keys") names.push_back("@keyspace");
  if (row.family == "transactions") names.push_back("@transaction");
  if (row.family == "connection") names.push_back("@connection");
  if (row.flags & kPubSub) names.push_back("@pubsub");
  if (row.flags & kAdmin) names.push_back("@admin");
  names.push_back(row.flags & kFast ? "@fast" : "@slow");
  return names;
}

// Redis' row of COMMAND INFO: name, arity, flags, keys, categories, and three lists kimdb has
// nothing for.
void write_info(protocol::ReplyWriter& reply, const CommandRow& row) {
  reply.array(10);
  reply.bulk(row.name);
  reply.integer(row.arity);
  const auto flags = flag_names(row);
  reply.set(flags.size());
  for (const std::string_view flag : flags) reply.simple(flag);
  reply.integer(row.keys.first);
  reply.integer(row.keys.last);
  reply.integer(row.keys.step);
  const auto groups = categories(row);
  reply.set(groups.size());
  for (const std::string_view group : groups) reply.simple(group);
  for (int i = 0; i < 3; ++i) reply.array(0);
}

void write_docs(protocol::ReplyWriter& reply, const CommandRow& row) {
  const auto write = [&](std::string_view name, std::string_view help, std::string_view syntax,
                         std::size_t more) {
    reply.bulk(name);
    reply.map(4 + more);
    reply.bulk("summary"), reply.bulk(help);
    reply.bulk("since"), reply.bulk("0.1.0");
    reply.bulk("group"), reply.bulk(row.family);
    reply.bulk("syntax"), reply.bulk(syntax);
  };
  const bool has_subcommands = !row.subcommands.empty();
  write(row.name, row.help, row.syntax, has_subcommands);
  if (!has_subcommands) return;
  reply.bulk("subcommands");
  reply.map(row.subcommands.size());
  for (const Subcommand& subcommand : row.subcommands)
    write(std::string(row.name) + "|" + std::string(subcommand.name), subcommand.help,
          subcommand.syntax, 0);
}

void all(Context& c) {
  const auto& rows = c.database.commands().rows();
  c.reply.array(rows.size());
  for (const CommandRow& row : rows) write_info(c.reply, row);
}
void info(Context& c) {
  if (c.words.size() == 2) return all(c);
  c.reply.array(c.words.size() - 2);
  for (const std::string_view name : c.words.subspan(2)) {
    const CommandRow* row = c.database.commands().find(name);
    row == nullptr ? c.reply.null() : write_info(c.reply, *row);
  }
}
void docs(Context& c) {
  std::vector<const CommandRow*> wanted;
  if (c.words.size() == 2)
    for (const CommandRow& row : c.database.commands().rows()) wanted.push_back(&row);
  for (const std::string_view name : c.words.subspan(2))
    if (const CommandRow* row = c.database.commands().find(name)) wanted.push_back(row);
  c.reply.map(wanted.size());
  for (const CommandRow* row : wanted) write_docs(c.reply, *row);
}
void count(Context& c) {
  c.reply.integer(static_cast<std::int64_t>(c.database.commands().rows().size()));
}
void list(Context& c) {
  const auto& rows = c.database.commands().rows();
  c.reply.array(rows.size());
  for (const CommandRow& row : rows) c.reply.bulk(row.name);
}
void getkeys(Context& c) {
  const Words words = c.words.subspan(2);
  const CommandRow* row = c.database.commands().find(words[0]);
  if (row == nullptr) return c.reply.error("ERR Invalid command specified");
  if (!arity_fits(row->arity, words))
    return c.reply.error("ERR Invalid number of arguments specified for command");
  std::vector<std::string_view> keys;
  for_each_key(*row, words, [&](std::string_view key) { keys.push_back(key); });
  if (keys.empty()) return c.reply.error("ERR The command has no key arguments");
  c.reply.array(keys.size());
  for (const std::string_view key : keys) c.reply.bulk(key);
}

std::string usage(const CommandRow& row) {
  return upper_case(row.name) + (row.syntax.empty() ? "" : " " + std::string(row.syntax));
}

}  // namespace

const Subcommand kCommandSubcommands[5] = {
    {"info", -2, info, "[name ...]", "Arity, flags and keys of commands."},
    {"docs", -2, docs, "[name ...]", "What commands do."},
    {"count", 2, count, "", "How many commands there are."},
    {"list", -2, list, "", "The names of all commands."},
    {"getkeys", -3, getkeys, "command ...", "Which words of a command are keys."},
};
void command_command(Context& c) { c.words.size() == 1 ? all(c) : run_subcommand(c); }

// HELP: a line for each command, or what one command does.
void help_command(Context& c) {
  const auto& rows = c.database.commands().rows();
  if (c.words.size() == 1) {
    c.reply.array(rows.size());
    for (const CommandRow& row : rows) c.reply.bulk(usage(row) + " -- " + std::string(row.help));
    return;
  }
  const CommandRow* row = c.database.commands().find(c.words[1]);
  if (row == nullptr)
    return c.reply.error("ERR there is no command '" + std::string(c.words[1].substr(0, 64)) +
                         "', HELP lists all");
  c.reply.array(2);
  c.reply.bulk(usage(*row));
  c.reply.bulk(row->help);
}

std::string commands_markdown(const CommandTable& table) {
  std::string text =
      "# Commands\n\nGenerated from the command table (`kimdb-server --print-docs commands`). "
      "`HELP` shows the same on a connection;\nreplies on RESP are those of Redis 7.0 but for what "
      "[redis.md](redis.md) lists.\n";
  const auto add = [&](std::string shown, std::string_view help) {
    for (std::size_t at = 0; (at = shown.find('|', at)) != std::string::npos; at += 2)
      shown.replace(at, 1, "\\|");
    text += "| `" + shown + "` | " + std::string(help) + " |\n";
  };
  std::string_view family;
  for (const CommandRow& row : table.rows()) {
    if (row.family != family) {
      family = row.family;
      text += "\n## " + std::string(family) + "\n\n| command | what it does |\n|---|---|\n";
    }
    add(usage(row), row.help);
    for (const Subcommand& subcommand : row.subcommands)
      add(upper_case(row.name) + " " + upper_case(subcommand.name) +
              (subcommand.syntax.empty() ? "" : " " + std::string(subcommand.syntax)),
          subcommand.help);
  }
  return text;
}

}  // namespace kimdb::database
