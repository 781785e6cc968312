#include "tests/server/redis_command_stream.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace kimdb::support {
namespace {

using namespace std::string_literals;

std::string upper(std::string word) {
  for (char& c : word) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return word;
}

// Prefixes of commands whose replies differ on purpose.
constexpr std::array<std::array<std::string_view, 2>, 3> kDeliberate = {{
    {"CLIENT", "SETINFO"},   // 7.0.15 does not know it; Lettuce insists on OK
    {"OBJECT", "ENCODING"},  // names the forms that kimdb stores, which are not Redis'
    {"OBJECT", "REFCOUNT"},  // Redis shares small integers among keys; kimdb has no such counts
}};

}  // namespace

bool is_refused_by_one_in_transactions(const std::vector<std::string>& words) {
  const std::string name = upper(words[0]);
  // kimdb checks no passwords and writes no files while keys are locked; Redis does.
  if (name == "AUTH" || name == "CONFIG") return true;
  // Redis 7.0.15 does not know it.
  return name == "CLIENT" && words.size() > 1 && upper(words[1]) == "SETINFO";
}

bool is_deliberate_difference(const std::vector<std::string>& words) {
  return words.size() >= 2 && std::ranges::any_of(kDeliberate, [&](const auto& prefix) {
           return upper(words[0]) == prefix[0] && upper(words[1]) == prefix[1];
         });
}

StreamCommand CommandStream::next() {
  StreamCommand command;
  const std::uint64_t family = random_.below(100);
  if (family < 24) {
    command = write();
  } else if (family < 42) {
    command = read();
  } else if (family < 57) {
    command = expiry();
  } else if (family < 70) {
    command = number();
  } else if (family < 80) {
    command = keyspace();
  } else if (family < 90) {
    command = transaction();
  } else if (family < 94) {
    command = connection();
  } else if (family < 97) {
    command = server();
  } else {
    command = unknown();
  }
  if (chance(15)) spoil(command);
  if (chance(3)) command.words[0] = mixed_case(command.words[0]);
  if (is_deliberate_difference(command.words)) command.compare = Compare::nothing;
  return command;
}

// --- families ---

StreamCommand CommandStream::write() {
  switch (random_.below(13)) {
    case 0:
      return {{"SET", key(), value()}};
    case 1:
      return {{"SETNX", key(), value()}};
    case 2:
      return {{"SETEX", key(), seconds(), value()}};
    case 3:
      return {{"PSETEX", key(), milliseconds(), value()}};
    case 4:
      return {{"GETSET", key(), value()}};
    case 5:
      return {{"APPEND", key(), value()}};
    case 6:
      return {{"SETRANGE", key(), chance(3) ? integer() : small(), chance(8) ? ""s : small()}};
    case 7: {
      StreamCommand command{{pick({"MSET", "MSETNX"})}};
      for (std::uint64_t count = 1 + random_.below(4); count > 0; --count) {
        command.words.push_back(key());
        command.words.push_back(value());
      }
      return command;
    }
    case 8:
      return {{"GETDEL", key()}};
    case 9:
      return getex();
    default:
      return set_with_options();
  }
}

StreamCommand CommandStream::set_with_options() {
  StreamCommand command{{"SET", key(), value()}};
  Words& words = command.words;
  for (std::uint64_t count = random_.below(4); count > 0; --count) {
    switch (random_.below(9)) {
      case 0:
        words.insert(words.end(), {"EX", seconds()});
        break;
      case 1:
        words.insert(words.end(), {"PX", milliseconds()});
        break;
      case 2:
        words.insert(words.end(), {"EXAT", far_unix_seconds()});
        break;
      case 3:
        words.insert(words.end(), {"PXAT", far_unix_milliseconds()});
        break;
      case 4:
        words.push_back("KEEPTTL");
        break;
      case 5:
        words.push_back("GET");
        break;
      default:
        words.push_back(pick({"NX", "XX", "nx", "get", "EX", "PERSIST", "junk", ""}));
    }
  }
  return command;
}

