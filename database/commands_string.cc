// Commands on values: SET, GET and their family. Replies and errors as Redis 7.0 gives them
// (docs/redis.md).

#include <array>
#include <cmath>
#include <vector>

#include "database/arguments.h"
#include "database/command_table.h"
#include "database/database.h"
#include "protocol/numbers.h"

namespace kimdb::database {

namespace {

constexpr std::uint64_t kStringBytesMax = 512 << 20;  // Redis' proto-max-bulk-len

bool string_fits(Context& c, std::uint64_t offset, std::uint64_t size) {
  if (offset <= kStringBytesMax && size <= kStringBytesMax - offset) return true;
  c.reply.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  return false;
}

void set(Context& c) {
  const std::string_view key = c.words[1], value = c.words[2];
  if (c.words.size() == 3) [[likely]] {
    c.put(key, value);
    return c.reply.ok();
  }
  bool only_new = false, only_existing = false, get = false, keep_ttl = false;
  ExpiryOption expiry;
  std::optional<std::int64_t> version;
  for (std::size_t i = 3; i < c.words.size(); ++i) {
    const std::string_view word = c.words[i];
    if (is_word(word, "nx") && !only_existing) {
      only_new = true;
    } else if (is_word(word, "xx") && !only_new) {
      only_existing = true;
    } else if (is_word(word, "get")) {
      get = true;
    } else if (is_word(word, "keepttl") && !expiry.given) {
      keep_ttl = true;
    } else if (is_word(word, "ifversion") && i + 1 < c.words.size() && !version) {
      version = integer_argument(c, c.words[++i]);
      if (!version) return;
    } else if (keep_ttl || !expiry.take(c.words, i)) {
      return syntax_error(c);
    }
  }
  std::int64_t expires_at = 0;
  if (expiry.given) {
    const auto time = expiry_time(c, expiry);
    if (!time) return;
    expires_at = *time;
  }
  const engine::Entry* old = c.find(key);
  if (version && old != nullptr && old->lsn() == engine::kOwnRecord)
    return c.reply.error("ERR version conflict: expected " + std::to_string(*version) +
                         ", but this transaction has changed the key before");
  if (version && *version != static_cast<std::int64_t>(old == nullptr ? 0 : old->lsn())) {
    return c.reply.error("ERR version conflict: expected " + std::to_string(*version) + ", got " +
                         std::to_string(old == nullptr ? 0 : old->lsn()));
  }
  if (get) old != nullptr ? c.reply.bulk(old->value()) : c.reply.null();
  if ((only_new && old != nullptr) || (only_existing && old == nullptr)) {
    if (!get) c.reply.null();
    return;
  }
  if (keep_ttl && old != nullptr) expires_at = old->expires_at();
  c.put(key, value, expires_at);
  if (!get) c.reply.ok();
}

void setnx(Context& c) {
  const bool absent = c.find(c.words[1]) == nullptr;
  if (absent) c.put(c.words[1], c.words[2]);
  c.reply.integer(absent);
}

void set_with_time(Context& c, TimeUnit unit) {
  const auto time =
      expiry_time(c, {.given = true, .absolute = false, .unit = unit, .value = c.words[2]});
  if (!time) return;
  c.put(c.words[1], c.words[3], *time);
  c.reply.ok();
}
void setex(Context& c) { set_with_time(c, TimeUnit::seconds); }
void psetex(Context& c) { set_with_time(c, TimeUnit::milliseconds); }

void get(Context& c) {
  if (const engine::Entry* entry = c.find(c.words[1]))
    c.reply.bulk(entry->value());
  else
    c.reply.missing_key();
}

void getdel(Context& c) {
  get(c);
  if (c.find(c.words[1]) != nullptr) c.remove(c.words[1]);
}

void getset(Context& c) {
  const engine::Entry* old = c.find(c.words[1]);
  old != nullptr ? c.reply.bulk(old->value()) : c.reply.null();
  c.put(c.words[1], c.words[2]);
}

void getex(Context& c) {
  bool persist = false;
  ExpiryOption expiry;
  for (std::size_t i = 2; i < c.words.size(); ++i) {
    if (is_word(c.words[i], "persist") && !expiry.given)
      persist = true;
    else if (persist || !expiry.take(c.words, i))
      return syntax_error(c);
  }
  const engine::Entry* entry = c.find(c.words[1]);
  if (entry == nullptr) return c.reply.missing_key();
  std::int64_t expires_at = 0;
  if (expiry.given) {
    const auto time = expiry_time(c, expiry);
    if (!time) return;
    expires_at = *time;
  }
  c.reply.bulk(entry->value());
  if (expiry.given && expires_at <= c.now_ms)
    c.remove(c.words[1]);
  else if (expiry.given || (persist && entry->expires_at() != 0))
    c.set_expiry(c.words[1], expires_at);
}

void mget(Context& c) {
  c.reply.array(c.words.size() - 1);
  for (const std::string_view key : c.words.subspan(1)) {
    const engine::Entry* entry = c.find(key);
    entry != nullptr ? c.reply.bulk(entry->value()) : c.reply.null();
  }
}

bool odd_arguments(Context& c) {
  if (c.words.size() % 2 == 1) return false;
  c.reply.error("ERR wrong number of arguments for '" + std::string(c.row->name) + "' command");
  return true;
}

void put_pairs(Context& c) {
  c.apply_at_once();
  for (std::size_t i = 1; i < c.words.size(); i += 2) c.put(c.words[i], c.words[i + 1]);
}

void mset(Context& c) {
  if (odd_arguments(c)) return;
  put_pairs(c);
  c.reply.ok();
}

void msetnx(Context& c) {
  if (odd_arguments(c)) return;
  for (std::size_t i = 1; i < c.words.size(); i += 2)
    if (c.find(c.words[i]) != nullptr) return c.reply.integer(0);
  put_pairs(c);
  c.reply.integer(1);
}

void append(Context& c) {
  const engine::Entry* entry = c.find(c.words[1]);
  const std::size_t size = entry == nullptr ? 0 : entry->value().size();
  if (!string_fits(c, size, c.words[2].size())) return;
  if (entry == nullptr)
    c.put(c.words[1], c.words[2]);
  else
    c.write_range(c.words[1], size, c.words[2]);
  c.reply.integer(static_cast<std::int64_t>(size + c.words[2].size()));
}

void setrange(Context& c) {
  const auto offset = integer_argument(c, c.words[2]);
  if (!offset) return;
  if (*offset < 0) return c.reply.error("ERR offset is out of range");
  const std::string_view value = c.words[3];
  const engine::Entry* entry = c.find(c.words[1]);
  const std::uint64_t size = entry == nullptr ? 0 : entry->value().size();
  const auto start = static_cast<std::uint64_t>(*offset);
  if (value.empty()) return c.reply.integer(static_cast<std::int64_t>(size));
  if (!string_fits(c, start, value.size())) return;
  if (entry == nullptr) {  // an expired one may still stand there
    if (!c.take_room(c.words[1].size())) return;
    c.put(c.words[1], "");
  }
  c.write_range(c.words[1], start, value);
  c.reply.integer(static_cast<std::int64_t>(std::max(size, start + value.size())));
}

void getrange(Context& c) {
  const auto first = integer_argument(c, c.words[2]);
  if (!first) return;
  const auto last = integer_argument(c, c.words[3]);
  if (!last) return;
  const engine::Entry* entry = c.find(c.words[1]);
  const std::string_view value = entry == nullptr ? std::string_view() : entry->value();
  const auto size = static_cast<std::int64_t>(value.size());
  std::int64_t start = *first, end = *last;
  if (start < 0 && end < 0 && start > end) return c.reply.bulk("");
  if (start < 0) start = std::max<std::int64_t>(0, start + size);
  if (end < 0) end = std::max<std::int64_t>(0, end + size);
  end = std::min(end, size - 1);
  if (start > end || size == 0) return c.reply.bulk("");
  c.reply.bulk(
      value.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start + 1)));
}

