#include "protocol/reply_writer.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "base/varint.h"
#include "protocol/numbers.h"
#include "protocol/quoting.h"

namespace kimdb::protocol {
namespace {

// The calls as Format::neutral records them. Those with bytes: length as varint, then the bytes;
// those with a number: varint (integers zigzagged, doubles as their bits); the others stand alone.
namespace call {
constexpr char kTag = 't';
constexpr char kOk = 'k';
constexpr char kSimple = '+';
constexpr char kError = '-';
constexpr char kInteger = ':';
constexpr char kBulk = '$';
constexpr char kDouble = ',';
constexpr char kNumber = '#';
constexpr char kTrue = '1';
constexpr char kFalse = '0';
constexpr char kVerbatim = '=';
constexpr char kNull = '_';
constexpr char kNullArray = 'n';
constexpr char kMissingKey = 'm';
constexpr char kRemoved = 'r';  // twice the count, and 1 where one key was asked for
constexpr char kArray = '*';
constexpr char kMap = '%';
constexpr char kSet = '~';
constexpr char kPush = '>';
}  // namespace call

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

// "3.14", "1e+300", "inf".
std::string_view shortest_double(double value, char (&buffer)[40]) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char* end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, static_cast<std::size_t>(end - buffer)};
}

std::string_view without_err_code(std::string_view message) {
  if (message.substr(0, 4) == "ERR ") message.remove_prefix(4);
  return message;
}

