// A command: one row of the command table, and what its handler works with.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "database/prepared.h"
#include "database/waiters.h"

namespace kimdb::database {

class Context;
class Database;
struct Session;

enum CommandFlag : std::uint32_t {
  kRead = 1 << 0,   // shows data
  kWrite = 1 << 1,  // changes data: its keys' partitions are locked, refused on a replica and when
                    // read-only
  kDenyOom = 1 << 2,  // may need memory: refused over engine.max_memory
  kAdmin = 1 << 3,    // role admin only
  kPubSub = 1 << 4,
  kSlow = 1 << 5,  // runs on the worker pool, not on an I/O thread
  kWholeKeyspace =
      1 << 6,  // looks at or changes any key: locks every partition where atomicity is asked for
  kNoAuth = 1 << 7,        // allowed before login
  kNoMulti = 1 << 8,       // not allowed in a transaction
  kConnection = 1 << 9,    // about the connection itself; executed, not queued, where Redis does so
  kSubscribed = 1 << 10,   // allowed in a RESP2 connection that has subscribed
  kFast = 1 << 11,         // constant or logarithmic time; for COMMAND's flags and categories
  kTransaction = 1 << 12,  // EXEC: locks what the queued commands need, and commits by itself
  // About the collection that words[2] names, or, where there is none, about all that the session
  // may read. Others that touch data are refused to those who have a list of collections.
  kCollection = 1 << 13,
  // Of what looks at any key: shows what an open transaction (BEGIN … COMMIT) sees. Other such
  // commands are refused in one.
  kInTransaction = 1 << 14,
};

// Which words are keys: as in Redis' COMMAND. first 0: none; last -1: to the end.
struct KeyRange {
  int first = 0;
  int last = 0;
  int step = 0;
};

using Handler = void (*)(Context&);
// What the command waits for before its handler runs; nothing to wait for where its arguments are
// wrong, which the handler says.
using WaitsFor = std::optional<Wait> (*)(Database&, const Session&,
                                         std::span<const std::string_view> words);

// One subcommand of a command, named by the second word (database/subcommand.h).
struct Subcommand {
  std::string_view name;  // lower case
  int arity = 0;          // of the whole command, as CommandRow::arity
  Handler handler = nullptr;
  std::string_view syntax;
  std::string_view help;
  std::uint32_t flags = 0;  // besides those of the command
  Prepare prepare = nullptr;
};

struct CommandRow {
  std::string_view name;  // lower case
  int arity = 0;          // words with the name; negative: at least
  std::uint32_t flags = 0;
  KeyRange keys;
  Handler handler = nullptr;
  std::string_view family;  // connection, keys, transactions, pub/sub, server
  std::string_view syntax;  // arguments, without the name: "key value [EX seconds]"
  std::string_view help;    // one line
  std::span<const Subcommand> subcommands = {};
  WaitsFor waits_for = nullptr;  // of a command that is kSlow
  std::uint16_t index = 0;       // set by CommandTable
};

using Words = std::span<const std::string_view>;

inline bool arity_fits(int arity, Words words) {
  const auto size = static_cast<int>(words.size());
  return arity >= 0 ? size == arity : size >= -arity;
}

// A word as it stands in Redis' errors, which are made by printf: it ends at its first zero byte.
inline std::string shown_as_c_string(std::string_view word, std::size_t bytes_max) {
  return std::string(word.substr(0, std::min(bytes_max, word.find('\0'))));
}

// Calls visit(key) for each key among the words of a command, whose arity was checked.
template <class Visit>
void for_each_key(const CommandRow& row, Words words, Visit&& visit) {
  if (row.keys.first == 0) return;
  const int size = static_cast<int>(words.size());
  const int last = row.keys.last < 0 ? size + row.keys.last : std::min(row.keys.last, size - 1);
  for (int i = row.keys.first; i <= last; i += row.keys.step)
    visit(words[static_cast<std::size_t>(i)]);
}

}  // namespace kimdb::database
