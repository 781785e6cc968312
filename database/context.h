// What a command's handler sees: its words, the state under the locks it was given, and its reply.
//
// A handler of a kWrite command runs with its keys' partitions locked. It reads with find(), says
// what shall change with put(), remove(), …, and builds its reply; Database turns the changes into
// one record of the log and applies them after the handler has returned. Where there may be many
// (a transaction, MSET), they are applied at once, so that whoever looks next sees them, and get
// their LSN at the end. A handler that has written an error must not have asked for changes.
#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <forward_list>
#include <string>
#include <string_view>

#include "base/lsn.h"
#include "base/mutex.h"
#include "database/command.h"
#include "database/session.h"
#include "engine/engine.h"
#include "protocol/reply_writer.h"

namespace kimdb::database {

class Database;
namespace sql {
struct Transaction;
}

class Context {
 public:
  Context(Database& db, Session& its_session, const CommandRow& its_row, Words its_words,
          protocol::ReplyWriter& writer, std::int64_t now)
      : database(db),
        session(its_session),
        row(&its_row),
        words(its_words),
        reply(writer),
        now_ms(now) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Database& database;
  Session& session;
  const CommandRow* row;
  Words words;  // words[0] is the name as typed
  protocol::ReplyWriter& reply;
  const std::int64_t now_ms;  // Unix ms, the same for the whole command
  // The rest of the reply may be left in the session (ReplyStream).
  bool may_leave_rest = false;
  // Of a command that has a Prepare.
  const Prepared* prepared = nullptr;

  // The live (not expired) entry under the key in the session's keyspace, or null. Valid until the
  // next change; the partition must be locked (kRead and kWrite commands: their keys' are). What
  // was seen counts for depends_on.
  const engine::Entry* find(std::string_view key);
  const engine::Entry* find(std::uint8_t keyspace, std::string_view key);

  void put(std::string_view key, std::string_view value, std::int64_t expires_at = 0) {
    put(session.keyspace, key, value, expires_at);
  }
  void put(std::uint8_t keyspace, std::string_view key, std::string_view value,
           std::int64_t expires_at);
  void remove(std::string_view key) {
    remove(session.keyspace, key, engine::RemoveReason::command);
  }
  void remove(std::uint8_t keyspace, std::string_view key, engine::RemoveReason reason);
  void set_expiry(std::string_view key, std::int64_t expires_at);  // 0: never
  void write_range(std::string_view key, std::uint64_t offset, std::string_view bytes);
  void flush(std::uint8_t keyspace);  // engine::kEveryKeyspace: all

  // What is asked for from now on is applied before the next look at the state. For commands that
  // change any number of keys, some of them twice.
  void apply_at_once() { at_once_ = true; }
  // Takes room in the record for `bytes` that are no words of the request: a copied value, say.
  // Where there is none, false, and the reply is an error.
  bool take_room(std::size_t bytes);
  // The same, and nothing is replied.
  bool try_room(std::size_t bytes) {
    if (bytes > room_) return false;
    room_ -= bytes;
    return true;
  }

  // Keeps a string until the changes are in the log; the views given to put() must live as long.
  std::string_view keep(std::string text) { return kept_.emplace_front(std::move(text)); }

  // The session's BEGIN … COMMIT, in whose state find() looks; null: none is open.
  sql::Transaction* transaction() const { return transaction_; }

  // Every partition is locked by this command (a transaction): a handler must not lock one itself.
  bool holds_locks() const { return holds_all_; }
  // Whether the request carries ID, and so leaves a record whatever it does.
  bool numbered() const { return !client_.empty(); }

  // Runs visit(partition) with the partition's lock, taken here unless the command holds all of
  // them.
  template <class Visit>
  void with_partition(std::size_t index, Visit&& visit) NO_THREAD_SAFETY_ANALYSIS;

  // The connection is closed once the reply is sent.
  void close() { close_ = true; }

  // The reply shows what was true at this LSN: it may be sent once that is committed.
  // What this record itself did says nothing: its own LSN is added when it is drawn.
  void depends_on(Lsn lsn) {
    if (lsn != engine::kOwnRecord) depends_on_ = std::max(depends_on_, lsn);
  }

 private:
  friend class Database;

  engine::Partition& partition_at(std::size_t index);
  const engine::Entry* find_in_transaction(std::uint8_t keyspace, std::string_view key);
  // What the transaction's view shows under the key, whose partition is locked.
  const engine::Entry* entry_in_view(std::uint8_t keyspace, std::string_view key);
  // Applies what is not yet, as kOwnRecord: it waits for its LSN. In a transaction, to that.
  void apply_pending();
  engine::Operation& add(engine::OperationKind kind, std::uint8_t keyspace, std::string_view key);
  std::uint64_t hash_of(std::string_view key);
  void set_hash(std::string_view key, std::uint64_t hash) {
    hashed_key_ = key;
    hash_ = hash;
  }

  boost::container::small_vector<engine::Operation, 2> operations_;
  std::size_t applied_ = 0;  // of the operations
  std::size_t room_ = 0;     // bytes that the record may have beyond those of the request
  sql::Transaction* transaction_ = nullptr;
  bool at_once_ = false;
  bool holds_all_ = false;  // every partition is locked
  bool committed_ = false;  // nothing is left for the dispatcher to commit
  bool close_ = false;
  bool found_ = false;       // find() has found an entry
  std::string_view client_;  // of a numbered write (ID client sequence), empty: none
  std::uint64_t sequence_ = 0;
  Lsn depends_on_ = 0;
  // The last key hashed, by address: keys are words of the request, which stay where they are.
  std::string_view hashed_key_;
  std::uint64_t hash_ = 0;
  std::forward_list<std::string> kept_;
};

// Whether all partitions are held is known only at run time, which the analysis cannot follow.
template <class Visit>
void Context::with_partition(std::size_t index, Visit&& visit) {
  engine::Partition& partition = partition_at(index);
  if (!holds_all_) partition.mutex().lock();
  visit(partition);
  if (!holds_all_) partition.mutex().unlock();
}

}  // namespace kimdb::database