StreamCommand CommandStream::getex() {
  StreamCommand command{{"GETEX", key()}};
  Words& words = command.words;
  for (std::uint64_t count = random_.below(3); count > 0; --count) {
    switch (random_.below(6)) {
      case 0:
        words.insert(words.end(), {"EX", seconds()});
        break;
      case 1:
        words.insert(words.end(), {"px", milliseconds()});
        break;
      case 2:
        words.insert(words.end(), {"EXAT", unix_seconds()});
        break;
      case 3:
        words.insert(words.end(), {"PXAT", unix_milliseconds()});
        break;
      default:
        words.push_back(pick({"PERSIST", "persist", "NX", "KEEPTTL", "EX"}));
    }
  }
  return command;
}

StreamCommand CommandStream::read() {
  switch (random_.below(9)) {
    case 0: {
      StreamCommand command{{pick({"MGET", "EXISTS", "TOUCH"})}};
      const Words all = keys();
      command.words.insert(command.words.end(), all.begin(), all.end());
      return command;
    }
    case 1:
      return {{"STRLEN", key()}};
    case 2:
      return {{"GETRANGE", key(), integer(), integer()}};
    case 3:
      return {{"GETRANGE", key(), small(), small()}};
    case 4:
      return {{"TYPE", key()}};
    case 5:
      return {{"OBJECT", pick({"ENCODING", "REFCOUNT", "FREQ", "nosuch"}), key()}};
    default:
      return {{"GET", key()}};
  }
}

StreamCommand CommandStream::expiry() {
  switch (random_.below(11)) {
    case 0:
      return {{"TTL", key()}, Compare::near, 2};
    case 1:
      return {{"PTTL", key()}, Compare::near, 2000};
    case 2:
      return {{"EXPIRETIME", key()}, Compare::near, 2};
    case 3:
      return {{"PEXPIRETIME", key()}, Compare::near, 2000};
    case 4:
      return {{"PERSIST", key()}};
    default:
      break;
  }
  StreamCommand command;
  switch (random_.below(4)) {
    case 0:
      command.words = {"EXPIRE", key(), seconds()};
      break;
    case 1:
      command.words = {"PEXPIRE", key(), milliseconds()};
      break;
    case 2:
      command.words = {"EXPIREAT", key(), unix_seconds()};
      break;
    default:
      command.words = {"PEXPIREAT", key(), unix_milliseconds()};
  }
  for (std::uint64_t count = random_.below(3); count > 0 && chance(2); --count) {
    command.words.push_back(pick({"NX", "XX", "GT", "LT", "gt", "lt", "junk"}));
  }
  return command;
}

StreamCommand CommandStream::number() {
  switch (random_.below(6)) {
    case 0:
      return {{"INCR", key()}};
    case 1:
      return {{"DECR", key()}};
    case 2:
      return {{"INCRBY", key(), integer()}};
    case 3:
      return {{"DECRBY", key(), integer()}};
    case 4:
      return {{"SET", key(), integer()}};
    default:
      return {{"INCRBYFLOAT", key(), decimal()}};
  }
}

StreamCommand CommandStream::keyspace() {
  switch (random_.below(12)) {
    case 0:
    case 1:
    case 2: {
      StreamCommand command{{pick({"DEL", "UNLINK"})}};
      const Words all = keys();
      command.words.insert(command.words.end(), all.begin(), all.end());
      return command;
    }
    case 3:
      return {{"RENAME", key(), key()}};
    case 4:
      return {{"RENAMENX", key(), key()}};
    case 5: {
      StreamCommand command{{"COPY", key(), key()}};
      if (chance(2)) command.words.push_back("REPLACE");
      if (chance(3)) command.words.insert(command.words.end(), {"DB", database()});
      if (chance(9)) command.words.push_back("junk");
      return command;
    }
    case 6:
      return {{"KEYS", pattern()}, Compare::sorted};
    case 7:
      return {{"DBSIZE"}};
    case 8:
      return {{"RANDOMKEY"}, Compare::shape};
    case 9:
      return scan_with_bad_options();
    case 10:
      if (!chance(8)) return {{"DBSIZE"}};
      return {{pick({"FLUSHDB", "FLUSHALL"}), pick({"SYNC", "ASYNC", "junk"})}};
    default:
      return {{"SELECT", database()}};
  }
}

