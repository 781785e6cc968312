#include "cli/catalog.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"

namespace kimdb::cli {
namespace {

using protocol::Value;

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c & ~0x20);
  }
  return result;
}

// The member of a map, or of RESP2's flat list of names and values; null where there is none.
const Value* member(const Value& map, std::string_view name) {
  for (std::size_t i = 0; i + 1 < map.elements.size(); i += 2) {
    if (map.elements[i].string == name) return &map.elements[i + 1];
  }
  return nullptr;
}

std::string text_member(const Value& map, std::string_view name) {
  const Value* value = member(map, name);
  return value == nullptr ? std::string() : value->string;
}

bool has_flag(const Value& argument, std::string_view flag) {
  const Value* flags = member(argument, "flags");
  return flags != nullptr && std::ranges::any_of(flags->elements, [&](const Value& value) {
           return value.string == flag;
         });
}

// Redis' "arguments" as a syntax line.
// https://redis.io/docs/latest/develop/reference/command-arguments/
std::string syntax_of_arguments(const Value& arguments, std::string_view separator) {
  std::string syntax;
  for (const Value& argument : arguments.elements) {
    const std::string token = text_member(argument, "token");
    const std::string type = text_member(argument, "type");
    std::string text;
    if (const Value* parts = member(argument, "arguments"); parts != nullptr) {
      text = syntax_of_arguments(*parts, type == "oneof" ? " | " : " ");
      if (type == "oneof" && !has_flag(argument, "optional")) text = "(" + text + ")";
    } else if (type != "pure-token") {
      text = text_member(argument, "name");
    }
    const bool repeats = has_flag(argument, "multiple");
    const std::string once = text;
    if (repeats && !has_flag(argument, "multiple_token")) text += " [" + once + " ...]";
    if (!token.empty()) text = upper(token) + (text.empty() ? "" : " " + text);
    if (has_flag(argument, "optional")) text = "[" + text + "]";
    if (!syntax.empty()) syntax += separator;
    syntax += text;
  }
  return syntax;
}

void add_docs(const Value& docs, const std::string& group, std::vector<CommandDoc>& commands) {
  for (std::size_t i = 0; i + 1 < docs.elements.size(); i += 2) {
    const Value& doc = docs.elements[i + 1];
    CommandDoc command{.name = upper(docs.elements[i].string),
                       .group = text_member(doc, "group"),
                       .summary = text_member(doc, "summary"),
                       .syntax = text_member(doc, "syntax")};
    if (command.group.empty()) command.group = group;
    // "config|get", as Redis names subcommands.
    std::ranges::replace(command.name, '|', ' ');
    const Value* arguments = member(doc, "arguments");
    if (command.syntax.empty() && arguments != nullptr) {
      command.syntax = syntax_of_arguments(*arguments, " ");
    }
    command.forms = parse_syntax(command.syntax);
    if (const Value* below = member(doc, "subcommands"); below != nullptr) {
      add_docs(*below, command.group, commands);
    }
    commands.push_back(std::move(command));
  }
}

// COMMAND's rows: name, arity, flags, first key, last key, step, …, and subcommands as such rows.
void add_keys(const Value& rows, std::vector<CommandDoc>& commands) {
  constexpr std::size_t kSubcommands = 9;
  for (const Value& row : rows.elements) {
    if (row.elements.size() < 6) continue;
    std::string name = upper(row.elements[0].string);
    std::ranges::replace(name, '|', ' ');
    for (CommandDoc& command : commands) {
      if (command.name != name) continue;
      command.keys = {.first = static_cast<int>(row.elements[3].integer),
                      .last = static_cast<int>(row.elements[4].integer),
                      .step = static_cast<int>(row.elements[5].integer)};
    }
    if (row.elements.size() > kSubcommands) add_keys(row.elements[kSubcommands], commands);
  }
}

std::string usage(const CommandDoc& command) {
  return command.syntax.empty() ? command.name : command.name + " " + command.syntax;
}

}  // namespace

CommandCatalog::CommandCatalog(std::vector<CommandDoc> commands) : commands_(std::move(commands)) {
  std::ranges::sort(commands_, {}, &CommandDoc::name);
}

CommandCatalog CommandCatalog::from_replies(const Value& docs, const Value& commands) {
  std::vector<CommandDoc> known;
  if (docs.is_list()) add_docs(docs, "", known);
  if (commands.is_list()) add_keys(commands, known);
  return CommandCatalog(std::move(known));
}

const CommandDoc* CommandCatalog::find(std::string_view name) const {
  const auto found = std::ranges::find_if(commands_, [&](const CommandDoc& command) {
    return equals_ignoring_case(command.name, name);
  });
  return found == commands_.end() ? nullptr : &*found;
}

const CommandDoc* CommandCatalog::find_typed(const std::vector<std::string>& words,
                                             std::size_t* words_taken) const {
  if (words.empty()) return nullptr;
  if (words.size() > 1) {
    *words_taken = 2;
    if (const CommandDoc* command = find(words[0] + " " + words[1]); command != nullptr) {
      return command;
    }
  }
  *words_taken = 1;
  return find(words[0]);
}

bool is_key_position(const KeyPositions& keys, std::size_t position) {
  const int at = static_cast<int>(position);
  if (keys.first <= 0 || at < keys.first) return false;
  if (keys.last >= 0 && at > keys.last) return false;
  return keys.step <= 1 || (at - keys.first) % keys.step == 0;
}

std::string help_overview(const CommandCatalog& catalog) {
  std::vector<std::string> groups;
  for (const CommandDoc& command : catalog.commands()) {
    if (std::ranges::find(groups, command.group) == groups.end()) groups.push_back(command.group);
  }
  std::ranges::sort(groups);
  constexpr std::size_t kWidth = 80;
  std::string text;
  for (const std::string& group : groups) {
    text += group.empty() ? "others\n" : group + "\n";
    std::string line = " ";
    for (const CommandDoc& command : catalog.commands()) {
      if (command.group != group || command.name.find(' ') != std::string::npos) continue;
      if (line.size() + 1 + command.name.size() > kWidth) text += std::exchange(line, " ") + "\n";
      line += " " + command.name;
    }
    text += line + "\n";
  }
  return text +
         "help COMMAND says what one does. quit leaves. Tab completes names, options and keys.";
}

std::string help_text(const CommandCatalog& catalog, std::string_view name) {
  std::string text;
  for (const CommandDoc& command : catalog.commands()) {
    const std::string_view first = std::string_view(command.name).substr(0, command.name.find(' '));
    const bool is_subcommand = first.size() != command.name.size();
    if (!equals_ignoring_case(command.name, name) &&
        !(is_subcommand && equals_ignoring_case(first, name))) {
      continue;
    }
    if (!text.empty()) text += "\n";
    text += usage(command);
    if (!command.summary.empty()) text += "\n  " + command.summary;
    if (!command.group.empty() && !is_subcommand) text += "\n  group: " + command.group;
  }
  return text;
}

}  // namespace kimdb::cli
