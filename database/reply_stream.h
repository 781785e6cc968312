// What is left of a reply that is too long to be held as a whole.
//
// A command leaves it in its session (Session::rest) beside the beginning of the reply. Whoever
// serves the session asks for one piece after the other, as the client takes them
// (Database::continue_reply), and does nothing else with the session until the reply has ended.
// Between two pieces it rests: it holds what it reads, and no thread.
#pragma once

#include <cstdint>
#include <string>

namespace kimdb::database {

class ReplyStream {
 public:
  // broken: what was announced cannot be kept; only closing the connection says so.
  enum class State : std::uint8_t { more, ended, broken };

  virtual ~ReplyStream() = default;
  // Appends the next piece, some 256 KB of it. Any thread, one at a time.
  virtual State next(std::string& out) = 0;
  // It has been on its way for so long that it should not rest for a client that does not take it.
  virtual bool is_overdue() const = 0;
};

}  // namespace kimdb::database
