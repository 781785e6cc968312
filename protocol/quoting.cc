#include "protocol/quoting.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/utf8.h"
#include "protocol/line_parser.h"

namespace kimdb::protocol {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr char kBase64Digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

unsigned byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

// U+0080 to U+009F: terminals take them for commands.
bool is_c1_control(std::string_view text, std::size_t i, std::size_t length) {
  return length == 2 && byte_at(text, i) == 0xc2 && byte_at(text, i + 1) < 0xa0;
}

// Most values are printable ASCII; eight bytes at a time tell.
bool is_printable_ascii(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHigh = 0x80 * kOnes;
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, text.data() + i, 8);
    const std::uint64_t below_space =
        (bytes - 0x20 * kOnes) & ~bytes;              // exact for the lowest such byte
    const std::uint64_t with_delete = bytes + kOnes;  // 0x7f + 1 sets the high bit
    if (((bytes | below_space | with_delete) & kHigh) != 0) return false;
  }
  for (; i < text.size(); ++i) {
    if (byte_at(text, i) < 0x20 || byte_at(text, i) >= 0x7f) return false;
  }
  return true;
}

bool is_printable(std::string_view text) {
  if (is_printable_ascii(text)) return true;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0 || is_c1_control(text, i, length)) return false;
    if (length == 1 && (byte_at(text, i) < 0x20 || byte_at(text, i) == 0x7f)) return false;
    i += length;
  }
  return true;
}

void append_hex(std::string& out, std::string_view bytes) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 15];
  }
}

void append_base64(std::string& out, std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = byte_at(bytes, i) << 16;
    if (count > 1) group |= byte_at(bytes, i + 1) << 8;
    if (count > 2) group |= byte_at(bytes, i + 2);
    out += kBase64Digits[group >> 18];
    out += kBase64Digits[group >> 12 & 63];
    out += count > 1 ? kBase64Digits[group >> 6 & 63] : '=';
    out += count > 2 ? kBase64Digits[group & 63] : '=';
  }
}

}  // namespace

bool needs_quotes(std::string_view value) {
  if (value.empty() || std::string_view("\"'*(>#").find(value[0]) != std::string_view::npos)
    return true;
  if (value == "OK" || value.substr(0, 6) == "ERROR:") return true;
  return !is_printable(value);
}

bool needs_quotes_as_word(std::string_view value) {
  return needs_quotes(value) || !reads_as_one_word(value);
}

void append_quoted(std::string& out, std::string_view value) {
  out += '"';
  for (std::size_t i = 0; i < value.size();) {
    const std::size_t length = utf8_length(value, i);
    const char c = value[i];
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (length == 0 || byte_at(value, i) < 0x20 || byte_at(value, i) == 0x7f) {
      append_hex(out, value.substr(i, 1));
    } else if (is_c1_control(value, i, length)) {
      append_hex(out, value.substr(i, length));
    } else {
      out += value.substr(i, length);
    }
    i += std::max<std::size_t>(length, 1);
  }
  out += '"';
}

void append_json(std::string& out, std::string_view value) {
  if (is_utf8(value)) return append_json_string(out, value);
  out += "{\"base64\":\"";
  append_base64(out, value);
  out += "\"}";
}

void append_json_name(std::string& out, std::string_view value) {
  if (is_utf8(value)) return append_json_string(out, value);
  out += "\"base64:";
  append_base64(out, value);
  out += '"';
}

}  // namespace kimdb::protocol
