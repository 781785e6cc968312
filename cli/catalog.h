// What the CLI knows of the commands: asked of the server (COMMAND DOCS and COMMAND), so that a
// newer server's commands are completed and explained, too. A value; any thread once built.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/syntax.h"
#include "protocol/reply_reader.h"

namespace kimdb::cli {

// Which words of a command are keys, as in Redis' COMMAND: counted from the name, 0. first 0: none;
// last -1: to the end.
struct KeyPositions {
  int first = 0;
  int last = 0;
  int step = 1;
};

struct CommandDoc {
  std::string name;                   // in capitals; a subcommand's with its command: "CONFIG GET"
  std::string group;                  // "keys"
  std::string summary;                // one line
  std::string syntax;                 // what follows the name: "key value [NX | XX]"
  std::vector<SyntaxSequence> forms;  // the same, parsed
  KeyPositions keys;
};

class CommandCatalog {
 public:
  CommandCatalog() = default;
  explicit CommandCatalog(std::vector<CommandDoc> commands);

  // From the replies to COMMAND DOCS (Redis' shape; a "syntax" field says more than its arguments)
  // and COMMAND (for the keys). What is missing or not understood is left out.
  static CommandCatalog from_replies(const protocol::Value& docs, const protocol::Value& commands);

  bool empty() const { return commands_.empty(); }
  const std::vector<CommandDoc>& commands() const { return commands_; }  // by name

  // Any case. Null where there is none.
  const CommandDoc* find(std::string_view name) const;

  // The command that the words begin with: its subcommand where that is known. `words_taken` gets
  // how many words its name is.
  const CommandDoc* find_typed(const std::vector<std::string>& words,
                               std::size_t* words_taken) const;

 private:
  std::vector<CommandDoc> commands_;
};

// Whether the word at this position (the name is 0) is a key.
bool is_key_position(const KeyPositions& keys, std::size_t position);

// `help` and `help <name>`: text for people, several lines.
std::string help_overview(const CommandCatalog& catalog);
std::string help_text(const CommandCatalog& catalog, std::string_view name);

}  // namespace kimdb::cli
