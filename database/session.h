// A session: what Database remembers of one connection (or of one user of the embedded library)
// between commands.
//
// Owned by whoever speaks to the client; used by one thread at a time. The few fields that others
// look at (SHOW PROCESSLIST) are in SessionInfo, which is thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/lsn.h"
#include "base/mutex.h"
#include "database/prepared.h"
#include "database/reply_stream.h"
#include "database/rights.h"
#include "protocol/reply_writer.h"
#include "protocol/request.h"

namespace kimdb::database {

class ChangeListener;
class CollectionWatch;
struct CommandRow;

// What other sessions may see. The server keeps one for each connection in its list; thread-safe.
struct SessionInfo {
  std::uint64_t id = 0;
  std::string address;               // of the client, "127.0.0.1:53412"; set once
  std::string local_address;         // set once
  std::int64_t connected_at_ms = 0;  // Unix ms; set once

  enum class Protocol : std::uint8_t { tcp, http, websocket, events };
  std::atomic<Protocol> protocol{Protocol::tcp};
  std::atomic<const CommandRow*> last_command{nullptr};
  std::atomic<std::int64_t> last_active_ms{0};  // Unix ms
  std::atomic<bool> executing{false};
  std::atomic<std::uint64_t> commands{0};
  std::atomic<std::uint8_t> keyspace{0};
  std::atomic<std::uint8_t> resp_version{2};
  std::atomic<std::uint32_t> channels{0};
  std::atomic<std::uint32_t> patterns{0};
  std::atomic<std::int32_t> queued{-1};  // commands queued by MULTI; -1: no transaction
  std::atomic<bool> monitor{false};
  std::atomic<std::size_t> output_bytes{0};
  std::atomic<bool> closed{false};  // nobody waits for what it executes

  std::string name() const {
    MutexLock lock(mutex_);
    return name_;
  }
  std::string user() const {
    MutexLock lock(mutex_);
    return user_;
  }
  void set_name(std::string_view name) {
    MutexLock lock(mutex_);
    name_ = name;
  }
  void set_user(std::string_view user) {
    MutexLock lock(mutex_);
    user_ = user;
  }

 private:
  mutable Mutex mutex_;
  std::string name_ GUARDED_BY(mutex_);
  std::string user_ GUARDED_BY(mutex_) = "default";
};

// An event for sessions that subscribed: a published message, or a line of MONITOR. Shared by all
// receivers.
struct Event {
  enum class Kind { message, pattern_message, monitor } kind = Kind::message;
  std::string channel;
  std::string payload;
};

// Where events for a session go. deliver() is thread-safe and never blocks; it is called without
// locks of Database except the hub's.
class EventReceiver {
 public:
  virtual ~EventReceiver() = default;
  // Told when there are changes of what the session watches.
  virtual ChangeListener& change_listener() = 0;
  virtual void deliver(std::shared_ptr<const Event> event,
                       std::shared_ptr<const std::string> pattern) = 0;
};

// A command waiting for EXEC, its words owned.
struct QueuedCommand {
  const CommandRow* row = nullptr;
  std::vector<std::string> words;
  Prepared prepared;
};

struct WatchedKey {
  std::uint8_t keyspace = 0;
  std::string key;
  Lsn lsn = 0;           // of the entry; 0 where there was none
  Lsn last_removed = 0;  // the partition's, where there was none
};

namespace sql {
struct Transaction;
}

// What last_insert_rowid(), changes() and total_changes() say in SQL.
struct SqlCounts {
  std::int64_t last_number = 0;
  std::int64_t changes = 0;
  std::int64_t total_changes = 0;
};

struct Session {
  explicit Session(SessionInfo& session_info) : info(session_info) {}

  SessionInfo& info;
  EventReceiver* receiver = nullptr;  // null: cannot subscribe

  std::uint8_t keyspace = 0;
  Rights rights{Role::admin, {}};
  bool authenticated = false;
  std::int64_t expires_at_ms = 0;  // Unix ms, of the login; 0: never
  std::string peer_host;           // for slowing down password guessing
  protocol::Format line_format = protocol::Format::text;
  protocol::Format resp_format = protocol::Format::resp2;

  bool in_transaction = false;
  bool transaction_failed = false;  // a command was refused while queueing
  std::vector<QueuedCommand> queue;
  std::size_t queued_bytes = 0;
  std::vector<WatchedKey> watched;

  // Requests know nothing of each other (HTTP): no transaction is begun.
  bool stateless = false;
  // BEGIN … COMMIT of SQL; null: none is open.
  std::shared_ptr<sql::Transaction> sql_transaction;
  SqlCounts sql_counts;

  // The highest LSN that it has written, or was shown.
  Lsn last_lsn = 0;
  std::uint32_t last_epoch = 0;  // Database::epoch() then: in another one that LSN means nothing

  std::set<std::string, std::less<>> channels;
  std::set<std::string, std::less<>> patterns;
  bool monitor = false;

  // Whoever serves it asks for the rest of a long reply; else replies are whole.
  bool takes_rest = false;
  bool streams_lists = false;         // CLIENT STREAM: a long list comes without its length
  std::unique_ptr<ReplyStream> rest;  // of the reply to the last command; null: nothing

  // CLIENT REPLY
  enum class Replies { on, off, skip_next, skip_this } replies = Replies::on;
  // Of the command that runs while there are no replies: events that come all the same, neutral.
  std::string told_in_silence;

  protocol::Format format(protocol::Framing framing) const {
    return framing == protocol::Framing::line ? line_format : resp_format;
  }
  void log_in(Identity identity);
  // As before any login, where everybody may do everything unless there is one.
  void log_out(bool auth_enabled);
  bool login_has_expired(std::int64_t now_ms) const {
    return expires_at_ms != 0 && now_ms >= expires_at_ms;
  }
  bool may_read(std::string_view collection) const {
    return rights.access_to(collection) >= Access::read;
  }
  bool subscribed() const { return !channels.empty() || !patterns.empty(); }
  // DOC WATCH: by collection.
  std::map<std::string, std::shared_ptr<CollectionWatch>, std::less<>> watches;
};

}  // namespace kimdb::database
