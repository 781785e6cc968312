// Tells lines and RESP arrays apart and parses both, across any split of the input. Pure: bytes in,
// values out.
//
// One parser belongs to one connection and is used by one thread. Formats: docs/protocol.md; RESP:
// https://redis.io/docs/latest/develop/reference/protocol-spec/
//
// The caller keeps received bytes in one contiguous buffer and calls next() until it says
// `incomplete`; then it drops the consumed bytes and comes back with more. Between two calls that
// say `incomplete` the unconsumed bytes must be the same, with more behind them (they may have
// moved): the parser remembers how far it looked, so that a request arriving byte by byte is not
// scanned again from its start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/parser_limits.h"
#include "protocol/request.h"
#include "protocol/resp_parser.h"

namespace kimdb::protocol {

class RequestParser {
 public:
  enum class Outcome {
    request,     // `request` is filled
    incomplete,  // more bytes are needed
    skipped,     // an empty line or a comment was consumed; nothing to answer
    error,       // a malformed request: answer `error`, go on behind it. request.tag is set, and
                 // request.line where known
    fatal,  // a malformed request after which the framing is lost: answer `error`, then close. An
            // empty `error` (a browser was made to talk to us) is not answered
  };
  struct Parsed {
    Outcome outcome = Outcome::incomplete;
    std::size_t consumed =
        0;  // bytes of the input that are done with (also with incomplete: discarded bytes)
    Framing framing = Framing::line;  // of the error's answer
    // Valid until the next call. As Redis writes it, code first: "ERR Protocol error: invalid bulk
    // length".
    std::string_view error;
  };

  explicit RequestParser(ParserLimits limits) : limits_(limits) {}

  // Before login small limits hold; they may be changed between two requests.
  void set_limits(ParserLimits limits) { limits_ = limits; }

  // Parses the first request of `input` into `request` (cleared before).
  Parsed next(std::string_view input, Request& request);

  // Forgets what began: the next input begins with a new request.
  void reset() { *this = RequestParser(limits_); }

  // True while a request has begun and not ended (for network.request_timeout), or the rest of one
  // that is too large is still being thrown away.
  bool inside_request() const { return inside_; }

 private:
  Parsed next_line(std::string_view input, Request& request);
  Parsed next_inline(std::string_view input, Request& request);
  Parsed next_resp(std::string_view input, Request& request);
  Parsed line_too_long(std::string_view input, Request& request);
  Parsed with_payload(std::string_view input, std::size_t payload, std::uint64_t length,
                      Request& request);
  Parsed discard(std::string_view input);
  std::size_t find_line_end(std::string_view input, std::size_t bytes_max);
  Parsed wait(std::size_t needed);
  Parsed finish(Parsed parsed);

  ParserLimits limits_;
  RespParser resp_;
  // Of a line that began:
  std::size_t scanned_ = 0;  // no line end before this offset
  std::size_t needed_ = 0;   // an input shorter than this cannot bring anything new
  // Of a request that was too large and refused:
  bool discard_line_ = false;
  std::uint64_t discard_bytes_ = 0;
  bool inside_ = false;
  std::string error_;
};

}  // namespace kimdb::protocol
