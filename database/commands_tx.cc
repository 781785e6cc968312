// TX: a transaction over rows, documents and keys in one request (docs/transactions.md), for
// interfaces that keep no connection, and to save round trips.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "database/arguments.h"
#include "database/command_table.h"
#include "database/context.h"
#include "database/database.h"
#include "database/sql/sql.h"
#include "database/subcommand.h"
#include "engine/json_tree.h"
#include "protocol/reply_reader.h"
#include "protocol/value_writer.h"

namespace kimdb::database {

namespace {

constexpr std::size_t kCommandsMax = 10'000;

using Command = std::vector<std::string>;

// The error's code stays in front: "NOPERM command 3: …".
std::string command_error(std::size_t number, std::string_view why) {
  const std::size_t space = why.find(' ');
  const bool has_code = space != std::string_view::npos && space > 1 &&
                        std::all_of(why.begin(), why.begin() + static_cast<std::ptrdiff_t>(space),
                                    [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
  const std::string code(has_code ? why.substr(0, space) : "ERR");
  if (has_code) why.remove_prefix(space + 1);
  return code + " command " + std::to_string(number) + ": " + std::string(why);
}

// The words of a command: strings as they are, all else as its JSON.
std::string read_command(const engine::JsonNode& list, Command& command) {
  if (list.kind != engine::JsonKind::array || list.items.empty())
    return "ERR a command is a list of words: [\"SET\", \"key\", \"value\"]";
  for (const engine::JsonNode& item : list.items) {
    std::string& word = command.emplace_back();
    if (item.kind == engine::JsonKind::string)
      word = engine::decode_json_string(item.text);
    else
      engine::append_json(word, item);
  }
  return {};
}

// Statements that would end the transaction, or begin another one.
bool ends_transaction(std::string_view sql) {
  constexpr std::array<std::string_view, 5> kWords = {"begin", "start", "commit", "end",
                                                      "rollback"};
  const std::size_t begin = sql.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return false;
  sql.remove_prefix(begin);
  const std::string_view word = sql.substr(0, std::min(sql.find_first_of(" \t\r\n;"), sql.size()));
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view other) { return equals_ignoring_case(word, other); });
}

// Why the command is none that a transaction may have; empty: it is one.
std::string refusal(const Database& database, const Command& command) {
  const std::vector<std::string_view> words(command.begin(), command.end());
  const CommandRow* row = database.commands().find(words[0]);
  if (row == nullptr) return "ERR there is no command " + command[0];
  const bool is_sql = row->name == "sql";
  const std::uint32_t flags = flags_of(*row, words);
  const bool is_data = flags & (kRead | kWrite);
  if (!is_data || (flags & (kTransaction | kConnection)) || ((flags & kNoMulti) && !is_sql) ||
      (is_sql && words.size() > 1 && ends_transaction(words[1])))
    return "ERR '" + command[0] + "' is no command of a transaction";
  return {};
}

// The session as the commands of a transaction need it; gives it back as it was, whatever has
// become of the transaction.
class OpenForAWhile {
 public:
  explicit OpenForAWhile(Session& session)
      : session_(session),
        stateless_(std::exchange(session.stateless, false)),
        format_(std::exchange(session.resp_format, protocol::Format::resp3)),
        replies_(std::exchange(session.replies, Session::Replies::on)) {}
  ~OpenForAWhile() {
    session_.sql_transaction = nullptr;
    session_.stateless = stateless_;
    session_.resp_format = format_;
    session_.replies = replies_;
  }
  OpenForAWhile(const OpenForAWhile&) = delete;
  OpenForAWhile& operator=(const OpenForAWhile&) = delete;

 private:
  Session& session_;
  const bool stateless_;
  const protocol::Format format_;
  const Session::Replies replies_;
};

protocol::Value run(Context& c, const Command& command) {
  protocol::Request request;
  request.framing = protocol::Framing::resp;
  request.words.assign(command.begin(), command.end());
  std::string out;
  const Outcome outcome = c.database.execute(c.session, request, out, {.now_ms = c.now_ms});
  c.depends_on(outcome.depends_on);
  protocol::Value reply;
  protocol::ReplyReader().next(out, reply);
  return reply;
}

void tx(Context& c) {
  if (c.session.sql_transaction != nullptr)
    return c.reply.error("ERR a transaction is open already");
  const bool serializable = c.words.size() == 3 && is_word(c.words[2], "serializable");
  if (c.words.size() > 3 || (c.words.size() == 3 && !serializable)) return syntax_error(c);
  const auto list = engine::parse_json_tree(c.words[1]);
  if (!list) return c.reply.error("ERR " + list.error().message);
  if (list->kind != engine::JsonKind::array)
    return c.reply.error("ERR TX takes a list of commands: [[\"SET\", \"key\", \"value\"], …]");
  if (list->items.size() > kCommandsMax)
    return c.reply.error("ERR TX takes at most " + std::to_string(kCommandsMax) + " commands");
  std::vector<Command> commands(list->items.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    std::string wrong = read_command(list->items[i], commands[i]);
    if (wrong.empty()) wrong = refusal(c.database, commands[i]);
    if (!wrong.empty()) return c.reply.error(command_error(i, wrong));
  }

  const OpenForAWhile open(c.session);
  if (const Status begun = c.database.sql().begin_transaction(c, serializable); !begun)
    return c.reply.error(sql::with_code(begun.error()));
  std::vector<protocol::Value> replies;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    replies.push_back(run(c, commands[i]));
    if (replies.back().is_error()) return c.reply.error(command_error(i, replies.back().string));
  }
  if (const Status committed = c.database.sql().commit_transaction(c); !committed)
    return c.reply.error(sql::with_code(committed.error()));
  c.reply.array(replies.size());
  for (const protocol::Value& reply : replies) protocol::write(reply, c.reply);
}

// What it does its commands are asked about: who may, and whether this server takes writes.
constexpr std::array<CommandRow, 1> kRows = {{
    {.name = "tx",
     .arity = -2,
     .flags = kSlow | kNoMulti,
     .handler = tx,
     .family = "transactions",
     .syntax = "[[\"command\",\"word\",…],…] [SERIALIZABLE]",
     .help =
         "Runs commands on keys, documents and tables as one transaction: all of them or none."},
}};

}  // namespace

std::span<const CommandRow> tx_commands() { return kRows; }

}  // namespace kimdb::database
