// One key with its value, in one block of memory:
//
//   [lsn u64][value_size u32][key_size 24 bits, flags 8 bits][expires_at i64]?[accessed
//   u32]?[key][value]
//
// The optional fields are there when the flags say so: most entries expire never, and access times
// are kept only with engine.eviction: allkeys-lru. An entry is never changed while somebody may
// read an older state (engine/undo.h); it is replaced. Its partition's lock guards it.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include "base/lsn.h"

namespace kimdb::engine {

class Entry;
struct EntryDeleter {
  void operator()(Entry* entry) const { std::free(entry); }
};
using EntryPointer = std::unique_ptr<Entry, EntryDeleter>;

class Entry {
 public:
  struct Fields {
    Lsn lsn = 0;
    std::string_view key;
    std::string_view value;
    std::int64_t expires_at = 0;  // Unix ms, 0 for never
    bool keep_accessed = false;
    std::uint32_t accessed = 0;
  };
  static EntryPointer make(const Fields& fields) {
    EntryPointer entry = allocate(fields, fields.value.size());
    if (!fields.value.empty())
      std::memcpy(entry->value_data(), fields.value.data(), fields.value.size());
    return entry;
  }
  // The same with a value of `value_size` bytes that the caller fills in (value_data()).
  static EntryPointer allocate(const Fields& fields, std::size_t value_size);

  // Brings it into the cache: two lines, most are no longer.
  void prefetch() const {
    __builtin_prefetch(this);
    __builtin_prefetch(reinterpret_cast<const char*>(this) + 64);
  }

  Lsn lsn() const { return lsn_; }
  void set_lsn(Lsn lsn) { lsn_ = lsn; }
  std::string_view key() const { return {data_ + optional_size(), key_size()}; }
  std::string_view value() const { return {data_ + optional_size() + key_size(), value_size_}; }
  char* value_data() { return data_ + optional_size() + key_size(); }

  std::int64_t expires_at() const {
    if (!(flags() & kExpires)) return 0;
    std::int64_t time;
    std::memcpy(&time, data_, sizeof time);
    return time;
  }
  bool expired(std::int64_t now_ms) const { return (flags() & kExpires) && expires_at() <= now_ms; }

  bool keeps_accessed() const { return flags() & kAccessed; }
  std::uint32_t accessed() const {
    std::uint32_t time = 0;
    if (keeps_accessed()) std::memcpy(&time, data_ + accessed_offset(), sizeof time);
    return time;
  }
  void set_accessed(std::uint32_t time) {
    if (keeps_accessed()) std::memcpy(data_ + accessed_offset(), &time, sizeof time);
  }

  // Gives the entry what make(fields) would, in place; false, and nothing changed, where that needs
  // another layout.
  bool overwrite(const Fields& fields) {
    if (value_size_ != fields.value.size() || flags() != flags_for(fields)) return false;
    lsn_ = fields.lsn;
    if (fields.expires_at != 0) std::memcpy(data_, &fields.expires_at, sizeof fields.expires_at);
    set_accessed(fields.accessed);
    // The value may be this entry's own.
    if (!fields.value.empty()) std::memmove(value_data(), fields.value.data(), fields.value.size());
    return true;
  }

  // Bytes of memory this entry takes, the allocator's rounding to 16 included.
  std::size_t memory() const {
    return (kHeaderSize + optional_size() + key_size() + value_size_ + 15) & ~std::size_t{15};
  }

 private:
  static constexpr std::uint32_t kExpires = 1;
  static constexpr std::uint32_t kAccessed = 2;
  static constexpr std::size_t kHeaderSize = 16;

  static std::uint32_t flags_for(const Fields& fields) {
    return (fields.expires_at != 0 ? kExpires : 0) | (fields.keep_accessed ? kAccessed : 0);
  }
  std::uint32_t flags() const { return key_size_and_flags_ & 0xff; }
  std::size_t key_size() const { return key_size_and_flags_ >> 8; }
  std::size_t accessed_offset() const { return flags() & kExpires ? 8 : 0; }
  std::size_t optional_size() const {
    return (flags() & kExpires ? 8 : 0) + (flags() & kAccessed ? 4 : 0);
  }

  Lsn lsn_;
  std::uint32_t value_size_;
  std::uint32_t key_size_and_flags_;
  char data_[];
};

inline EntryPointer Entry::allocate(const Fields& fields, std::size_t value_size) {
  assert(fields.key.size() < (std::size_t{1} << 24) && value_size >> 32 == 0);
  const std::uint32_t flags = flags_for(fields);
  const std::size_t optional = (flags & kExpires ? 8 : 0) + (flags & kAccessed ? 4 : 0);
  void* memory = std::malloc(kHeaderSize + optional + fields.key.size() + value_size);
  if (memory == nullptr) throw std::bad_alloc();
  EntryPointer entry(static_cast<Entry*>(memory));
  entry->lsn_ = fields.lsn;
  entry->value_size_ = static_cast<std::uint32_t>(value_size);
  entry->key_size_and_flags_ = static_cast<std::uint32_t>(fields.key.size() << 8) | flags;
  if (flags & kExpires) std::memcpy(entry->data_, &fields.expires_at, sizeof fields.expires_at);
  entry->set_accessed(fields.accessed);
  if (!fields.key.empty())
    std::memcpy(entry->data_ + optional, fields.key.data(), fields.key.size());
  return entry;
}

}  // namespace kimdb::engine
