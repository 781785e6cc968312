// Parses requests that are RESP arrays of bulk strings, exactly as Redis 7.0.15 does.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
//
//   *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n
//
// Pure; one per connection, one thread. Input and `incomplete` follow RequestParser's rules. A
// request that is there as a whole costs one pass and no copies. Of one that is not, the words
// found so far are remembered as offsets (the input may move), and no byte is looked at twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/parser_limits.h"
#include "protocol/request.h"

namespace kimdb::protocol {

class RespParser {
 public:
  enum class Outcome {
    request,
    incomplete,
    skipped,  // *0 and *-1: no request at all
    error,    // the framing is lost; error() says how
  };
  struct Parsed {
    Outcome outcome;
    std::size_t consumed;
  };

  // `input` begins with '*'. `request` was cleared by the caller; its words become views into
  // `input`.
  Parsed next(std::string_view input, const ParserLimits& limits, Request& request);

  const std::string& error() const { return error_; }

 private:
  struct Span {
    std::size_t offset;
    std::size_t size;
  };

  Parsed parse(std::string_view input, const ParserLimits& limits, Request& request);
  bool read_count(std::string_view input, const ParserLimits& limits);
  bool read_length(std::string_view input, const ParserLimits& limits);
  bool find_header_end(std::string_view input, const ParserLimits& limits, const char* too_big);
  Parsed stop();
  Parsed suspend(std::string_view input, Request& request);
  void finish(std::string_view input, Request& request);
  bool fail(std::string message);

  static constexpr std::int64_t kUnknown = -1;

  // Where parsing stands in a request that began. All of it is at its initial value between two
  // requests.
  bool started_ = false;
  std::size_t position_ = 0;        // of the next header, or of the bulk whose length is known
  std::int64_t remaining_ = 0;      // words still to come, the current one included
  std::int64_t length_ = kUnknown;  // of the current bulk
  std::size_t header_scanned_ = 0;  // no '\r' from position_ up to here
  std::size_t header_end_ = 0;      // set by find_header_end
  std::size_t needed_ = 0;          // an input shorter than this cannot bring anything new
  bool failed_ = false;
  std::vector<Span> spans_;  // the words found by earlier calls

  std::string error_;
};

}  // namespace kimdb::protocol
