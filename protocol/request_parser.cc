#include "protocol/request_parser.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "protocol/inline_parser.h"
#include "protocol/line_parser.h"

namespace kimdb::protocol {
namespace {

constexpr std::size_t kNotFound = static_cast<std::size_t>(-1);
constexpr std::size_t kInlineBytesMax = 64 * 1024;  // Redis' PROTO_INLINE_MAX_SIZE

std::string_view without_carriage_return(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

RequestParser::Parsed RequestParser::next(std::string_view input, Request& request) {
  request.clear();
  if (discard_line_ || discard_bytes_ > 0) return discard(input);
  if (input.empty()) return {};
  if (input[0] == '*') return next_resp(input, request);
  if (input.size() < needed_) return wait(needed_);
  return limits_.resp_only ? next_inline(input, request) : next_line(input, request);
}

RequestParser::Parsed RequestParser::next_resp(std::string_view input, Request& request) {
  const RespParser::Parsed parsed = resp_.next(input, limits_, request);
  inside_ = parsed.outcome == RespParser::Outcome::incomplete;
  switch (parsed.outcome) {
    case RespParser::Outcome::request:
      return {Outcome::request, parsed.consumed, Framing::resp, {}};
    case RespParser::Outcome::incomplete:
      return {Outcome::incomplete, 0, Framing::resp, {}};
    case RespParser::Outcome::skipped:
      return {Outcome::skipped, parsed.consumed, Framing::resp, {}};
    case RespParser::Outcome::error:
      break;
  }
  return {Outcome::fatal, input.size(), Framing::resp, resp_.error()};
}

RequestParser::Parsed RequestParser::next_line(std::string_view input, Request& request) {
  request.framing = Framing::line;
  const std::size_t end = find_line_end(input, limits_.message_bytes);
  if (end == kNotFound) {
    // Two bytes more than the limit may be the line's end.
    if (input.size() < limits_.message_bytes + 2) return wait(input.size() + 1);
    return line_too_long(input, request);
  }
  const std::string_view line = without_carriage_return(input.substr(0, end));
  if (line.size() > limits_.message_bytes) return line_too_long(input, request);
  const SplitLine split = split_line(line, limits_.arguments, request, error_);
  switch (split.kind) {
    case SplitLine::Kind::words:
      if (split.payload_bytes) return with_payload(input, end + 1, *split.payload_bytes, request);
      return finish({Outcome::request, end + 1, Framing::line, {}});
    case SplitLine::Kind::nothing:
      return finish({Outcome::skipped, end + 1, Framing::line, {}});
    case SplitLine::Kind::error:
      return finish({Outcome::error, end + 1, Framing::line, error_});
    case SplitLine::Kind::http:
      break;
  }
  return finish({Outcome::fatal, input.size(), Framing::line, {}});
}

// The line's last word stands for `length` bytes from `payload` on.
RequestParser::Parsed RequestParser::with_payload(std::string_view input, std::size_t payload,
                                                  std::uint64_t length, Request& request) {
  if (length > limits_.message_bytes || payload + length > limits_.message_bytes) {
    discard_bytes_ = length;
    const std::size_t here =
        static_cast<std::size_t>(std::min<std::uint64_t>(length, input.size() - payload));
    discard_bytes_ -= here;
    error_ = message_too_large(limits_);
    return finish({Outcome::error, payload + here, Framing::line, error_});
  }
  const std::size_t size = static_cast<std::size_t>(length);
  if (input.size() < payload + size) {
    scanned_ = payload - 1;  // the line's end is found again at once
    request.clear();
    return wait(payload + size);
  }
  request.words.back() = input.substr(payload, size);
  return finish({Outcome::request, payload + size, Framing::line, {}});
}

RequestParser::Parsed RequestParser::next_inline(std::string_view input, Request& request) {
  const std::size_t end = find_line_end(input, kInlineBytesMax);
  if (end == kNotFound) {
    if (input.size() <= kInlineBytesMax) return wait(input.size() + 1);
    error_ = "ERR Protocol error: too big inline request";
    return finish({Outcome::fatal, input.size(), Framing::resp, error_});
  }
  const std::string_view line = without_carriage_return(input.substr(0, end));
  if (!split_inline(line, request)) {
    error_ = "ERR Protocol error: unbalanced quotes in request";
    return finish({Outcome::fatal, input.size(), Framing::resp, error_});
  }
  request.framing = Framing::resp;
  if (request.words.empty()) return finish({Outcome::skipped, end + 1, Framing::resp, {}});
  if (equals_ignoring_case(request.words[0], "POST") ||
      equals_ignoring_case(request.words[0], "Host:")) {
    return finish({Outcome::fatal, input.size(), Framing::resp, {}});
  }
  return finish({Outcome::request, end + 1, Framing::resp, {}});
}

// Refuses the line that `input` begins with, and throws away what is here of it.
RequestParser::Parsed RequestParser::line_too_long(std::string_view input, Request& request) {
  // A tag is searched where it can be, so that the refusal finds its way back.
  static_cast<void>(take_tag(input.substr(0, 64), request));
  error_ = message_too_large(limits_);
  const std::size_t end = find_line_end(input, input.size());
  discard_line_ = end == kNotFound;
  return finish({Outcome::error, discard_line_ ? input.size() : end + 1, Framing::line, error_});
}

// Throws away what is left of a request that was refused.
RequestParser::Parsed RequestParser::discard(std::string_view input) {
  std::size_t consumed = input.size();
  if (discard_line_) {
    const std::size_t end = input.find('\n');
    discard_line_ = end == std::string_view::npos;
    if (!discard_line_) consumed = end + 1;
  } else {
    consumed = static_cast<std::size_t>(std::min<std::uint64_t>(discard_bytes_, input.size()));
    discard_bytes_ -= consumed;
  }
  inside_ = discard_line_ || discard_bytes_ > 0;
  return {inside_ ? Outcome::incomplete : Outcome::skipped, consumed, Framing::line, {}};
}

// The offset of the first '\n', if it is within `bytes_max` bytes and a line end of them.
std::size_t RequestParser::find_line_end(std::string_view input, std::size_t bytes_max) {
  const std::size_t limit =
      bytes_max < input.size() ? std::min(input.size(), bytes_max + 2) : input.size();
  if (scanned_ < limit) {
    const void* found = std::memchr(input.data() + scanned_, '\n', limit - scanned_);
    if (found != nullptr) {
      return static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
    }
    scanned_ = limit;
  }
  return kNotFound;
}

// Nothing can be done before the input has `needed` bytes.
RequestParser::Parsed RequestParser::wait(std::size_t needed) {
  needed_ = needed;
  inside_ = true;
  return {Outcome::incomplete, 0, limits_.resp_only ? Framing::resp : Framing::line, {}};
}

RequestParser::Parsed RequestParser::finish(Parsed parsed) {
  scanned_ = 0;
  needed_ = 0;
  inside_ = discard_line_ || discard_bytes_ > 0;
  return parsed;
}

}  // namespace kimdb::protocol
