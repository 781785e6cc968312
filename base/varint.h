// Unsigned LEB128: 7 bits a byte, low bits first, the high bit says that more follow. At most 10
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace kimdb {

inline std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++size;
  }
  return size;
}

// Writes varint_size(value) bytes at `out` and returns the end of what was written.
inline char* put_varint(char* out, std::uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

// Takes a varint off the front of `in`; nothing, and `in` unspecified, where it is cut short or too
// long.
inline std::optional<std::uint64_t> take_varint(std::string_view& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

inline std::size_t sized_bytes_size(std::string_view bytes) {
  return varint_size(bytes.size()) + bytes.size();
}

// A length as varint, then the bytes.
inline char* put_sized_bytes(char* out, std::string_view bytes) {
  out = put_varint(out, bytes.size());
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

inline std::optional<std::string_view> take_sized_bytes(std::string_view& in) {
  const auto size = take_varint(in);
  if (!size || *size > in.size()) return std::nullopt;
  const auto bytes = in.substr(0, *size);
  in.remove_prefix(*size);
  return bytes;
}

}  // namespace kimdb
