// Random commands that Redis 7.0.15 and kimdb must answer alike, drawn from one seed; and how far
// alike, for the few replies that depend on time, on the hash order or on connection ids.
//
// Only commands of docs/commands.md with replies that follow from what was sent. Nothing that
// blocks or stops a server.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace kimdb::support {

enum class Compare {
  bytes,
  sorted,   // an array in any order
  near,     // an integer, off by at most StreamCommand::tolerance; negative ones exactly
  shape,    // the same types and lengths, whatever the values
  nothing,  // a deliberate difference
};

struct StreamCommand {
  std::vector<std::string> words;
  Compare compare = Compare::bytes;
  std::int64_t tolerance = 0;
};

class CommandStream {
 public:
  explicit CommandStream(std::uint64_t seed) : random_(seed) {}

  SeededRandom& random() { return random_; }

  // Any command with exactly one reply: on keys, transactions, the connection, the server; right
  // ones and wrong ones.
  StreamCommand next();
  // Changes the framing of the connection: HELLO in all its forms.
  StreamCommand hello();
  // SUBSCRIBE and its like (any number of replies), PING and commands that a subscriber may not
  // send.
  StreamCommand subscriber();
  StreamCommand publisher();
  // What one who has CLIENT REPLY changed now and then might send.
  StreamCommand silenced();

 private:
  using Words = std::vector<std::string>;

  StreamCommand write();
  StreamCommand read();
  StreamCommand expiry();
  StreamCommand number();
  StreamCommand keyspace();
  StreamCommand transaction();
  StreamCommand connection();
  StreamCommand server();
  StreamCommand unknown();
  StreamCommand scan_with_bad_options();
  StreamCommand set_with_options();
  StreamCommand getex();

  std::string key();
  Words keys();
  std::string value();
  std::string integer();
  std::string small();
  std::string decimal();
  std::string seconds();  // a time from now, or a wrong one
  std::string milliseconds();
  std::string unix_seconds();  // far in the future, or past, or wrong
  std::string unix_milliseconds();
  // Not past: Redis keeps a key that SET gives a past time, and counts it, until it next looks at
  // it.
  std::string far_unix_seconds();
  std::string far_unix_milliseconds();
  std::string pattern();
  std::string channel();
  std::string database();
  std::string bytes(std::size_t length);
  std::string mixed_case(std::string word);
  void spoil(StreamCommand& command);

  bool chance(std::uint64_t one_in) { return random_.below(one_in) == 0; }
  std::string pick(std::initializer_list<std::string_view> choices);

  SeededRandom random_;
};

// Where kimdb answers otherwise than Redis on purpose. The list for people, with the reasons, is
// docs/redis.md.
bool is_deliberate_difference(const std::vector<std::string>& words);
// True where one of the two refuses to queue it, which fails the transaction, and the other does
// not.
bool is_refused_by_one_in_transactions(const std::vector<std::string>& words);

}  // namespace kimdb::support
