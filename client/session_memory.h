// What a connection has become by the commands that were sent over it: what a new connection must
// be told again, and what is lost with the old one. Pure; owned by ClientState. Not installed.
//
// A transaction that was lost with its connection is remembered, too. What the caller sends next
// was meant for inside it and must not be executed by itself: every command is refused until one
// shows that the caller knows of no transaction any more (ROLLBACK, DISCARD) or begins anew (BEGIN,
// MULTI). COMMIT and EXEC are refused as well and end it.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/reply_reader.h"

namespace kimdb::client {

class SessionMemory {
 public:
  // True where consider() or note() has anything to do with this command; cheaper than taking it
  // apart.
  bool is_of_interest(std::string_view name) const;

  // What to do with a command that is, before it is sent.
  enum class Verdict {
    send,
    done,     // the answer is OK: there is nothing left to end
    refused,  // `why` says why
  };
  Verdict consider(std::span<const std::string_view> words, Error& why);
  // Call with every answered command that is of interest.
  void note(std::span<const std::string_view> words, const protocol::Value& reply);
  // Of a command that is not sent because one before it was refused or not answered.
  void note_not_sent(std::span<const std::string_view> words);
  // A command was answered over this connection.
  void note_use() { used_ = true; }

  // The connection is gone: with it transactions, watched keys and monitoring.
  void connection_lost();
  // Whether the command ends the transaction that was lost, as its loss has done: then it is
  // forgotten.
  bool is_ended_by(std::span<const std::string_view> words);
  // What the loss means for a command that may have been sent, to be told behind why it is lost.
  std::string tell_loss(std::span<const std::string_view> words);
  void forget_loss() { transaction_lost_ = watch_lost_ = loss_told_ = false; }
  void forget_subscriptions();

  // How many pushes the server answers this command with instead of a reply; 0 for all but the
  // SUBSCRIBE family.
  std::size_t confirmations(std::span<const std::string_view> words) const;

  bool in_transaction() const { return in_multi_ || in_sql_; }
  bool transaction_lost() const { return transaction_lost_; }
  // Commands mean something else on a new connection: they must not be sent again there.
  bool is_bound() const { return in_transaction() || watching_; }
  bool monitoring() const { return monitoring_; }
  // RESET or QUIT: the connection is not to be used any more.
  bool ended() const { return ended_; }

  int keyspace() const { return keyspace_; }
  const std::set<std::string, std::less<>>& channels() const { return channels_; }
  const std::set<std::string, std::less<>>& patterns() const { return patterns_; }
  // DOC WATCH: collections and their filters.
  const std::map<std::string, std::optional<std::string>, std::less<>>& watches() const {
    return watches_;
  }
  bool has_subscriptions() const {
    return monitoring_ || !channels_.empty() || !patterns_.empty() || !watches_.empty();
  }
  bool has_login() const { return has_login_; }
  const std::string& user() const { return user_; }
  const std::string& password() const { return password_; }
  // CLIENT SETNAME; nothing: as the options say.
  const std::optional<std::string>& name() const { return name_; }

 private:
  Verdict consider_lost_transaction(std::span<const std::string_view> words, Error& why);
  Verdict consider_lost_watch(std::span<const std::string_view> words, Error& why);
  Verdict consider_new_connection(std::span<const std::string_view> words, Error& why);
  void note_executed(const protocol::Value& results);
  void note_statement(std::string_view verb, const protocol::Value& reply);
  void note_hello(std::span<const std::string_view> words);
  void note_login(std::string_view user, std::string_view password);
  void note_subscription(std::string_view name, std::span<const std::string_view> names);
  void note_document_watch(std::span<const std::string_view> words);

  bool in_multi_ = false;
  bool in_sql_ = false;
  bool watching_ = false;
  bool monitoring_ = false;
  bool ended_ = false;
  // Inside MULTI: what was queued; empty for what changes nothing here.
  std::vector<std::vector<std::string>> queued_;

  bool transaction_lost_ = false;
  bool watch_lost_ = false;
  bool loss_told_ = false;

  bool used_ = false;          // something was answered over this connection
  bool position_new_ = false;  // and over one before, of which POSITION and WAIT know nothing now
  bool row_id_new_ = false;    // nor last_insert_rowid()

  int keyspace_ = 0;
  std::set<std::string, std::less<>> channels_;
  std::set<std::string, std::less<>> patterns_;
  std::map<std::string, std::optional<std::string>, std::less<>> watches_;
  bool has_login_ = false;  // by AUTH or HELLO, other than the options say
  std::string user_;
  std::string password_;
  std::optional<std::string> name_;
};

}  // namespace kimdb::client
