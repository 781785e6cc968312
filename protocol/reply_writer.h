// Writes replies in the framing a connection wants. A command builds its reply by these calls
// alone, so every command answers lines, RESP2 and RESP3 alike.
//
// One reply is one call, or array()/map()/set()/push() with a count followed by that many replies
// (a map: twice that many, its keys no lists). Appends to a string that the caller owns; holds no
// other memory except the depth of nested lists in the line formats. One thread.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kimdb::protocol {

enum class Format : std::uint8_t {
  text,    // lines for people, quoted only where ambiguous
  strict,  // lines, quoted whatever would not read back as exactly one word
  json,    // one JSON value a line
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

  // Starts the next reply with "#<tag> " in the line formats; no effect in RESP, or where `tag` is
  // empty.
  void tag(std::string_view tag);

  // OK, +OK
  void ok() {
    if (!is_resp()) return line_ok();
    out_.append("+OK\r\n", 5);
  }

  // +text; in lines the text as a value.
  void simple(std::string_view text) {
    if (!is_resp()) return line_simple(text);
    out_.push_back('+');
    out_.append(text);
    out_.append("\r\n", 2);
  }

  // `message` is as Redis writes it, code first: "ERR syntax error", "WRONGTYPE Operation …". Lines
  // show "ERROR: syntax error" (the code ERR is left out, others stay), JSON {"error":"syntax
  // error"}. Line breaks in it become spaces, in lines control characters too.
  void error(std::string_view message);
  // Whether error() was called.
  bool wrote_error() const { return error_code_size_ != 0; }
  // The code of the last error ("ERR", "WRONGTYPE"); empty: there was none.
  std::string_view error_code() const { return {error_code_.data(), error_code_size_}; }

  void integer(std::int64_t value) {
    if (!is_resp()) return line_integer(value);
    header(':', value);
  }

  void bulk(std::string_view value) {
    if (!is_resp()) return line_bulk(value);
    header('$', static_cast<std::int64_t>(value.size()));
    out_.append(value);
    out_.append("\r\n", 2);
  }

  // As Redis 7.0 prints it ("%.17g"), in RESP2 as a bulk; lines and JSON show the shortest decimal
  // that reads back.
  void double_value(double value);

  // A finite number that is written already, as JSON writes one: "1.50", "1.0e+300". RESP2: a bulk;
  // RESP3: a double; lines and JSON: as it stands.
  void number(std::string_view text);

  // RESP2: 1 or 0; lines and JSON: true or false.
  void boolean(bool value);

  // Long text for people (INFO). RESP3: =<n>\r\ntxt:…; text: a list of its lines; else a bulk.
  void verbatim(std::string_view value);

  // Values as one line with "|" between them, where the format is text or strict: each as it would
  // stand in a list, in quotes also where it holds a "|".
  class Cells {
   public:
    void text(std::string_view value);
    void integer(std::int64_t value);
    void number(std::string_view text) { add(text); }
    void double_value(double value);
    void boolean(bool value) { add(value ? "true" : "false"); }
    void null() { add("(nil)"); }

   private:
    friend class ReplyWriter;
    void add(std::string_view cell);
    std::string line_;
    bool first_ = true;
  };
  void cells(const Cells& cells) { leaf(cells.line_); }

  // $-1, _ ; "(nil)"
  void null() {
    if (!is_resp()) return line_null();
    if (format_ == Format::resp2) {
      out_.append("$-1\r\n", 5);
    } else {
      out_.append("_\r\n", 3);
    }
  }

  // *-1, _ ; "(nil)"
  void null_array() {
    if (!is_resp()) return line_null_array();
    if (format_ == Format::resp2) {
      out_.append("*-1\r\n", 5);
    } else {
      out_.append("_\r\n", 3);
    }
  }

  // The key asked for is not there: as null() in RESP and JSON; "ERROR: key not found" on lines,
  // "(nil)" inside a list.
  void missing_key() {
    if (!is_resp()) return line_missing_key();
    null();
  }