// Whole iterations are compared by the test itself: cursors are the server's own business.
StreamCommand CommandStream::scan_with_bad_options() {
  switch (random_.below(5)) {
    case 0:
      return {{"SCAN", pick({"abc", "1.5", "18446744073709551616"})}};
    case 1:
      return {{"SCAN", "0", "COUNT", pick({"0", "-1", "abc", "", "9223372036854775808"})}};
    case 2:
      return {{"SCAN", "0", "MATCH"}};
    case 3:
      return {{"SCAN", "0", "junk", "1"}};
    default:
      return {{"SCAN", "0", "TYPE"}};
  }
}

StreamCommand CommandStream::transaction() {
  switch (random_.below(10)) {
    case 0:
    case 1:
    case 2:
      return {{"MULTI"}};
    case 3:
    case 4:
    case 5:
      return {{"EXEC"}};
    case 6:
      return {{"DISCARD"}};
    case 7:
      return {{"UNWATCH"}};
    default: {
      StreamCommand command{{"WATCH"}};
      const Words all = keys();
      command.words.insert(command.words.end(), all.begin(), all.end());
      return command;
    }
  }
}

StreamCommand CommandStream::connection() {
  switch (random_.below(12)) {
    case 0:
      return {{"PING"}};
    case 1:
      return {{"PING", value()}};
    case 2:
      return {{"ECHO", value()}};
    case 3:
      return {{"SELECT", database()}};
    case 4:
      return {{"CLIENT", "GETNAME"}};
    case 5:
      return {{"CLIENT", "SETNAME", pick({"a", "b", "", "with space", "line\nbreak", "ok-name"})}};
    case 6:
      return {{"CLIENT", "ID"}, Compare::shape};
    case 7:
      return {{"CLIENT", "KILL", pick({"127.0.0.1:1", "nobody", ""})}};
    case 8:
      return {{"CLIENT", "KILL", pick({"ID", "ADDR", "LADDR", "TYPE", "USER", "SKIPME", "junk"}),
               pick({"999999999", "abc", "-1", "0", "127.0.0.1:1"})}};
    case 9:
      return {{"CLIENT", pick({"nosuch", "NOSUCH", ""})}};
    case 10:
      return {{"AUTH", pick({"secret", ""})}};
    default:
      return {{"CLIENT", "SETINFO", "LIB-NAME", "x"}};
  }
}

StreamCommand CommandStream::server() {
  switch (random_.below(14)) {
    case 0:
      return {{"TIME"}, Compare::shape};
    case 1:
      return {{"LASTSAVE"}, Compare::shape};
    case 2:
      return {{"CONFIG", "GET", "no-such-parameter"}};
    case 3:
      return {{"CONFIG", "SET", "no-such-parameter", "1"}};
    case 4:
      return {{"CONFIG", pick({"nosuch", "GET", "SET"})}};
    case 5:
      return {{"COMMAND", "INFO", "no-such-command"}};
    case 6:
      return {{"COMMAND", "nosuch"}};
    case 7:
      return {{"COMMAND", "GETKEYS", "MSET", "a", "1", "b", "2"}};
    case 8:
      return {{"SLOWLOG", pick({"RESET", "nosuch"})}};
    case 9:
      return {{"SLOWLOG", "GET", pick({"-2", "abc"})}};
    case 10:
      return {{"MEMORY", "USAGE", "no-such-key"}};
    case 11:
      return {{"LATENCY", pick({"LATEST", "RESET", "nosuch"})}};
    case 12:
      return {{"PUBSUB", pick({"NUMPAT", "NUMSUB", "nosuch"})}};
    default:
      return {{"PUBLISH", channel(), value()}};
  }
}

