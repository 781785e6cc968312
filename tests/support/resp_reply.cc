#include "tests/support/resp_reply.h"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <stdexcept>

namespace kimdb::support {
namespace {

std::int64_t parse_count(std::string_view digits) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (error != std::errc() || end != digits.data() + digits.size() || count < -1) {
    throw std::runtime_error("no RESP length: " + readable(digits));
  }
  return count;
}

bool is_bulk(char type) { return type == '$' || type == '!' || type == '='; }
bool is_aggregate(char type) { return type == '*' || type == '~' || type == '>' || type == '%'; }

}  // namespace

std::size_t parse_reply(std::string_view bytes, RespReply& reply) {
  const std::size_t line_end = bytes.find("\r\n");
  if (line_end == std::string_view::npos) return 0;
  if (line_end == 0) throw std::runtime_error("an empty line instead of a reply");
  reply.type = bytes[0];
  const std::string_view line = bytes.substr(1, line_end - 1);
  std::size_t size = line_end + 2;

  if (is_bulk(reply.type)) {
    const std::int64_t length = parse_count(line);
    reply.null = length < 0;
    if (!reply.null) {
      const auto content = static_cast<std::size_t>(length);
      if (bytes.size() < size + content + 2) return 0;
      reply.text = bytes.substr(size, content);
      if (bytes.substr(size + content, 2) != "\r\n") {
        throw std::runtime_error("a bulk that does not end in CRLF: " + readable(bytes));
      }
      size += content + 2;
    }
  } else if (is_aggregate(reply.type)) {
    const std::int64_t length = parse_count(line);
    reply.null = length < 0;
    const std::int64_t count = reply.type == '%' ? 2 * length : length;
    for (std::int64_t i = 0; i < count; ++i) {
      RespReply element;
      const std::size_t element_size = parse_reply(bytes.substr(size), element);
      if (element_size == 0) return 0;
      size += element_size;
      reply.elements.push_back(std::move(element));
    }
  } else if (std::string_view("+-:_#,(").find(reply.type) != std::string_view::npos) {
    reply.text = line;
    reply.null = reply.type == '_';
  } else {
    throw std::runtime_error("no RESP reply: " + readable(bytes));
  }
  reply.raw = bytes.substr(0, size);
  return size;
}

std::string readable(std::string_view bytes, std::size_t shown) {
  std::string text;
  for (const char byte : bytes.substr(0, shown)) {
    if (byte == '\r') {
      text += "\\r";
    } else if (byte == '\n') {
      text += "\\n";
    } else if (byte >= ' ' && byte <= '~') {
      text += byte;
    } else {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(byte));
      text += escaped;
    }
  }
  if (bytes.size() > shown) text += "… (" + std::to_string(bytes.size()) + " bytes)";
  return text;
}

}  // namespace kimdb::support
