// Splits one line of text into the words of a request (docs/protocol.md, "Requests as lines").
// Pure; any thread.
//
//   SET motto "two words\n"          words SET, motto, two words<LF>
//   #17 DOC PUT c 1 {"a": [1, 2]}    tag 17; the last word is the JSON as it stands
//   ACK synced INSERT INTO t …       words ACK, synced, INSERT; sql "INSERT INTO t …"
//   SET photo $5000                  the last word is 5000 bytes that follow the line
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/request.h"

namespace kimdb::protocol {

struct SplitLine {
  enum class Kind {
    words,    // `request` is filled
    nothing,  // an empty line or a comment
    error,    // `error` was filled; request.tag and request.line are set, request.words holds what
              // came before
    http,     // a browser was made to talk to us: close without a word
  };
  Kind kind = Kind::words;
  // The last word was `$<length>`: it stands for that many bytes behind the line. The caller puts
  // them there.
  std::optional<std::uint64_t> payload_bytes;
};

// Splits `line` (without its LF or CRLF) into `request`, whose words become views into `line` or
// into request.scratch. `request` is cleared by the caller. `error` gets a message as Redis writes
// it, code first.
SplitLine split_line(std::string_view line, std::size_t arguments_max, Request& request,
                     std::string& error);

// Whether a line whose command is this word may be an SQL statement.
bool is_sql_verb(std::string_view word);

// The "#17 " at the start of a line: sets request.tag and returns what is behind it; the line
// itself where there is none. Works on a line whose end is missing, too.
std::string_view take_tag(std::string_view line, Request& request);

// True where `word` in a command line reads as exactly this one word, without quotes, wherever it
// stands in the line behind the command.
bool reads_as_one_word(std::string_view word);

}  // namespace kimdb::protocol