StreamCommand CommandStream::unknown() {
  StreamCommand command{
      {pick({"NOSUCH", "nosuch", "GETT", "", "foo\r\nbar", "123", "SE", "\xff\x00"})}};
  for (std::uint64_t count = random_.below(6); count > 0; --count) {
    command.words.push_back(chance(4) ? bytes(200) : value());
  }
  return command;
}

StreamCommand CommandStream::hello() {
  switch (random_.below(10)) {
    case 0:
      return {{"HELLO", pick({"1", "4", "abc", "", "-3", "99999999999999999999"})}};
    case 1:
      return {{"HELLO", "3", "SETNAME", pick({"a", "with space"})}, Compare::shape};
    case 2:
      return {{"HELLO", "3", pick({"AUTH", "SETNAME", "junk"})}};
    case 3:
      return {{"HELLO"}, Compare::shape};
    case 4:
      return {{"RESET"}};
    default:
      return {{"HELLO", pick({"2", "3"})}, Compare::shape};
  }
}

StreamCommand CommandStream::subscriber() {
  switch (random_.below(9)) {
    case 0:
      return {{"PING"}};
    case 1:
      return {{"PING", value()}};
    case 2:
      return {{pick({"UNSUBSCRIBE", "PUNSUBSCRIBE"})}};
    case 3:
      return {{"GET", "k1"}};  // refused while subscribed in RESP2
    case 4:
      return {{"SUBSCRIBE"}};
    default:
      break;
  }
  StreamCommand command{
      {pick({"SUBSCRIBE", "SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE"})}};
  for (std::uint64_t count = 1 + random_.below(3); count > 0; --count) {
    command.words.push_back(command.words[0][0] == 'P' ? pattern() : channel());
  }
  return command;
}

StreamCommand CommandStream::publisher() {
  switch (random_.below(8)) {
    case 0:
      return {{"PUBSUB", "CHANNELS"}, Compare::sorted};
    case 1:
      return {{"PUBSUB", "CHANNELS", pattern()}, Compare::sorted};
    case 2:
      return {{"PUBSUB", "NUMSUB", channel(), channel()}};
    case 3:
      return {{"PUBSUB", "NUMPAT"}};
    default:
      return {{"PUBLISH", channel(), value()}};
  }
}

StreamCommand CommandStream::silenced() {
  switch (random_.below(9)) {
    case 0:
    case 1:
      return {{"CLIENT", "REPLY", pick({"ON", "OFF", "SKIP"})}};
    case 2:
      return {{pick({"MULTI", "EXEC", "DISCARD"})}};
    case 3:
      return {{pick({"NOSUCH", "GET", "PING"})}};
    case 4:
      return {{"SET", key(), value()}};
    case 5:
      return {{"GET", key()}};
    default:
      return subscriber();
  }
}

// --- words ---

std::string CommandStream::pick(std::initializer_list<std::string_view> choices) {
  return std::string(choices.begin()[random_.below(choices.size())]);
}

std::string CommandStream::key() {
  if (chance(12)) return pick({"", "key with space", "{tag}k", "ключ"});
  if (chance(24)) return "\x00\xff\r\n"s;
  return "k" + std::to_string(random_.below(10));
}

CommandStream::Words CommandStream::keys() {
  Words words;
  for (std::uint64_t count = 1 + random_.below(4); count > 0; --count) words.push_back(key());
  return words;
}

std::string CommandStream::value() {
  switch (random_.below(8)) {
    case 0:
      return integer();
    case 1:
      return decimal();
    case 2:
      return "";
    case 3:
      return bytes(random_.below(2000));
    case 4:
      return pick({"with space", "OK", "-ERR", "\"quoted\"", "#17 x", "$5", "*3", "line\r\nbreak"});
    default:
      return "v" + std::to_string(random_.below(1000));
  }
}

std::string CommandStream::bytes(std::size_t length) {
  std::string result(length, '\0');
  for (char& byte : result) byte = static_cast<char>(random_.next());
  return result;
}

std::string CommandStream::small() {
  return std::to_string(static_cast<std::int64_t>(random_.below(3000)) - (chance(2) ? 1500 : 0));
}

