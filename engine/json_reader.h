// JSON text to simdjson's elements. Only for the files that look into documents: the header is
// large.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "engine/json_tree.h"

namespace kimdb::engine {

using JsonElement = simdjson::dom::element;

class JsonReader {
 public:
  // False where simdjson refuses the text. The element is valid until the next read().
  bool read(std::string_view text, JsonElement& element) {
    // The parser reads past the end of what it is given.
    buffer_.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    buffer_.assign(text);
    return parser_.parse(buffer_.data(), buffer_.size(), false).get(element) == simdjson::SUCCESS;
  }

  // One for each thread: parsers keep their memory.
  static JsonReader& of_this_thread() {
    thread_local JsonReader reader;
    return reader;
  }

 private:
  std::string buffer_;
  simdjson::dom::parser parser_;
};

}  // namespace kimdb::engine
