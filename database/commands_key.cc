// Commands on keys, whatever their values are: DEL, EXPIRE, SCAN and their family.

#include <algorithm>
#include <charconv>

#include "base/glob.h"
#include "database/arguments.h"
#include "database/command_table.h"
#include "database/database.h"
#include "database/subcommand.h"
#include "protocol/numbers.h"

namespace kimdb::database {

namespace {

void del(Context& c) {
  if (c.words.size() > 2) c.apply_at_once();
  std::size_t removed = 0;
  for (const std::string_view key : c.words.subspan(1)) {
    if (c.find(key) == nullptr) continue;
    c.remove(key);
    ++removed;
  }
  c.reply.removed(removed, c.words.size() - 1);
}

void exists(Context& c) {
  c.reply.integer(std::count_if(c.words.begin() + 1, c.words.end(),
                                [&](std::string_view key) { return c.find(key) != nullptr; }));
}

void type(Context& c) { c.reply.simple(c.find(c.words[1]) == nullptr ? "none" : "string"); }

void rename(Context& c, bool only_new) {
  const std::string_view from = c.words[1], to = c.words[2];
  const engine::Entry* entry = c.find(from);
  if (entry == nullptr) return c.reply.error("ERR no such key");
  const auto done = [&](bool renamed) { only_new ? c.reply.integer(renamed) : c.reply.ok(); };
  if (from == to) return done(false);
  if (only_new && c.find(to) != nullptr) return done(false);
  if (!c.take_room(entry->value().size())) return;
  c.put(to, c.keep(std::string(entry->value())), entry->expires_at());
  c.remove(from);
  done(true);
}
void rename(Context& c) { rename(c, false); }
void renamenx(Context& c) { rename(c, true); }

void copy(Context& c) {
  bool replace = false;
  std::uint8_t keyspace = c.session.keyspace;
  for (std::size_t i = 3; i < c.words.size(); ++i) {
    if (is_word(c.words[i], "replace")) {
      replace = true;
    } else if (is_word(c.words[i], "db") && i + 1 < c.words.size()) {
      const auto number = integer_argument(c, c.words[++i]);
      if (!number) return;
      if (*number < 0 || *number >= engine::kKeyKeyspaces)
        return c.reply.error("ERR DB index is out of range");
      keyspace = static_cast<std::uint8_t>(*number);
    } else {
      return syntax_error(c);
    }
  }
  if (keyspace == c.session.keyspace && c.words[1] == c.words[2])
    return c.reply.error("ERR source and destination objects are the same");
  const engine::Entry* entry = c.find(c.words[1]);
  if (entry == nullptr || (!replace && c.find(keyspace, c.words[2]) != nullptr))
    return c.reply.integer(0);
  if (!c.take_room(entry->value().size())) return;
  c.put(keyspace, c.words[2], c.keep(std::string(entry->value())), entry->expires_at());
  c.reply.integer(1);
}

struct ExpireConditions {
  bool only_without = false, only_with = false, only_later = false, only_earlier = false;

