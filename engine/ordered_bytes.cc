#include "engine/ordered_bytes.h"

#include <bit>

namespace kimdb::engine {

namespace {

void append_parts(std::string& out, double rounded, std::int64_t rest) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  if (rounded == 0) rounded = 0;  // not -0
  const auto bits = std::bit_cast<std::uint64_t>(rounded);
  out += '\x20';
  append_big_endian(out, bits & kSign ? ~bits : bits | kSign, 8);
  append_big_endian(out, static_cast<std::uint64_t>(rest + 0x8000), 2);
}

template <class Whole>
void append_whole(std::string& out, Whole value) {
  const auto rounded = static_cast<double>(value);
  // At most 2^10 away; 2^64 itself is no Whole.
  append_parts(
      out, rounded,
      static_cast<std::int64_t>(static_cast<__int128>(value) - static_cast<__int128>(rounded)));
}

}  // namespace

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
}

void append_number(std::string& out, double value) { append_parts(out, value, 0); }
void append_number(std::string& out, std::int64_t value) { append_whole(out, value); }
void append_number(std::string& out, std::uint64_t value) { append_whole(out, value); }

std::optional<double> read_number(std::string_view bytes) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  if (bytes.size() < kNumberBytes || bytes[0] != '\x20') return std::nullopt;
  std::uint64_t bits = 0;
  for (std::size_t i = 1; i <= 8; ++i) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  return std::bit_cast<double>(bits & kSign ? bits & ~kSign : ~bits);
}

void append_text(std::string& out, char tag, std::string_view text) {
  out += tag;
  for (const char c : text) {
    out += c;
    if (c == '\0') out += '\xff';
  }
  out.append(2, '\0');
}

void invert_from(std::string& out, std::size_t start) {
  for (std::size_t i = start; i < out.size(); ++i) out[i] = static_cast<char>(~out[i]);
}

std::string behind_all(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

}  // namespace kimdb::engine
