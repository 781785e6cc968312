// Reads RESP2 and RESP3 replies into values, across any split of the input. What a client has at
// its end of the line; the other side is ReplyWriter.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
//
// Pure: bytes in, values out. One reader belongs to one connection and is used by one thread. What
// of a reply has come is consumed and kept here, so nothing is looked at twice; lengths and counts
// are checked before anything is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kimdb::protocol {

struct Value {
  enum class Type : std::uint8_t {
    null,        // $-1, *-1, _
    simple,      // +OK
    error,       // -ERR …, or RESP3's bulk error
    integer,     // :42
    bulk,        // $3
    array,       // *2
    map,         // %1: elements are key, value, key, value …
    set,         // ~2
    push,        // >3: an event that no request asked for; it may come before any reply
    double_,     // ,3.14
    boolean,     // #t: integer is 1 or 0
    big_number,  // (123…: string holds the digits
    verbatim,    // =7: string holds the text, without the kind ("txt:") before it
  };

  Type type = Type::null;
  std::int64_t integer = 0;     // integer, boolean
  double number = 0;            // double_
  std::string string;           // simple, error, bulk, big_number, verbatim; double_ as it came
  std::vector<Value> elements;  // array, map, set, push

  bool is_null() const { return type == Type::null; }
  bool is_error() const { return type == Type::error; }
  bool is_list() const {
    return type == Type::array || type == Type::map || type == Type::set || type == Type::push;
  }

  bool operator==(const Value&) const = default;
};

class ReplyReader {
 public:
  struct Limits {
    std::size_t message_bytes = std::size_t{1} << 30;  // a whole reply
    std::size_t elements = 16 * 1024 * 1024;           // of all its lists together
    std::size_t depth = 64;                            // lists within lists
  };
  enum class Outcome {
    value,       // `value` is filled
    element,     // the same, with an element of the list that is being handed out
    incomplete,  // more bytes are needed
    error,       // no RESP, or over a limit: `error` says what. The connection is of no more use
  };
  struct Parsed {
    Outcome outcome = Outcome::incomplete;
    std::size_t consumed = 0;  // bytes of the input that are done with, with any outcome
    std::string_view error;    // valid as long as the reader
  };

  ReplyReader() = default;
  explicit ReplyReader(Limits limits) : limits_(limits) {}

  // Reads the next reply, or goes on with the one that began. The unconsumed bytes must come again,
  // with more behind them. Attributes (|) are read and left out. A list that comes without its
  // length and ends with an error is that error: the rest of it is missing.
  Parsed next(std::string_view input, Value& value);

  // From now on the elements of a list that comes without its length (*?) are handed out as they
  // come, where it is a whole reply; its end is then the value: the list, without them.
  // The limits are those of each element.
  void hand_out(bool elements) { hands_out_ = elements; }

  // Forgets the reply that began, for a new connection.
  void reset();

 private:
  // A list that has begun and lacks elements.
  struct Open {
    Value list;
    std::size_t remaining;
    bool attribute;  // to be dropped
    bool streamed;   // its end says how long it is
  };

  bool read_element(std::string_view& input);
  bool read_header(std::string_view& input, std::string_view& header);
  bool read_blob(std::string_view& input);
  bool begin_blob(char type, std::string_view length);
  bool begin_list(char type, std::string_view count);
  bool begin_streamed_list();
  bool end_streamed_list();
  void add_to_streamed_list(Value value);
  bool read_scalar(char type, std::string_view text);
  void add(Value value);
  bool fail(std::string message);

  Limits limits_;
  bool hands_out_ = false;
  std::vector<Open> open_;
  Value done_;  // the outermost value once it is whole
  bool whole_ = false;
  bool has_element_ = false;  // done_ is an element to be handed out
  std::string error_;

  std::size_t scanned_ = 0;  // of a header: no '\r' before this offset of the unconsumed input
  bool in_blob_ = false;     // a blob's header was read, its bytes are still to come
  Value::Type blob_type_ = Value::Type::bulk;
  std::size_t blob_bytes_ = 0;
  std::size_t bytes_ = 0;     // of this reply so far
  std::size_t elements_ = 0;  // of this reply so far, announced ones included
};

}  // namespace kimdb::protocol
