#include "protocol/resp_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "protocol/numbers.h"

namespace kimdb::protocol {
namespace {

constexpr std::size_t kHeaderBytesMax = 64 * 1024;                // Redis' PROTO_INLINE_MAX_SIZE
constexpr std::int64_t kRedisBulkBytesMax = 512ll * 1024 * 1024;  // Redis' proto-max-bulk-len
constexpr std::size_t kSpansKeptMax = 1024;  // an idle connection holds no more than 16 KiB of them

}  // namespace

RespParser::Parsed RespParser::next(std::string_view input, const ParserLimits& limits,
                                    Request& request) {
  if (input.size() < needed_) return {Outcome::incomplete, 0};
  if (!started_) {
    if (!read_count(input, limits)) return failed_ ? stop() : suspend(input, request);
    if (remaining_ <= 0) {
      const std::size_t consumed = position_;
      stop();
      return {Outcome::skipped, consumed};
    }
    started_ = true;
  }
  return parse(input, limits, request);
}

// The loop that every word of every RESP request goes through. What is regular is read right here;
// a header that is broken off, malformed or over a limit goes to read_length.
RespParser::Parsed RespParser::parse(std::string_view input, const ParserLimits& limits,
                                     Request& request) {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  const std::size_t bytes_max = limits.message_bytes;
  std::size_t position = position_;
  std::int64_t remaining = remaining_;
  while (remaining > 0) {
    std::int64_t length = length_;
    if (length == kUnknown) {
      const char* p = begin + position;
      std::uint32_t digit = 0;
      // "$0\r\n" to "$99999999\r\n"; a leading zero ends at the '\r' test.
      if (end - p >= 12 && p[0] == '$' && (digit = static_cast<unsigned char>(p[1]) - '0') <= 9) {
        std::uint32_t value = digit;
        p += 2;
        if (value != 0) {
          const char* const digits_end = p + 7;
          while (p < digits_end && (digit = static_cast<unsigned char>(*p) - '0') <= 9) {
            value = value * 10 + digit;
            ++p;
          }
        }
        const std::size_t payload = static_cast<std::size_t>(p - begin) + 2;
        if (*p == '\r' && payload + value <= bytes_max) {
          length = value;
          position = payload;
        }
      }
      if (length == kUnknown) {
        position_ = position;
        remaining_ = remaining;
        if (!read_length(input, limits)) return failed_ ? stop() : suspend(input, request);
        position = position_;
        length = length_;
      }
    }
    const std::size_t size = static_cast<std::size_t>(length);
    if (input.size() - position < size + 2) {
      position_ = position;
      remaining_ = remaining;
      length_ = length;
      needed_ = position + size + 2;
      return suspend(input, request);
    }
    request.words.emplace_back(begin + position, size);
    position += size + 2;  // like Redis, whatever the two bytes behind it are
    length_ = kUnknown;
    --remaining;
  }
  position_ = position;
  finish(input, request);
  request.framing = Framing::resp;
  stop();
  return {Outcome::request, position};
}

// Finds the "\r\n" of the header at position_ (any byte is taken for the '\n', as in Redis).
bool RespParser::find_header_end(std::string_view input, const ParserLimits& limits,
                                 const char* too_big) {
  const std::size_t from = std::max(position_, header_scanned_);
  const std::size_t bytes_max = position_ + std::min(kHeaderBytesMax, limits.message_bytes);
  const void* found = nullptr;
  if (from < input.size()) found = std::memchr(input.data() + from, '\r', input.size() - from);
  header_end_ = found == nullptr
                    ? input.size()
                    : static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
  // Whether more has come already makes no difference.
  if (header_end_ > bytes_max) return fail(fmt::format("ERR Protocol error: {}", too_big));
  header_scanned_ = header_end_;
  needed_ = found == nullptr ? input.size() + 1 : header_end_ + 2;
  return needed_ <= input.size();
}

bool RespParser::read_count(std::string_view input, const ParserLimits& limits) {
  // The common "*3\r\n".
  if (input.size() >= 4 && input[1] >= '1' && input[1] <= '9' && input[2] == '\r') {
    remaining_ = input[1] - '0';
    position_ = 4;
  } else {
    if (!find_header_end(input, limits, "too big mbulk count string")) return false;
    const auto count = parse_integer(input.substr(1, header_end_ - 1));
    if (!count || *count > INT_MAX) return fail("ERR Protocol error: invalid multibulk length");
    remaining_ = *count;
    position_ = header_end_ + 2;
    header_scanned_ = 0;
  }
  if (remaining_ > 0 && static_cast<std::uint64_t>(remaining_) > limits.arguments) {
    return fail(limits.before_login ? "ERR Protocol error: unauthenticated multibulk length"
                                    : "ERR Protocol error: invalid multibulk length");
  }
  return true;
}

bool RespParser::read_length(std::string_view input, const ParserLimits& limits) {
  if (!find_header_end(input, limits, "too big bulk count string")) return false;
  const char type = input[position_];
  if (type != '$') {
    // As Redis prints it: a NUL ends the text, a line break becomes a space.
    std::string shown(type == '\0' ? 0 : 1, type == '\r' || type == '\n' ? ' ' : type);
    return fail(
        fmt::format("ERR Protocol error: expected '$', got '{}{}", shown, type == '\0' ? "" : "'"));
  }
  const auto length = parse_integer(input.substr(position_ + 1, header_end_ - position_ - 1));
  const std::size_t payload = header_end_ + 2;
  if (!length || *length < 0 ||
      (*length > kRedisBulkBytesMax &&
       static_cast<std::uint64_t>(*length) > limits.message_bytes)) {
    return fail("ERR Protocol error: invalid bulk length");
  }
  if (payload > limits.message_bytes ||
      static_cast<std::uint64_t>(*length) > limits.message_bytes - payload) {
    return fail(limits.before_login ? "ERR Protocol error: unauthenticated bulk length"
                                    : message_too_large(limits));
  }
  position_ = payload;
  length_ = *length;
  header_scanned_ = 0;
  return true;
}

// Back to the state between two requests.
RespParser::Parsed RespParser::stop() {
  const bool failed = failed_;
  started_ = false;
  failed_ = false;
  position_ = 0;
  length_ = kUnknown;
  header_scanned_ = 0;
  needed_ = 0;
  spans_.clear();
  if (spans_.capacity() > kSpansKeptMax) spans_.shrink_to_fit();
  return {failed ? Outcome::error : Outcome::incomplete, 0};
}

// Keeps the words found by this call as offsets.
RespParser::Parsed RespParser::suspend(std::string_view input, Request& request) {
  for (const std::string_view word : request.words) {
    spans_.push_back({static_cast<std::size_t>(word.data() - input.data()), word.size()});
  }
  request.words.clear();
  return {Outcome::incomplete, 0};
}

// Puts the words that earlier calls found before those of this one.
void RespParser::finish(std::string_view input, Request& request) {
  if (spans_.empty()) return;
  const std::size_t found_now = request.words.size();
  request.words.resize(found_now + spans_.size());
  std::move_backward(request.words.begin(),
                     request.words.begin() + static_cast<std::ptrdiff_t>(found_now),
                     request.words.end());
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    request.words[i] = input.substr(spans_[i].offset, spans_[i].size);
  }
}

bool RespParser::fail(std::string message) {
  failed_ = true;
  error_ = std::move(message);
  return false;
}

}  // namespace kimdb::protocol