  // Of `asked` keys `count` were removed: the count in RESP; elsewhere, where one key was asked
  // for, ok() or missing_key().
  void removed(std::size_t count, std::size_t asked) {
    if (!is_resp()) return line_removed(count, asked);
    integer(static_cast<std::int64_t>(count));
  }

  void array(std::size_t count) {
    if (!is_resp()) return line_list(List::array, count);
    header('*', static_cast<std::int64_t>(count));
  }

  // A list whose length is not known yet; its elements follow, then end_streamed_list(). Outermost.
  // RESP: *? and, at the end, a dot. JSON: as any list. Lines: "*?", behind which the elements come
  // in parts: array() and as many of them, in each; the last part, which end_streamed_list()
  // writes, is empty.
  void begin_streamed_list();
  void end_streamed_list();
  // In the place of what is missing of it: the list ends so that nobody takes it for whole. RESP:
  // an error as the last element; lines: an error in the place of a part; JSON: a line without the
  // bracket that would close the list, {"error":…} as its last element.
  void break_streamed_list(std::string_view message);

  // RESP2: an array of twice as many; JSON: an object.
  void map(std::size_t pairs) {
    if (!is_resp()) return line_list(List::map, pairs);
    const bool flat = format_ == Format::resp2;
    header(flat ? '*' : '%', static_cast<std::int64_t>(flat ? 2 * pairs : pairs));
  }

  // RESP2: an array.
  void set(std::size_t count) {
    if (!is_resp()) return line_list(List::set, count);
    header(format_ == Format::resp2 ? '*' : '~', static_cast<std::int64_t>(count));
  }

  // An event, not a reply. RESP2: an array; lines: one line, "> " before it, each part one word;
  // JSON: {"push":[…]}.
  void push(std::size_t count) {
    if (!is_resp()) return line_list(List::push, count);
    header(format_ == Format::resp2 ? '*' : '>', static_cast<std::int64_t>(count));
  }

 private:
  enum class List : std::uint8_t { array, map, set, push };
  // A list that was begun in a line format and lacks elements.
  struct Open {
    List list;
    bool first;             // no element yet
    std::size_t remaining;  // elements, of a map keys and values
  };

  void header(char type, std::int64_t number) {
    char bytes[24];
    bytes[0] = type;
    char* end = std::to_chars(bytes + 1, bytes + 22, number).ptr;
    *end++ = '\r';
    *end++ = '\n';
    out_.append(bytes, static_cast<std::size_t>(end - bytes));
  }

  void line_ok();
  void line_simple(std::string_view text);
  void line_integer(std::int64_t value);
  void line_bulk(std::string_view value);
  void line_null();
  void line_null_array();
  void line_missing_key();
  void line_removed(std::size_t count, std::size_t asked);
  void line_list(List list, std::size_t count);
  void line_error(std::string_view message);

  void note_error_code(std::string_view message);
  void record(char call, std::string_view bytes);
  void record(char call, std::uint64_t number);
  void word(char call, std::string_view json, std::string_view line);
  void leaf(std::string_view text);
  void json_list(List list, std::size_t count);
  void text_list(List list, std::size_t count);
  void text_value(std::string_view value);
  void json_value(std::string_view value);
  void begin_list(List list, std::size_t elements);
  void begin();
  void end();
  void complete();
  bool in_event() const { return !open_.empty() && open_.front().list == List::push; }
  bool at_name() const;

  std::string& out_;
  Format format_;
  std::uint8_t error_code_size_ = 0;
  std::array<char, 24> error_code_;
  std::vector<Open> open_;
};

// Renders what was written in Format::neutral, one reply or several. `neutral` must be whole (it is
// ours, never from the wire).
void render(std::string_view neutral, ReplyWriter& writer);

}  // namespace kimdb::protocol
