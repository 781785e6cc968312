// A request as it came over the wire: its words, and how its reply has to be framed.
//
// Words are views into the receive buffer or into the request's own scratch space; they are valid
// until the next parse or until the receive buffer changes. Reused from request to request, so that
// parsing allocates nothing once warm.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kimdb::protocol {

enum class Framing {
  line,  // a line of text, answered by lines
  resp,  // a RESP array (or an inline command on the RESP port), answered in RESP
};

struct Request {
  Framing framing = Framing::line;
  std::vector<std::string_view> words;  // words[0] is the command, as typed
  // "17" where the line began with "#17 ": the reply is tagged with it. Empty otherwise.
  std::string_view tag;
  // The whole line without its end, tag and prefix of the tag; empty for RESP. SQL takes it as it
  // is.
  std::string_view line;
  // The statement, from its verb to the end of the line, where the command is an SQL verb: words
  // then end with that verb (prefix words like `ACK replica` may stand before it). Empty otherwise.
  std::string_view sql;

  // Unescaped words and RESP words that had to move live here.
  std::string scratch;

  void clear() {
    words.clear();
    tag = {};
    line = {};
    sql = {};
    scratch.clear();
  }
};

// True for a line that goes whole to SQL.
inline bool is_sql(const Request& request) { return !request.sql.empty(); }

}  // namespace kimdb::protocol
