#include "tests/support/ledger.h"

#include <algorithm>
#include <charconv>

#include "tests/support/resp_reply.h"

namespace kimdb::support {
namespace {

// A fixed mixing of the number (splitmix64's finalizer) for lengths and bytes.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

}  // namespace

std::string ledger_value(std::string_view key, std::uint64_t number) {
  std::string value = std::string(key) + "@" + std::to_string(number) + ":";
  const std::uint64_t random = mix(number + 1);
  const std::size_t length = random % 64 == 0 ? 8192 + random % 16384 : random % 200;
  for (std::size_t i = 0; i < length; ++i) value += static_cast<char>(mix(number + i) & 0xff);
  return value;
}

std::optional<std::uint64_t> ledger_number(std::string_view key, std::string_view value) {
  if (!value.starts_with(key) || value.size() <= key.size() || value[key.size()] != '@') return {};
  const std::string_view digits = value.substr(key.size() + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || value != ledger_value(key, number)) return {};
  return number;
}

void LedgerKey::promised(std::uint64_t number) { promised_ = std::max(promised_, number); }

std::string LedgerKey::settle(std::optional<std::string_view> stored) {
  if (!stored) {
    // Any remove in the open range explains it; the last one sent stands for all of them from here
    // on.
    for (std::uint64_t number = promised_; number <= sent(); ++number) {
      if (writes_[number] == Write::remove) {
        writes_.back() = Write::remove;
        promised_ = sent();
        return {};
      }
    }
    return wrong("it is gone");
  }
  const std::optional<std::uint64_t> number = ledger_number(key_, *stored);
  if (!number) return wrong("it holds what was never written: " + readable(*stored));
  if (*number > sent()) return wrong("it holds a write that was never sent");
  if (*number < promised_) return wrong("it holds write " + std::to_string(*number));
  if (writes_[*number] != Write::put)
    return wrong("a write came back that had been lost or removed");
  promised_ = *number;
  for (std::uint64_t later = *number + 1; later <= sent(); ++later) writes_[later] = Write::dead;
  return {};
}

std::string LedgerKey::wrong(const std::string& what) const {
  const char* kind = writes_[promised_] == Write::put ? " (a put)" : " (a remove)";
  return key_ + ": " + what + "; promised up to write " + std::to_string(promised_) + kind +
         ", sent up to " + std::to_string(sent());
}

}  // namespace kimdb::support
