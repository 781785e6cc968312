#include "engine/entry.h"

#include <doctest/doctest.h>

#include <string>

namespace kimdb::engine {

TEST_CASE("an entry gives back its fields in each of its layouts") {
  for (const std::int64_t expires_at : {std::int64_t{0}, std::int64_t{1790000000000}}) {
    for (const bool keep_accessed : {false, true}) {
      for (const std::size_t size : {0, 1, 7, 16, 255, 70000}) {
        const std::string key(size, 'k'), value(size * 3, 'v');
        const EntryPointer entry = Entry::make({.lsn = 12345678901,
                                                .key = key,
                                                .value = value,
                                                .expires_at = expires_at,
                                                .keep_accessed = keep_accessed,
                                                .accessed = 77});
        CHECK(entry->lsn() == 12345678901);
        CHECK(entry->key() == key);
        CHECK(entry->value() == value);
        CHECK(entry->expires_at() == expires_at);
        CHECK(entry->keeps_accessed() == keep_accessed);
        CHECK(entry->accessed() == (keep_accessed ? 77 : 0));
        entry->set_accessed(78);
        CHECK(entry->accessed() == (keep_accessed ? 78 : 0));
        CHECK(entry->key() == key);
        CHECK(entry->memory() >= 16 + key.size() + value.size());
        CHECK(entry->memory() <= 16 + 12 + 15 + key.size() + value.size());
      }
    }
  }
}

TEST_CASE("an entry expires at its time and not a millisecond before") {
  const EntryPointer entry = Entry::make({.key = "k", .value = "v", .expires_at = 1000});
  CHECK_FALSE(entry->expired(999));
  CHECK(entry->expired(1000));
  CHECK_FALSE(Entry::make({.key = "k", .value = "v"})->expired(INT64_MAX));
}

TEST_CASE("overwriting keeps to what has the same layout") {
  const EntryPointer entry =
      Entry::make({.lsn = 1, .key = "key", .value = "before", .expires_at = 5});
  CHECK_FALSE(entry->overwrite({.lsn = 2, .key = "key", .value = "longer!", .expires_at = 5}));
  CHECK_FALSE(entry->overwrite({.lsn = 2, .key = "key", .value = "after!", .expires_at = 0}));
  CHECK_FALSE(entry->overwrite(
      {.lsn = 2, .key = "key", .value = "after!", .expires_at = 5, .keep_accessed = true}));
  CHECK(entry->lsn() == 1);
  CHECK(entry->value() == "before");
  CHECK(entry->overwrite({.lsn = 2, .key = "key", .value = "after!", .expires_at = 6}));
  CHECK(entry->lsn() == 2);
  CHECK(entry->key() == "key");
  CHECK(entry->value() == "after!");
  CHECK(entry->expires_at() == 6);
}

}  // namespace kimdb::engine