// Without characters that would end the line or command a terminal.
std::string printable_message(std::string_view message) {
  std::string text(without_err_code(message));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

// --- calls that are out of line in every format --------------------------------------------------

void ReplyWriter::tag(std::string_view tag) {
  if (is_resp() || tag.empty()) return;
  if (format_ == Format::neutral) return record(call::kTag, tag);
  out_ += '#';
  out_ += tag;
  out_ += ' ';
}

void ReplyWriter::error(std::string_view message) {
  note_error_code(message);
  if (!is_resp()) return line_error(message);
  // Redis, too, takes line ends away from the end of an error.
  while (!message.empty() && (message.back() == '\r' || message.back() == '\n'))
    message.remove_suffix(1);
  out_ += '-';
  for (const char c : message) out_ += c == '\r' || c == '\n' ? ' ' : c;
  out_ += "\r\n";
}

// A message without a code is an ERR.
void ReplyWriter::note_error_code(std::string_view message) {
  std::string_view code = message.substr(0, message.find(' '));
  const bool is_code =
      !code.empty() && code.size() <= error_code_.size() &&
      std::all_of(code.begin(), code.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!is_code) code = "ERR";
  error_code_size_ = static_cast<std::uint8_t>(code.copy(error_code_.data(), code.size()));
}

void ReplyWriter::double_value(double value) {
  char buffer[40];
  switch (format_) {
    case Format::resp2:
      return bulk(format_double(value));
    case Format::resp3:
      out_ += ',';
      out_ += format_double(value);
      out_ += "\r\n";
      return;
    case Format::neutral:
      return record(call::kDouble, std::bit_cast<std::uint64_t>(value));
    case Format::json:
      // JSON knows no infinity.
      if (!std::isfinite(value)) return json_value(shortest_double(value, buffer));
      [[fallthrough]];
    default:
      return leaf(shortest_double(value, buffer));
  }
}

void ReplyWriter::number(std::string_view text) {
  switch (format_) {
    case Format::resp2:
      return bulk(text);
    case Format::resp3:
      out_ += ',';
      out_ += text;
      out_ += "\r\n";
      return;
    case Format::neutral:
      return record(call::kNumber, text);
    default:
      return leaf(text);
  }
}

void ReplyWriter::boolean(bool value) {
  switch (format_) {
    case Format::resp2:
      return integer(value ? 1 : 0);
    case Format::resp3:
      out_ += value ? "#t\r\n" : "#f\r\n";
      return;
    default:
      return value ? word(call::kTrue, "true", "true") : word(call::kFalse, "false", "false");
  }
}

void ReplyWriter::verbatim(std::string_view value) {
  switch (format_) {
    case Format::resp3:
      header('=', static_cast<std::int64_t>(value.size() + 4));
      out_ += "txt:";
      out_ += value;
      out_ += "\r\n";
      return;
    case Format::neutral:
      return record(call::kVerbatim, value);
    case Format::text: {
      if (in_event()) return bulk(value);
      const std::vector<std::string_view> lines = lines_of(value);
      array(lines.size());
      for (const std::string_view line : lines) bulk(line);
      return;
    }
    default:
      return bulk(value);
  }
}

void ReplyWriter::Cells::add(std::string_view cell) {
  if (!first_) line_ += '|';
  first_ = false;
  line_ += cell;
}

void ReplyWriter::Cells::text(std::string_view value) {
  if (!needs_quotes(value) && value.find('|') == std::string_view::npos) return add(value);
  add("");
  append_quoted(line_, value);
}

void ReplyWriter::Cells::integer(std::int64_t value) {
  char digits[kIntegerBytesMax];
  const char* end = write_integer(digits, value);
  add({digits, static_cast<std::size_t>(end - digits)});
}

void ReplyWriter::Cells::double_value(double value) {
  char buffer[40];
  add(shortest_double(value, buffer));
}

// --- lines and JSON ------------------------------------------------------------------------------

void ReplyWriter::line_ok() { word(call::kOk, "\"OK\"", "OK"); }

void ReplyWriter::line_simple(std::string_view text) {
  if (format_ == Format::neutral) return record(call::kSimple, text);
  line_bulk(text);
}

void ReplyWriter::line_integer(std::int64_t value) {
  if (format_ == Format::neutral) return record(call::kInteger, zigzag(value));
  char digits[kIntegerBytesMax];
  const char* end = write_integer(digits, value);
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  if (at_name()) return json_value(text);
  leaf(text);
}

void ReplyWriter::line_bulk(std::string_view value) {
  switch (format_) {
    case Format::neutral:
      return record(call::kBulk, value);
    case Format::json:
      return json_value(value);
    default:
      return text_value(value);
  }
}

void ReplyWriter::line_null() { word(call::kNull, "null", "(nil)"); }

void ReplyWriter::line_null_array() { word(call::kNullArray, "null", "(nil)"); }

void ReplyWriter::line_missing_key() {
  if (format_ == Format::neutral) {
    out_ += call::kMissingKey;
  } else if (format_ == Format::json || !open_.empty()) {
    line_null();
  } else {
    leaf("ERROR: key not found");
  }
}

void ReplyWriter::line_removed(std::size_t count, std::size_t asked) {
  if (format_ == Format::neutral) {
    record(call::kRemoved, std::uint64_t{count} << 1 | (asked == 1 ? 1 : 0));
  } else if (asked != 1) {
    line_integer(static_cast<std::int64_t>(count));
  } else {
    count == 1 ? line_ok() : line_missing_key();
  }
}

void ReplyWriter::line_error(std::string_view message) {
  if (format_ == Format::neutral) return record(call::kError, message);
  const std::string text = printable_message(message);
  begin();
  if (format_ == Format::json) {
    out_ += "{\"error\":";
    append_json_name(out_, text);
    out_ += '}';
  } else if (in_event()) {
    append_quoted(out_, "ERROR: " + text);
  } else {
    out_ += "ERROR: ";
    out_ += text;
  }
  end();
}

void ReplyWriter::line_list(List list, std::size_t count) {
  switch (format_) {
    case Format::neutral: {
      constexpr char kCalls[] = {call::kArray, call::kMap, call::kSet, call::kPush};
      return record(kCalls[static_cast<std::size_t>(list)], count);
    }
    case Format::json:
      return json_list(list, count);
    default:
      return text_list(list, count);
  }
}

// --- lists without a length ---

void ReplyWriter::begin_streamed_list() {
  if (is_resp()) {
    out_ += "*?\r\n";
  } else if (format_ == Format::json) {
    out_ += '[';
    open_.push_back({List::array, true, SIZE_MAX});
  } else {
    out_ += "*?\n";
  }
}

void ReplyWriter::end_streamed_list() {
  if (is_resp()) {
    out_ += ".\r\n";
  } else if (format_ == Format::json) {
    open_.clear();
    out_ += "]\n";
  } else {
    array(0);
  }
}

void ReplyWriter::break_streamed_list(std::string_view message) {
  error(message);
  if (is_resp()) {
    out_ += ".\r\n";
  } else if (format_ == Format::json) {
    open_.clear();
    out_ += '\n';
  }
}

void ReplyWriter::text_list(List list, std::size_t count) {
  const std::size_t elements = list == List::map ? 2 * count : count;
  begin();
  if (list == List::push && open_.empty()) {
    out_ += '>';
  } else {
    out_ += '*';
    char digits[kIntegerBytesMax];
    out_.append(digits, write_integer(digits, static_cast<std::int64_t>(elements)));
  }
  begin_list(list, elements);
}

void ReplyWriter::json_list(List list, std::size_t count) {
  begin();
  if (list == List::push) out_ += "{\"push\":";
  out_ += list == List::map ? '{' : '[';
  begin_list(list, list == List::map ? 2 * count : count);
}

// Behind what begins a list. An empty one ends at once.
void ReplyWriter::begin_list(List list, std::size_t elements) {
  open_.push_back({list, true, std::max<std::size_t>(elements, 1)});
  if (format_ != Format::json && !in_event()) out_ += '\n';
  if (elements == 0) complete();
}

// One that is always the same: its call, and what JSON and lines show.
void ReplyWriter::word(char call, std::string_view json, std::string_view line) {
  if (format_ == Format::neutral) {
    out_ += call;
  } else {
    leaf(format_ == Format::json ? json : line);
  }
}

// An element or reply that is written as it stands.
void ReplyWriter::leaf(std::string_view text) {
  begin();
  out_ += text;
  end();
}

void ReplyWriter::text_value(std::string_view value) {
  begin();
  const bool quoted =
      format_ == Format::strict || in_event() ? needs_quotes_as_word(value) : needs_quotes(value);
  if (quoted) {
    append_quoted(out_, value);
  } else {
    out_ += value;
  }
  end();
}

void ReplyWriter::json_value(std::string_view value) {
  const bool name = at_name();
  begin();
  if (name) {
    append_json_name(out_, value);
  } else {
    append_json(out_, value);
  }
  end();
}

// True where a JSON object expects the name of its next member.
bool ReplyWriter::at_name() const {
  return format_ == Format::json && !open_.empty() && open_.back().list == List::map &&
         open_.back().remaining % 2 == 0;
}

// Before an element: what separates it from the one before.
void ReplyWriter::begin() {
  if (open_.empty()) return;
  Open& list = open_.back();
  if (format_ == Format::json) {
    if (!list.first) out_ += list.list == List::map && list.remaining % 2 == 1 ? ':' : ',';
  } else if (in_event()) {
    out_ += ' ';
  }
  list.first = false;
}

// After an element: ends the line, and what is complete by it.
void ReplyWriter::end() {
  if (format_ != Format::json && !in_event()) out_ += '\n';
  complete();
}

// One element more is there: closes the lists that are complete by it.
void ReplyWriter::complete() {
  const bool one_line = format_ == Format::json || in_event();
  while (!open_.empty()) {
    if (--open_.back().remaining > 0) return;
    if (format_ == Format::json) {
      out_ += open_.back().list == List::map ? '}' : ']';
      if (open_.back().list == List::push) out_ += '}';
    }
    open_.pop_back();
  }
  if (one_line) out_ += '\n';
}

// --- neutral -------------------------------------------------------------------------------------

void ReplyWriter::record(char call, std::string_view bytes) {
  record(call, bytes.size());
  out_ += bytes;
}

void ReplyWriter::record(char call, std::uint64_t number) {
  char buffer[16];
  buffer[0] = call;
  const char* end = put_varint(buffer + 1, number);
  out_.append(buffer, static_cast<std::size_t>(end - buffer));
}

namespace {

std::uint64_t number_of(std::string_view& in) {
  const auto number = take_varint(in);
  KIMDB_CHECK(number.has_value());
  return *number;
}

std::string_view bytes_of(std::string_view& in) {
  const auto bytes = take_sized_bytes(in);
  KIMDB_CHECK(bytes.has_value());
  return *bytes;
}

void render_call(char kind, std::string_view& in, ReplyWriter& writer) {
  switch (kind) {
    case call::kTag:
      return writer.tag(bytes_of(in));
    case call::kOk:
      return writer.ok();
    case call::kSimple:
      return writer.simple(bytes_of(in));
    case call::kError:
      return writer.error(bytes_of(in));
    case call::kInteger:
      return writer.integer(unzigzag(number_of(in)));
    case call::kBulk:
      return writer.bulk(bytes_of(in));
    case call::kDouble:
      return writer.double_value(std::bit_cast<double>(number_of(in)));
    case call::kNumber:
      return writer.number(bytes_of(in));
    case call::kTrue:
      return writer.boolean(true);
    case call::kFalse:
      return writer.boolean(false);
    case call::kVerbatim:
      return writer.verbatim(bytes_of(in));
    case call::kNull:
      return writer.null();
    case call::kNullArray:
      return writer.null_array();
    case call::kMissingKey:
      return writer.missing_key();
    case call::kRemoved: {
      const std::uint64_t number = number_of(in);
      return writer.removed(number >> 1, (number & 1) != 0 ? 1 : 2);
    }
    case call::kArray:
      return writer.array(number_of(in));
    case call::kMap:
      return writer.map(number_of(in));
    case call::kSet:
      return writer.set(number_of(in));
    case call::kPush:
      return writer.push(number_of(in));
    default:
      check_failed("a known call in a neutral reply", __FILE__, __LINE__);
  }
}

}  // namespace

void render(std::string_view neutral, ReplyWriter& writer) {
  while (!neutral.empty()) {
    const char kind = neutral.front();
    neutral.remove_prefix(1);
    render_call(kind, neutral, writer);
  }
}

}  // namespace kimdb::protocol
