// What a client knows of one key that only it writes: every write it sent, and up to where they
// were acknowledged.
//
// After a crash the key must show the effect of one write between the last acknowledged one (or the
// last one that a reader was shown) and the last one sent: an earlier one means a loss, anything
// else an invention. Plain values, no I/O; one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kimdb::support {

// The value that write number `number` of `key` stores: it names both, and its bytes follow from
// them, so that a torn or mixed value does not check. Lengths vary from a few bytes to some
// kilobytes.
std::string ledger_value(std::string_view key, std::uint64_t number);
// The number in a value made so for `key`; nothing when it is not one, to the last byte.
std::optional<std::uint64_t> ledger_number(std::string_view key, std::string_view value);

class LedgerKey {
 public:
  explicit LedgerKey(std::string key) : key_(std::move(key)), writes_{Write::remove} {}

  const std::string& key() const { return key_; }
  std::uint64_t sent() const { return writes_.size() - 1; }

  // The next write, before it is sent; the value of a put is ledger_value(key(), result).
  std::uint64_t put() { return add(Write::put); }
  std::uint64_t remove() { return add(Write::remove); }
  // The write with this number was acknowledged, or a reader was shown its effect.
  void promised(std::uint64_t number);

  // Compares what the server holds now (nothing: no such key) while no write is on its way, and
  // takes it as the state from here on. Returns what is wrong, empty when nothing is.
  std::string settle(std::optional<std::string_view> stored);

 private:
  enum class Write : std::uint8_t {
    put,
    remove,
    dead
  };  // dead: sent before a crash, and known to be lost

  std::uint64_t add(Write write) {
    writes_.push_back(write);
    return sent();
  }
  std::string wrong(const std::string& what) const;

  std::string key_;
  std::vector<Write> writes_;  // by number; number 0 is the absence before the first write
  std::uint64_t promised_ = 0;
};

}  // namespace kimdb::support
