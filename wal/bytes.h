// Little-endian numbers in byte strings, for the formats of this folder.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace kimdb::wal {

static_assert(std::endian::native == std::endian::little,
              "the formats are written as they lie in memory");

template <class T>
void store(char* out, T value) {
  std::memcpy(out, &value, sizeof value);
}

template <class T>
T load(const char* in) {
  T value;
  std::memcpy(&value, in, sizeof value);
  return value;
}

// Appends fields one after the other.
class ByteWriter {
 public:
  template <class T>
  ByteWriter& put(T value) {
    char raw[sizeof value];
    store(raw, value);
    bytes_.append(raw, sizeof value);
    return *this;
  }
  ByteWriter& put_bytes(std::string_view bytes) {
    bytes_.append(bytes);
    return *this;
  }
  std::string take() { return std::move(bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Takes fields one after the other. Past the end it gives zeros and ok() turns false.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T take() {
    T value{};
    if (bytes_.size() < sizeof value) {
      fail();
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view take_bytes(std::uint64_t size) {
    if (bytes_.size() < size) {
      fail();
      return {};
    }
    const std::string_view taken = bytes_.substr(0, static_cast<std::size_t>(size));
    bytes_.remove_prefix(static_cast<std::size_t>(size));
    return taken;
  }
  bool ok() const { return ok_; }
  std::string_view rest() const { return bytes_; }

 private:
  void fail() {
    ok_ = false;
    bytes_ = {};
  }

  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace kimdb::wal