std::string CommandStream::integer() {
  if (chance(2)) return std::to_string(static_cast<std::int64_t>(random_.below(41)) - 20);
  return pick({"9223372036854775807",
               "-9223372036854775808",
               "9223372036854775808",
               "-9223372036854775809",
               "9223372036854775800",
               "-9223372036854775800",
               "2147483648",
               "4294967296",
               "536870912",
               "abc",
               "",
               " 1",
               "1 ",
               "+1",
               "01",
               "-0",
               "1.5",
               "1e3",
               "0x10",
               "0"});
}

std::string CommandStream::decimal() {
  if (chance(2)) {
    return std::to_string(static_cast<std::int64_t>(random_.below(2001)) - 1000) + "." +
           std::to_string(random_.below(1000));
  }
  return pick({"0",
               "1",
               "-1",
               "0.1",
               "-0.1",
               "3.0e3",
               "5.0e-5",
               "1e17",
               "1e-17",
               "1e400",
               "-1e400",
               "nan",
               "inf",
               "-inf",
               "Infinity",
               "abc",
               "",
               " 1",
               "1 ",
               "1.5abc",
               "123456789012345678",
               "0.30000000000000004",
               "1e30",
               ".5",
               "5.",
               "+2",
               "-0"});
}

// Relative times are long and hardly ever meet: whether one is greater than another one must not
// hang on a millisecond.
std::string CommandStream::seconds() {
  if (chance(4)) {
    return pick({"0", "-1", "-100", "abc", "", "1.5", "9223372036854775807", "-9223372036854775808",
                 "9223372036854775", "9223372036854776", "9223372036854775808"});
  }
  return std::to_string(10'000 + random_.below(1'000'000));
}

std::string CommandStream::milliseconds() {
  if (chance(4)) {
    return pick({"0", "-1", "abc", "", "9223372036854775807", "-9223372036854775808",
                 "9223372036854775808"});
  }
  return std::to_string(10'000'000 + random_.below(1'000'000'000));
}

std::string CommandStream::unix_seconds() {
  return chance(8) ? pick({"1", "1500000000"}) : far_unix_seconds();
}

std::string CommandStream::unix_milliseconds() {
  return chance(8) ? pick({"1", "1500000000000"}) : far_unix_milliseconds();
}

std::string CommandStream::far_unix_seconds() {
  if (chance(4)) {
    return pick({"0", "-1", "abc", "", "9223372036854775807", "9223372036854775",
                 "9223372036854776", "-9223372036854775808"});
  }
  return std::to_string(33'177'117'420 +
                        random_.below(3));  // the year 3021; equal ones are wanted here
}

std::string CommandStream::far_unix_milliseconds() {
  if (chance(4)) return pick({"0", "-1", "abc", "", "9223372036854775807"});
  return std::to_string(33'177'117'420'000 + 500 * random_.below(5));
}

std::string CommandStream::pattern() {
  return pick({"*", "k*", "k[1-3]", "k?", "[^k]*", "k\\1", "k[", "k[3-1]", "*[", "**", "",
               "k[^1-5]", "?", "c*", "c[12]", "*1", "\\", "k[1-", "[k]2"});
}

std::string CommandStream::channel() { return "c" + std::to_string(random_.below(4)); }

std::string CommandStream::database() {
  if (chance(5)) return pick({"15", "16", "-1", "abc", "", "99999999999999999999"});
  return std::to_string(random_.below(3));
}

std::string CommandStream::mixed_case(std::string word) {
  for (char& c : word) {
    if (chance(2)) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return word;
}

// A word too few or too many, mostly an error of arity or syntax. Not for commands where it would
// mean another command with a reply that hangs on the moment.
void CommandStream::spoil(StreamCommand& command) {
  const std::string& name = command.words[0];
  if (name == "CLIENT" || name == "SCAN" || name == "COMMAND") return;
  if (chance(2) && command.words.size() > 1) {
    command.words.pop_back();
  } else {
    command.words.push_back(value());
  }
}

}  // namespace kimdb::support
