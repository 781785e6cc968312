// The command table: every command is one row, and everything that lists commands reads it here
// (HELP, COMMAND, the CLI's completion and hints, docs/commands.md, rights). Built by main,
// read-only afterwards, so any thread may use it.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "database/command.h"

namespace kimdb::database {

class CommandTable {
 public:
  // All commands of this build.
  CommandTable();

  // Any case. Null where there is none.
  const CommandRow* find(std::string_view name) const;
  const std::vector<CommandRow>& rows() const { return rows_; }

 private:
  void add(std::span<const CommandRow> rows);

  static constexpr std::size_t kSlots = 1024;  // several times the number of rows
  std::vector<CommandRow> rows_;
  std::array<std::uint16_t, kSlots> slots_{};  // index + 1 into rows_, 0: empty
};

// The rows of each family, in the files that implement them.
std::span<const CommandRow> connection_commands();   // commands_connection.cc
std::span<const CommandRow> string_commands();       // commands_string.cc
std::span<const CommandRow> key_commands();          // commands_key.cc
std::span<const CommandRow> transaction_commands();  // commands_transaction.cc
std::span<const CommandRow> tx_commands();           // commands_tx.cc
std::span<const CommandRow> pubsub_commands();       // commands_pubsub.cc
std::span<const CommandRow> document_commands();     // commands_document.cc
std::span<const CommandRow> index_commands();        // commands_index.cc
std::span<const CommandRow> sql_commands();          // commands_sql.cc
std::span<const CommandRow> server_commands();       // commands_server.cc
std::span<const CommandRow> replication_commands();  // commands_replication.cc

}  // namespace kimdb::database
