// Writes replies in the framing a connection wants. A command builds its reply by these calls alone, so every command
// answers lines, RESP2 and RESP3 alike.
//
// One reply is one call, or array()/map()/set() with a count followed by that many replies (a map: twice that many).
// Appends to a string that the caller owns; holds no other memory except the depth of nested text lists. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kimdb::protocol {

enum class Format : std::uint8_t {
  text,     // lines for people, quoted only where ambiguous
  strict,   // lines, quoted whatever would not read back as exactly one word
  json,     // one JSON value a line
  resp2,
  resp3,
  neutral,  // the calls themselves, to be rendered into another format later (render() below)
};

class ReplyWriter {
 public:
  ReplyWriter(std::string& out, Format format) : out_(out), format_(format) {}

  Format format() const { return format_; }
  bool is_resp() const { return format_ == Format::resp2 || format_ == Format::resp3; }
  std::string& out() { return out_; }

  // Starts the next reply with "#<tag> " in the line formats; no effect in RESP.
  void tag(std::string_view tag);

  void ok();                              // OK, +OK
  void simple(std::string_view text);     // +text; in lines the text as a value
  // `message` is as Redis writes it, code first: "ERR syntax error", "WRONGTYPE Operation …". Lines show
  // "ERROR: syntax error" (the code ERR is left out, others stay). Line breaks in it become spaces.
  void error(std::string_view message);
  void integer(std::int64_t value);
  void bulk(std::string_view value);
  void double_value(double value);        // RESP2: a bulk of the shortest decimal that reads back, as Redis prints it
  void boolean(bool value);               // RESP2: 1 or 0
  void verbatim(std::string_view value);  // RESP3: =<n>\r\ntxt:… ; else a bulk. Long text for people (INFO)
  void null();                            // $-1, _ ; "(nil)"
  void null_array();                      // *-1, _ ; "(nil)"
  // The key asked for is not there: as null() in RESP; "ERROR: key not found" on lines, "(nil)" inside a list.
  void missing_key();
  void array(std::size_t count);
  void map(std::size_t pairs);            // RESP2: an array of twice as many
  void set(std::size_t count);            // RESP2: an array
  void push(std::size_t count);           // an event, not a reply. RESP2: an array; lines: one line, "> " before it

 private:
  std::string& out_;
  Format format_;
};

// Renders a reply that was written in Format::neutral. `neutral` must be whole (it is ours, never from the wire).
void render(std::string_view neutral, ReplyWriter& writer);

}  // namespace kimdb::protocol