  bool parse(Context& c) {
    for (const std::string_view word : c.words.subspan(3)) {
      if (is_word(word, "nx")) {
        only_without = true;
      } else if (is_word(word, "xx")) {
        only_with = true;
      } else if (is_word(word, "gt")) {
        only_later = true;
      } else if (is_word(word, "lt")) {
        only_earlier = true;
      } else {
        c.reply.error("ERR Unsupported option " + shown_as_c_string(word, word.size()));
        return false;
      }
    }
    if (only_without && (only_with || only_later || only_earlier)) {
      c.reply.error("ERR NX and XX, GT or LT options at the same time are not compatible");
      return false;
    }
    if (only_later && only_earlier) {
      c.reply.error("ERR GT and LT options at the same time are not compatible");
      return false;
    }
    return true;
  }
  // `current` 0: never expires, which is later than any time.
  bool hold(std::int64_t current, std::int64_t time) const {
    if (only_without && current != 0) return false;
    if (only_with && current == 0) return false;
    if (only_later && (current == 0 || time <= current)) return false;
    return !(only_earlier && current != 0 && time >= current);
  }
};

void expire(Context& c, TimeUnit unit, bool absolute) {
  ExpireConditions conditions;
  if (!conditions.parse(c)) return;
  const auto value = integer_argument(c, c.words[2]);
  if (!value) return;
  std::int64_t time = *value;
  if ((unit == TimeUnit::seconds && __builtin_mul_overflow(time, 1000, &time)) ||
      (!absolute && __builtin_add_overflow(time, c.now_ms, &time)))
    return c.reply.error("ERR invalid expire time in '" + std::string(c.row->name) + "' command");
  const engine::Entry* entry = c.find(c.words[1]);
  if (entry == nullptr || !conditions.hold(entry->expires_at(), time)) return c.reply.integer(0);
  time <= c.now_ms ? c.remove(c.words[1]) : c.set_expiry(c.words[1], time);
  c.reply.integer(1);
}
void expire(Context& c) { expire(c, TimeUnit::seconds, false); }
void pexpire(Context& c) { expire(c, TimeUnit::milliseconds, false); }
void expireat(Context& c) { expire(c, TimeUnit::seconds, true); }
void pexpireat(Context& c) { expire(c, TimeUnit::milliseconds, true); }

void persist(Context& c) {
  const engine::Entry* entry = c.find(c.words[1]);
  const bool expires = entry != nullptr && entry->expires_at() != 0;
  if (expires) c.set_expiry(c.words[1], 0);
  c.reply.integer(expires);
}

// -2: no such key; -1: it never expires; else `value` of its expiry time.
template <class Value>
void expiry_reply(Context& c, Value&& value) {
  const engine::Entry* entry = c.find(c.words[1]);
  if (entry == nullptr) return c.reply.integer(-2);
  c.reply.integer(entry->expires_at() == 0 ? -1 : value(entry->expires_at()));
}
// Rounded, without overflow where the time is the last there is.
std::int64_t to_seconds(std::int64_t ms) { return ms / 1000 + (ms % 1000 >= 500 ? 1 : 0); }
void ttl(Context& c) {
  expiry_reply(c, [&](std::int64_t time) { return to_seconds(time - c.now_ms); });
}
void pttl(Context& c) {
  expiry_reply(c, [&](std::int64_t time) { return time - c.now_ms; });
}
void expiretime(Context& c) { expiry_reply(c, to_seconds); }
void pexpiretime(Context& c) {
  expiry_reply(c, [](std::int64_t time) { return time; });
}

void keys(Context& c) {
  std::vector<std::string> found;
  const std::string_view pattern = c.words[1];
  const bool all = pattern == "*";
  for (std::size_t i = 0; i < c.database.engine().partition_count(); ++i) {
    c.with_partition(i, [&](engine::Partition& partition) {
      c.depends_on(partition.last_lsn());
      const engine::EntryTable* table = partition.table(c.session.keyspace);
      for (auto position = engine::EntryTable::kBegin;
           table != nullptr && position < engine::EntryTable::kEnd;)
        position = table->walk_group(position, [&](const engine::Entry* entry) {
          if (!entry->expired(c.now_ms) && (all || glob_matches(pattern, entry->key())))
            found.emplace_back(entry->key());
        });
    });
  }
  c.reply.array(found.size());
  for (const std::string& key : found) c.reply.bulk(key);
}

constexpr std::size_t kScanGroupsMax = 4096;  // looked at by one SCAN, also where they are empty

// A plain unsigned number, as strtoul reads it to its end.
std::optional<std::uint64_t> parse_cursor(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The cursor is [partition 16 bits][position in its table 48 bits]; 0 begins and ends.
void scan(Context& c) {
  const auto cursor = parse_cursor(c.words[1]);
  if (!cursor) return c.reply.error("ERR invalid cursor");
  std::int64_t count = 10;
  std::string_view pattern, wanted_type;
  for (std::size_t i = 2; i < c.words.size(); i += 2) {
    if (i + 1 >= c.words.size()) return syntax_error(c);
    if (is_word(c.words[i], "count")) {
      const auto value = integer_argument(c, c.words[i + 1]);
      if (!value) return;
      if (*value < 1) return syntax_error(c);
      count = *value;
    } else if (is_word(c.words[i], "match")) {
      pattern = c.words[i + 1];
    } else if (is_word(c.words[i], "type")) {
      wanted_type = c.words[i + 1];
    } else {
      return syntax_error(c);
    }
  }
  const bool type_fits = wanted_type.empty() || is_word(wanted_type, "string");
  std::vector<std::string> found;
  std::int64_t looked_at = 0;
  std::size_t partition_index = *cursor >> 48;
  engine::EntryTable::Position position = *cursor & (engine::EntryTable::kEnd - 1);
  const std::size_t partitions = c.database.engine().partition_count();
  for (std::size_t groups = 0; partition_index < partitions && looked_at < count;) {
    c.with_partition(partition_index, [&](engine::Partition& partition) {
      c.depends_on(partition.last_lsn());
      const engine::EntryTable* table = partition.table(c.session.keyspace);
      while (table != nullptr && position < engine::EntryTable::kEnd && looked_at < count &&
             ++groups <= kScanGroupsMax) {
        position = table->walk_group(position, [&](const engine::Entry* entry) {
          ++looked_at;
          if (type_fits && !entry->expired(c.now_ms) &&
              (pattern.empty() || glob_matches(pattern, entry->key())))
            found.emplace_back(entry->key());
        });
      }
      if (table == nullptr) position = engine::EntryTable::kEnd;
    });
    if (groups > kScanGroupsMax) break;
    if (position >= engine::EntryTable::kEnd) {
      ++partition_index;
      position = engine::EntryTable::kBegin;
    }
  }
  const std::uint64_t next =
      partition_index == partitions ? 0 : std::uint64_t{partition_index} << 48 | position;
  c.reply.array(2);
  c.reply.bulk(std::to_string(next));
  c.reply.array(found.size());
  for (const std::string& key : found) c.reply.bulk(key);
}

void randomkey(Context& c) {
  engine::Engine& engine = c.database.engine();
  std::vector<std::size_t> sizes(engine.partition_count());
  std::size_t total = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    c.with_partition(i, [&](engine::Partition& partition) {
      c.depends_on(partition.last_lsn());
      total += sizes[i] = partition.size(c.session.keyspace);
    });
  // Expired keys may be drawn; after a few of them the database counts as empty.
  for (int tries = 0; tries < 100 && total != 0; ++tries) {
    std::size_t number = c.database.random().below(total), index = 0;
    while (number >= sizes[index]) number -= sizes[index++];
    std::optional<std::string> key;
    c.with_partition(index, [&](engine::Partition& partition) {
      const engine::EntryTable* table = partition.table(c.session.keyspace);
      const engine::Entry* entry =
          table == nullptr ? nullptr : table->sample(c.database.random().next());
      if (entry != nullptr && !entry->expired(c.now_ms)) key = entry->key();
    });
    if (key) return c.reply.bulk(*key);
  }
  c.reply.null();
}

void dbsize(Context& c) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < c.database.engine().partition_count(); ++i)
    c.with_partition(i, [&](engine::Partition& partition) {
      c.depends_on(partition.last_lsn());
      size += partition.size(c.session.keyspace);
    });
  c.reply.integer(static_cast<std::int64_t>(size));
}

void flush(Context& c, std::uint8_t keyspace) {
  if (c.words.size() > 2 ||
      (c.words.size() == 2 && !is_word(c.words[1], "sync") && !is_word(c.words[1], "async")))
    return syntax_error(c);
  c.flush(keyspace);
  c.reply.ok();
}
void flushdb(Context& c) { flush(c, c.session.keyspace); }
void flushall(Context& c) { flush(c, engine::kEveryKeyspace); }

// --- OBJECT ---

template <class Show>
void object_reply(Context& c, Show&& show) {
  const engine::Entry* entry = c.find(c.words[2]);
  if (entry == nullptr) return c.reply.null();
  show(*entry);
}
void object_encoding(Context& c) {
  object_reply(c, [&](const engine::Entry& entry) {
    if (protocol::parse_integer(entry.value())) return c.reply.bulk("int");
    c.reply.bulk(entry.value().size() <= 44 ? "embstr" : "raw");
  });
}
void object_version(Context& c) {
  object_reply(c, [&](const engine::Entry& entry) {
    if (entry.lsn() == engine::kOwnRecord)
      return c.reply.error("ERR the version is not known before the transaction has ended");
    c.reply.integer(static_cast<std::int64_t>(entry.lsn()));
  });
}
void object_refcount(Context& c) {
  object_reply(c, [&](const engine::Entry&) { c.reply.integer(1); });
}
void object_idletime(Context& c) {
  engine::Engine& engine = c.database.engine();
  const std::uint64_t hash = engine.hash(c.words[2]);
  // Not by find(), which counts as an access.
  const engine::Entry* entry = engine.partition_of(hash).find(c.session.keyspace, c.words[2], hash);
  if (entry == nullptr || entry->expired(c.now_ms)) return c.reply.null();
  c.depends_on(entry->lsn());
  if (!entry->keeps_accessed())
    return c.reply.error("ERR idle times are kept only with engine.eviction: allkeys-lru");
  c.reply.integer(engine.access_time() - entry->accessed());
}
void object_freq(Context& c) {
  object_reply(c, [&](const engine::Entry&) {
    c.reply.error(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
        "that when switching "
        "between policies at runtime LRU and LFU data will take some time to adjust.");
  });
}
constexpr Subcommand kObjectSubcommands[] = {
    {"encoding", 3, object_encoding, "key", "How Redis would call the value's encoding."},
    {"version", 3, object_version, "key", "The version for SET … IFVERSION."},
    {"refcount", 3, object_refcount, "key", "Always 1."},
    {"idletime", 3, object_idletime, "key", "Seconds since the last access, with allkeys-lru."},
    {"freq", 3, object_freq, "key", "Not kept."},
};

constexpr KeyRange kOneKey{1, 1, 1}, kTwoKeys{1, 2, 1}, kAllKeys{1, -1, 1};
constexpr CommandRow kRows[] = {
    {"del", -2, kWrite, kAllKeys, del, "keys", "key [key ...]", "Removes keys."},
    {"unlink", -2, kWrite | kFast, kAllKeys, del, "keys", "key [key ...]",
     "Removes keys; the same as DEL."},
    {"exists", -2, kRead | kFast, kAllKeys, exists, "keys", "key [key ...]",
     "How many of the keys exist."},
    {"touch", -2, kRead | kFast, kAllKeys, exists, "keys", "key [key ...]",
     "Counts as an access of the keys."},
    {"type", 2, kRead | kFast, kOneKey, type, "keys", "key", "The type of the value under a key."},
    {"rename", 3, kWrite, kTwoKeys, rename, "keys", "key newkey", "Moves a value to another key."},
    {"renamenx", 3, kWrite | kFast, kTwoKeys, renamenx, "keys", "key newkey",
     "Moves a value to another key where that has none."},
    {"copy", -3, kWrite | kDenyOom, kTwoKeys, copy, "keys", "source destination [DB n] [REPLACE]",
     "Copies a value to another key."},
    {"expire", -3, kWrite | kFast, kOneKey, expire, "keys", "key seconds [NX|XX|GT|LT]",
     "Lets a key expire."},
    {"pexpire", -3, kWrite | kFast, kOneKey, pexpire, "keys", "key ms [NX|XX|GT|LT]",
     "Lets a key expire."},
    {"expireat", -3, kWrite | kFast, kOneKey, expireat, "keys", "key unix-seconds [NX|XX|GT|LT]",
     "Lets a key expire at a time."},
    {"pexpireat", -3, kWrite | kFast, kOneKey, pexpireat, "keys", "key unix-ms [NX|XX|GT|LT]",
     "Lets a key expire at a time."},
    {"expiretime", 2, kRead | kFast, kOneKey, expiretime, "keys", "key",
     "When a key expires, Unix seconds."},
    {"pexpiretime", 2, kRead | kFast, kOneKey, pexpiretime, "keys", "key",
     "When a key expires, Unix ms."},
    {"ttl", 2, kRead | kFast, kOneKey, ttl, "keys", "key", "Seconds until a key expires."},
    {"pttl", 2, kRead | kFast, kOneKey, pttl, "keys", "key", "Milliseconds until a key expires."},
    {"persist", 2, kWrite | kFast, kOneKey, persist, "keys", "key", "Lets a key never expire."},
    {"keys",
     2,
     kRead | kSlow | kWholeKeyspace,
     {},
     keys,
     "keys",
     "pattern",
     "All keys that match a pattern."},
    {"scan",
     -2,
     kRead | kWholeKeyspace,
     {},
     scan,
     "keys",
     "cursor [MATCH pattern] [COUNT n] [TYPE type]",
     "Walks over the keys, some at a time."},
    {"randomkey", 1, kRead | kWholeKeyspace, {}, randomkey, "keys", "", "A key drawn at random."},
    {"dbsize",
     1,
     kRead | kWholeKeyspace | kFast,
     {},
     dbsize,
     "keys",
     "",
     "How many keys there are."},
    {"flushdb",
     -1,
     kWrite | kWholeKeyspace,
     {},
     flushdb,
     "keys",
     "[ASYNC|SYNC]",
     "Removes all keys of this keyspace."},
    {"flushall",
     -1,
     kWrite | kWholeKeyspace,
     {},
     flushall,
     "keys",
     "[ASYNC|SYNC]",
     "Removes all keys."},
    {"object",
     -2,
     kRead,
     {2, 2, 1},
     run_subcommand,
     "keys",
     "ENCODING|VERSION|REFCOUNT|IDLETIME|FREQ key",
     "What is known of the value under a key.",
     kObjectSubcommands},
};

}  // namespace

std::span<const CommandRow> key_commands() { return kRows; }

}  // namespace kimdb::database
