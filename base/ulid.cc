#include "base/ulid.h"

namespace kimdb {

std::string make_ulid(std::int64_t unix_ms, Random& random) {
  constexpr char kDigits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const auto time = static_cast<unsigned __int128>(static_cast<std::uint64_t>(unix_ms));
  const auto low = static_cast<unsigned __int128>(random.next() & 0xffff) << 64 | random.next();
  unsigned __int128 bits = time << 80 | low;
  std::string text(26, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, bits >>= 5)
    *digit = kDigits[static_cast<unsigned>(bits & 31)];
  return text;
}

}  // namespace kimdb
