#include "protocol/reply_reader.h"

#include <cstring>
#include <utility>

#include "protocol/numbers.h"

namespace kimdb::protocol {
namespace {

constexpr std::size_t kHeaderBytesMax =
    64 * 1024;  // errors and simple strings may be long, but not without end

Value value_of(Value::Type type) {
  Value value;
  value.type = type;
  return value;
}

// As in "got '\x07'".
std::string shown(char c) {
  constexpr char kDigits[] = "0123456789abcdef";
  if (c >= 0x20 && c < 0x7f) return std::string(1, c);
  const auto byte = static_cast<unsigned char>(c);
  return {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

ReplyReader::Parsed ReplyReader::next(std::string_view input, Value& value) {
  if (!error_.empty()) return {Outcome::error, 0, error_};
  std::string_view rest = input;
  while (!whole_ && !has_element_) {
    const std::size_t before = rest.size();
    const bool read = in_blob_ ? read_blob(rest) : read_element(rest);
    bytes_ += before - rest.size();
    if (!read || !error_.empty()) {
      const Outcome outcome = error_.empty() ? Outcome::incomplete : Outcome::error;
      return {outcome, input.size() - rest.size(), error_};
    }
  }
  value = std::exchange(done_, {});
  if (std::exchange(has_element_, false)) {
    bytes_ = 0;
    elements_ = 0;
    return {Outcome::element, input.size() - rest.size(), {}};
  }
  reset();
  return {Outcome::value, input.size() - rest.size(), {}};
}

void ReplyReader::reset() {
  open_.clear();
  done_ = {};
  whole_ = false;
  has_element_ = false;
  error_.clear();
  scanned_ = 0;
  in_blob_ = false;
  bytes_ = 0;
  elements_ = 0;
}

// Takes one scalar, or the header of a list or blob. False where it is incomplete or malformed.
bool ReplyReader::read_element(std::string_view& input) {
  std::string_view header;
  if (!read_header(input, header)) return false;
  if (header.empty()) return fail("an empty line where a reply should begin");
  const char type = header[0];
  header.remove_prefix(1);
  switch (type) {
    case '$':
    case '=':
    case '!':
      return begin_blob(type, header);
    case '*':
    case '%':
    case '~':
    case '>':
    case '|':
      return begin_list(type, header);
    case '.':
      return end_streamed_list();
    default:
      return read_scalar(type, header);
  }
}

bool ReplyReader::read_header(std::string_view& input, std::string_view& header) {
  const void* found = nullptr;
  if (scanned_ < input.size()) {
    found = std::memchr(input.data() + scanned_, '\r', input.size() - scanned_);
  }
  const std::size_t end =
      found == nullptr ? input.size()
                       : static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
  scanned_ = end;
  if (end > kHeaderBytesMax || end > limits_.message_bytes - bytes_) {
    return fail("a line without end");
  }
  if (input.size() < end + 2) return false;
  if (input[end + 1] != '\n') return fail("a carriage return without a line feed");
  header = input.substr(0, end);
  input.remove_prefix(end + 2);
  scanned_ = 0;
  return true;
}

bool ReplyReader::begin_blob(char type, std::string_view length) {
  const auto bytes = parse_integer(length);
  if (bytes && *bytes == -1 && type == '$') {
    add({});
    return true;
  }
  if (!bytes || *bytes < 0) return fail("invalid bulk length");
  if (static_cast<std::uint64_t>(*bytes) > limits_.message_bytes - bytes_) {
    return fail("a reply larger than the client's limit");
  }
  in_blob_ = true;
  blob_type_ = type == '$'   ? Value::Type::bulk
               : type == '=' ? Value::Type::verbatim
                             : Value::Type::error;
  blob_bytes_ = static_cast<std::size_t>(*bytes);
  return true;
}

bool ReplyReader::read_blob(std::string_view& input) {
  if (input.size() < blob_bytes_ + 2) return false;
  std::string_view text = input.substr(0, blob_bytes_);
  if (input.substr(blob_bytes_, 2) != "\r\n") return fail("a bulk longer than its length");
  if (blob_type_ == Value::Type::verbatim) {
    if (text.size() < 4 || text[3] != ':') return fail("a verbatim string without its kind");
    text.remove_prefix(4);
  }
  Value value = value_of(blob_type_);
  value.string = text;
  input.remove_prefix(blob_bytes_ + 2);
  in_blob_ = false;
  add(std::move(value));
  return true;
}

bool ReplyReader::begin_list(char type, std::string_view count) {
  if (type == '*' && count == "?") return begin_streamed_list();
  const auto announced = parse_integer(count);
  if (announced && *announced == -1 && type == '*') {
    add({});
    return true;
  }
  if (!announced || *announced < 0) return fail("invalid count of a list");
  const bool pairs = type == '%' || type == '|';
  if (static_cast<std::uint64_t>(*announced) > (limits_.elements - elements_) / (pairs ? 2 : 1)) {
    return fail("a reply of more elements than the client's limit");
  }
  if (open_.size() == limits_.depth) return fail("lists nested deeper than the client's limit");
  const std::size_t elements = static_cast<std::size_t>(*announced) * (pairs ? 2 : 1);
  elements_ += elements;
  Value list = value_of(type == '%'   ? Value::Type::map
                        : type == '~' ? Value::Type::set
                        : type == '>' ? Value::Type::push
                                      : Value::Type::array);
  if (elements > 0) {
    open_.push_back({std::move(list), elements, type == '|', false});
  } else if (type != '|') {
    add(std::move(list));
  }
  return true;
}

bool ReplyReader::begin_streamed_list() {
  if (open_.size() == limits_.depth) return fail("lists nested deeper than the client's limit");
  open_.push_back({value_of(Value::Type::array), 0, false, true});
  return true;
}

bool ReplyReader::end_streamed_list() {
  if (open_.empty() || !open_.back().streamed) return fail("the end of a list that did not begin");
  Value list = std::move(open_.back().list);
  open_.pop_back();
  if (!list.elements.empty() && list.elements.back().is_error()) {
    Value error = std::move(list.elements.back());
    list = std::move(error);
  }
  add(std::move(list));
  return true;
}

// An error may be what the list ends with: it is kept until that is known.
void ReplyReader::add_to_streamed_list(Value value) {
  Value& list = open_.back().list;
  if (hands_out_ && open_.size() == 1 && !value.is_error()) {
    done_ = std::move(value);
    has_element_ = true;
  } else if (elements_ == limits_.elements) {
    fail("a reply of more elements than the client's limit");
  } else {
    ++elements_;
    list.elements.push_back(std::move(value));
  }
}

bool ReplyReader::read_scalar(char type, std::string_view text) {
  Value value;
  switch (type) {
    case '+':
    case '-':
    case '(':
      value.type = type == '+'   ? Value::Type::simple
                   : type == '-' ? Value::Type::error
                                 : Value::Type::big_number;
      value.string = text;
      break;
    case ':': {
      const auto integer = parse_integer(text);
      if (!integer) return fail("invalid integer");
      value.type = Value::Type::integer;
      value.integer = *integer;
      break;
    }
    case ',': {
      // The one form of "not a number"; parse_double takes none.
      const auto number = parse_double(text);
      if (!number && text != "nan") return fail("invalid double");
      value.type = Value::Type::double_;
      value.number = number ? *number : __builtin_nan("");
      value.string = text;
      break;
    }
    case '#':
      if (text != "t" && text != "f") return fail("invalid boolean");
      value.type = Value::Type::boolean;
      value.integer = text == "t" ? 1 : 0;
      break;
    case '_':
      if (!text.empty()) return fail("invalid null");
      break;
    default:
      return fail("unknown type '" + shown(type) + "'");
  }
  add(std::move(value));
  return true;
}

// Puts a whole value where it belongs, and every list that is whole by it.
void ReplyReader::add(Value value) {
  while (!open_.empty()) {
    Open& list = open_.back();
    if (list.streamed) return add_to_streamed_list(std::move(value));
    if (!list.attribute) list.list.elements.push_back(std::move(value));
    if (--list.remaining > 0) return;
    const bool attribute = list.attribute;
    value = std::move(list.list);
    open_.pop_back();
    if (attribute) return;  // the value that it speaks of is still to come
  }
  done_ = std::move(value);
  whole_ = true;
}

bool ReplyReader::fail(std::string message) {
  error_ = "protocol error in the server's reply: " + std::move(message);
  return false;
}

}  // namespace kimdb::protocol
