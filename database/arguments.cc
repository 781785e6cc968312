#include "database/arguments.h"

#include <string>

#include "protocol/numbers.h"

namespace kimdb::database {

std::optional<std::int64_t> integer_argument(Context& c, std::string_view word) {
  const auto value = protocol::parse_integer(word);
  if (!value) c.reply.error("ERR value is not an integer or out of range");
  return value;
}

void syntax_error(Context& c) { c.reply.error("ERR syntax error"); }

bool ExpiryOption::take(Words words, std::size_t& i) {
  struct Name {
    std::string_view name;
    bool absolute;
    TimeUnit unit;
  };
  static constexpr Name kNames[] = {{"ex", false, TimeUnit::seconds},
                                    {"px", false, TimeUnit::milliseconds},
                                    {"exat", true, TimeUnit::seconds},
                                    {"pxat", true, TimeUnit::milliseconds}};
  for (const Name& name : kNames) {
    if (given || i + 1 >= words.size() || !is_word(words[i], name.name)) continue;
    *this = {.given = true, .absolute = name.absolute, .unit = name.unit, .value = words[++i]};
    return true;
  }
  return false;
}

std::optional<std::int64_t> expiry_time(Context& c, const ExpiryOption& option) {
  const auto value = integer_argument(c, option.value);
  if (!value) return std::nullopt;
  std::int64_t time = *value;
  const bool fits =
      time > 0 &&
      !(option.unit == TimeUnit::seconds && __builtin_mul_overflow(time, 1000, &time)) &&
      !(!option.absolute && __builtin_add_overflow(time, c.now_ms, &time));
  if (fits) return time;
  c.reply.error("ERR invalid expire time in '" + std::string(c.row->name) + "' command");
  return std::nullopt;
}

namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& character : result) character = protocol::to_lower(character);
  return result;
}

void subcommand_help(Context& c, std::span<const Subcommand> subcommands) {
  c.reply.array(subcommands.size() + 1);
  std::string upper_name(c.row->name);
  for (char& character : upper_name) character = static_cast<char>(character & ~0x20);
  c.reply.simple(upper_name + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const Subcommand& subcommand : subcommands) {
    std::string line(subcommand.name);
    for (char& character : line) character = static_cast<char>(character & ~0x20);
    if (!subcommand.syntax.empty()) line += " " + std::string(subcommand.syntax);
    c.reply.simple(line + " -- " + std::string(subcommand.help));
  }
}

}  // namespace

void run_subcommand(Context& c, std::span<const Subcommand> subcommands) {
  const std::string_view name = c.words[1];
  for (const Subcommand& subcommand : subcommands) {
    if (!is_word(name, subcommand.name)) continue;
    const auto size = static_cast<int>(c.words.size());
    if (subcommand.arity >= 0 ? size == subcommand.arity : size >= -subcommand.arity)
      return subcommand.handler(c);
    c.reply.error("ERR wrong number of arguments for '" + std::string(c.row->name) + "|" +
                  lower(name) + "' command");
    return;
  }
  if (is_word(name, "help") && c.words.size() == 2) return subcommand_help(c, subcommands);
  std::string upper_name(c.row->name);
  for (char& character : upper_name) character = static_cast<char>(character & ~0x20);
  c.reply.error("ERR unknown subcommand '" + std::string(name.substr(0, 128)) + "'. Try " +
                upper_name + " HELP.");
}

}  // namespace kimdb::database