void strlen(Context& c) {
  const engine::Entry* entry = c.find(c.words[1]);
  c.reply.integer(entry == nullptr ? 0 : static_cast<std::int64_t>(entry->value().size()));
}

void increase(Context& c, std::int64_t by) {
  const engine::Entry* entry = c.find(c.words[1]);
  std::int64_t value = 0;
  if (entry != nullptr) {
    const auto stored = integer_argument(c, entry->value());
    if (!stored) return;
    value = *stored;
  }
  if (__builtin_add_overflow(value, by, &value))
    return c.reply.error("ERR increment or decrement would overflow");
  c.put(c.words[1], c.keep(std::to_string(value)), entry == nullptr ? 0 : entry->expires_at());
  c.reply.integer(value);
}
void incr(Context& c) { increase(c, 1); }
void decr(Context& c) { increase(c, -1); }
void incrby(Context& c) {
  if (const auto by = integer_argument(c, c.words[2])) increase(c, *by);
}
void decrby(Context& c) {
  const auto by = integer_argument(c, c.words[2]);
  if (!by) return;
  if (*by == INT64_MIN) return c.reply.error("ERR decrement would overflow");
  increase(c, -*by);
}

void incrbyfloat(Context& c) {
  const engine::Entry* entry = c.find(c.words[1]);
  const auto stored = entry == nullptr ? std::optional<long double>(0)
                                       : protocol::parse_long_double(entry->value());
  const auto by = stored ? protocol::parse_long_double(c.words[2]) : std::nullopt;
  if (!by) return c.reply.error("ERR value is not a valid float");
  const long double sum = *stored + *by;
  if (std::isnan(sum) || std::isinf(sum))
    return c.reply.error("ERR increment would produce NaN or Infinity");
  const std::string_view text = c.keep(protocol::format_long_double(sum));
  if (!c.take_room(text.size())) return;  // up to 5 KB
  c.put(c.words[1], text, entry == nullptr ? 0 : entry->expires_at());
  c.reply.bulk(text);
}

