// Tells lines and RESP arrays apart and parses both, across any split of the input. Pure: bytes in, values out.
//
// One parser belongs to one connection and is used by one thread. Formats: docs/protocol.md; RESP:
// https://redis.io/docs/latest/develop/reference/protocol-spec/
//
// The caller keeps received bytes in one contiguous buffer and calls next() until it says `incomplete`; then it drops
// the consumed bytes and comes back with more. Between two calls that say `incomplete` the unconsumed bytes must be
// the same, with more behind them (they may have moved): the parser remembers how far it looked, so that a request
// arriving byte by byte is not scanned again from its start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/request.h"

namespace kimdb::protocol {

struct ParserLimits {
  std::size_t message_bytes = 1 << 20;    // a whole request
  std::size_t arguments = 1024 * 1024;    // words of one request
  bool resp_only = false;                 // network.resp_address: a line is Redis' inline command, answered in RESP
};

class RequestParser {
 public:
  enum class Outcome {
    request,     // `request` is filled
    incomplete,  // more bytes are needed
    skipped,     // an empty line or a comment was consumed; nothing to answer
    error,       // a malformed request: answer `error`, go on behind it
    fatal,       // a malformed request after which the framing is lost: answer `error`, then close
  };
  struct Parsed {
    Outcome outcome = Outcome::incomplete;
    std::size_t consumed = 0;  // bytes of the input that are done with (also with incomplete: discarded bytes)
    Framing framing = Framing::line;  // of the error's answer
    std::string_view error;    // as Redis writes it, code first: "ERR Protocol error: invalid bulk length"
  };

  explicit RequestParser(ParserLimits limits) : limits_(limits) {}

  // Before login small limits hold; they may be changed between two requests.
  void set_limits(ParserLimits limits) { limits_ = limits; }

  // Parses the first request of `input` into `request` (cleared before).
  Parsed next(std::string_view input, Request& request);

  // True while a request has begun and not ended (for network.request_timeout).
  bool inside_request() const;

 private:
  ParserLimits limits_;
};

}  // namespace kimdb::protocol
