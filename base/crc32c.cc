#include "base/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace kimdb {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected: bit 31 is x^0

// tables[k][b]: the CRC register after byte b and k zero bytes (slicing by 8, Kounavis and Berry).
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

// a * b modulo the polynomial, over GF(2); bit 31 is x^0.
constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);
  }
  return product;
}

// powers[n] = x^(2^n) modulo the polynomial.
constexpr std::array<std::uint32_t, 64> make_powers() {
  std::array<std::uint32_t, 64> powers{};
  powers[0] = 1u << 30;  // x
  for (std::size_t n = 1; n < 64; ++n) powers[n] = multiply(powers[n - 1], powers[n - 1]);
  return powers;
}

constexpr std::array<std::uint32_t, 64> kPowers = make_powers();

// x^(8 * bytes): what multiplying with it does to a CRC is what that many zero bytes do.
constexpr std::uint32_t zeros_operator(std::uint64_t bytes) {
  std::uint32_t result = 1u << 31;  // 1
  for (std::size_t n = 3; bytes != 0; bytes >>= 1, ++n) {
    if ((bytes & 1) != 0) result = multiply(kPowers[n & 63], result);
  }
  return result;
}

std::uint32_t extend_by_tables(std::uint32_t crc, const char* data, std::size_t size) {
  crc = ~crc;
  while (size >= 8) {
    std::uint32_t low, high;
    std::memcpy(&low, data, 4);
    std::memcpy(&high, data + 4, 4);
    low ^= crc;
    crc = kTables[7][low & 0xff] ^ kTables[6][(low >> 8) & 0xff] ^ kTables[5][(low >> 16) & 0xff] ^
          kTables[4][low >> 24] ^ kTables[3][high & 0xff] ^ kTables[2][(high >> 8) & 0xff] ^
          kTables[1][(high >> 16) & 0xff] ^ kTables[0][high >> 24];
    data += 8;
    size -= 8;
  }
  for (; size != 0; --size, ++data) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<unsigned char>(*data)) & 0xff];
  }
  return ~crc;
}

#if defined(__x86_64__)

// The instruction takes three cycles but can start one each cycle, so long input is read as three
// streams of kStride bytes whose registers are then joined.
constexpr std::size_t kStride = 2048;

// tables[k][b] = (b << 8k) * x^(8 * zeros): shifts a register over that many zero bytes.
using ShiftTables = std::array<std::array<std::uint32_t, 256>, 4>;

constexpr ShiftTables make_shift_tables(std::uint64_t zeros) {
  ShiftTables tables{};
  const std::uint32_t by = zeros_operator(zeros);
  for (std::size_t k = 0; k < 4; ++k) {
    // Shifting is linear: the rows of the powers of two give all the others.
    for (std::uint32_t bit = 1; bit < 256; bit <<= 1) {
      const std::uint32_t shifted = multiply(bit << (8 * k), by);
      for (std::uint32_t byte = 0; byte < bit; ++byte) {
        tables[k][bit + byte] = tables[k][byte] ^ shifted;
      }
    }
  }
  return tables;
}

constexpr ShiftTables kShiftStride = make_shift_tables(kStride);

inline std::uint32_t shift_stride(std::uint32_t crc) {
  return kShiftStride[0][crc & 0xff] ^ kShiftStride[1][(crc >> 8) & 0xff] ^
         kShiftStride[2][(crc >> 16) & 0xff] ^ kShiftStride[3][crc >> 24];
}

inline std::uint64_t load64(const char* data) {
  std::uint64_t word;
  std::memcpy(&word, data, 8);
  return word;
}

__attribute__((target("sse4.2"))) std::uint32_t extend_by_sse42(std::uint32_t start,
                                                                const char* data,
                                                                std::size_t size) {
  std::uint64_t crc = ~start;
  while (size >= 3 * kStride) {
    std::uint64_t second = 0, third = 0;
    for (const char* end = data + kStride; data != end; data += 8) {
      crc = _mm_crc32_u64(crc, load64(data));
      second = _mm_crc32_u64(second, load64(data + kStride));
      third = _mm_crc32_u64(third, load64(data + 2 * kStride));
    }
    crc = shift_stride(static_cast<std::uint32_t>(crc)) ^ second;
    crc = shift_stride(static_cast<std::uint32_t>(crc)) ^ third;
    data += 2 * kStride;
    size -= 3 * kStride;
  }
  for (; size >= 8; size -= 8, data += 8) crc = _mm_crc32_u64(crc, load64(data));
  for (; size != 0; --size, ++data) {
    crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), static_cast<unsigned char>(*data));
  }
  return ~static_cast<std::uint32_t>(crc);
}

const bool kHasSse42 = __builtin_cpu_supports("sse4.2") != 0;

#endif

}  // namespace

std::uint32_t crc32c_extend(std::uint32_t crc, std::string_view bytes) {
#if defined(__x86_64__)
  if (kHasSse42) return extend_by_sse42(crc, bytes.data(), bytes.size());
#endif
  return extend_by_tables(crc, bytes.data(), bytes.size());
}

std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second,
                             std::uint64_t second_size_bytes) {
  return multiply(zeros_operator(second_size_bytes), first) ^ second;
}

std::uint32_t crc32c_extend_portable(std::uint32_t crc, std::string_view bytes) {
  return extend_by_tables(crc, bytes.data(), bytes.size());
}

}  // namespace kimdb