constexpr KeyRange kOneKey{1, 1, 1};
constexpr std::uint32_t kUpdate = kWrite | kDenyOom;
constexpr CommandRow kRows[] = {
    {"set", -3, kUpdate, kOneKey, set, "keys",
     "key value [NX|XX] [GET] [EX seconds|PX ms|EXAT unix-seconds|PXAT unix-ms|KEEPTTL] [IFVERSION "
     "n]",
     "Stores a value under a key."},
    {"get", 2, kRead | kFast, kOneKey, get, "keys", "key", "The value under a key."},
    {"getdel", 2, kWrite | kFast, kOneKey, getdel, "keys", "key",
     "The value under a key, which is removed."},
    {"getex", -2, kWrite | kFast, kOneKey, getex, "keys",
     "key [EX seconds|PX ms|EXAT unix-seconds|PXAT unix-ms|PERSIST]",
     "The value under a key, whose expiry is changed."},
    {"getset", 3, kUpdate | kFast, kOneKey, getset, "keys", "key value",
     "Stores a value and gives the one before."},
    {"setnx", 3, kUpdate | kFast, kOneKey, setnx, "keys", "key value",
     "Stores a value where there is none."},
    {"setex", 4, kUpdate, kOneKey, setex, "keys", "key seconds value",
     "Stores a value that expires."},
    {"psetex", 4, kUpdate, kOneKey, psetex, "keys", "key ms value", "Stores a value that expires."},
    {"mset",
     -3,
     kUpdate,
     {1, -1, 2},
     mset,
     "keys",
     "key value [key value ...]",
     "Stores several values at once."},
    {"msetnx",
     -3,
     kUpdate,
     {1, -1, 2},
     msetnx,
     "keys",
     "key value [key value ...]",
     "Stores several values where none of the keys has one."},
    {"mget",
     -2,
     kRead | kFast,
     {1, -1, 1},
     mget,
     "keys",
     "key [key ...]",
     "The values under several keys."},
    {"append", 3, kUpdate | kFast, kOneKey, append, "keys", "key value",
     "Appends to a value; gives its length."},
    {"strlen", 2, kRead | kFast, kOneKey, strlen, "keys", "key", "The length of a value in bytes."},
    {"getrange", 4, kRead, kOneKey, getrange, "keys", "key start end", "A part of a value."},
    {"substr", 4, kRead, kOneKey, getrange, "keys", "key start end", "The old name of GETRANGE."},
    {"setrange", 4, kUpdate, kOneKey, setrange, "keys", "key offset value",
     "Overwrites a part of a value."},
    {"incr", 2, kUpdate | kFast, kOneKey, incr, "keys", "key", "Adds one to a number."},
    {"decr", 2, kUpdate | kFast, kOneKey, decr, "keys", "key", "Takes one from a number."},
    {"incrby", 3, kUpdate | kFast, kOneKey, incrby, "keys", "key increment", "Adds to a number."},
    {"decrby", 3, kUpdate | kFast, kOneKey, decrby, "keys", "key decrement",
     "Takes from a number."},
    {"incrbyfloat", 3, kUpdate | kFast, kOneKey, incrbyfloat, "keys", "key increment",
     "Adds to a number with a fraction."},
};

}  // namespace

std::span<const CommandRow> string_commands() { return kRows; }

}  // namespace kimdb::database
