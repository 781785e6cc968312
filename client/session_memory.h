// What a connection has become by the commands that were sent over it: what a new connection must
// be told again, and what is lost with the old one. Pure; owned by ClientState. Not installed.
#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "protocol/reply_reader.h"

namespace kimdb::client {

class SessionMemory {
 public:
  // True where note() has anything to learn from this command; cheaper than taking it apart.
  static bool is_of_interest(std::string_view name);
  // Call with every answered command that is.
  void note(std::span<const std::string_view> words, const protocol::Value& reply);

  // The connection is gone: with it transactions, watched keys and monitoring.
  void connection_lost();
  void forget_subscriptions();

  // How many pushes the server answers this command with instead of a reply; 0 for all but the
  // SUBSCRIBE family.
  std::size_t confirmations(std::span<const std::string_view> words) const;

  bool in_transaction() const { return in_transaction_; }
  // Commands mean something else on a new connection: they must not be sent again there.
  bool is_bound() const { return in_transaction_ || watching_; }
  bool monitoring() const { return monitoring_; }
  // RESET or QUIT: the connection is not to be used any more.
  bool ended() const { return ended_; }

  int keyspace() const { return keyspace_; }
  const std::set<std::string, std::less<>>& channels() const { return channels_; }
  const std::set<std::string, std::less<>>& patterns() const { return patterns_; }
  bool has_login() const { return has_login_; }
  const std::string& user() const { return user_; }
  const std::string& password() const { return password_; }

 private:
  void note_login(std::span<const std::string_view> words);
  void note_subscription(std::string_view name, std::span<const std::string_view> names);

  bool in_transaction_ = false;
  bool watching_ = false;
  bool monitoring_ = false;
  bool ended_ = false;
  int keyspace_ = 0;
  std::set<std::string, std::less<>> channels_;
  std::set<std::string, std::less<>> patterns_;
  bool has_login_ = false;  // by AUTH or HELLO, other than the options say
  std::string user_;
  std::string password_;
};

}  // namespace kimdb::client
