// What changes in collections, as it is committed, in the order of the log: for whoever wants to be
// told. It hangs on the log, not on the commands, so a change comes through whichever way it was
// made, on a slave as on a master, and a subscriber that names the position it has gets what came
// after, none twice and none left out.
//
// A thread of its own reads the log as long as somebody has subscribed; each frame is decoded once.
// Subscribers that begin further back are led along by a reader of their own until they are as far
// as the others. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/lsn.h"
#include "base/mutex.h"
#include "base/result.h"
#include "database/client_position.h"
#include "wal/reader.h"

namespace kimdb::database {

class Database;

// Behind a change. A record that changes a collection several times has a position behind each of
// these changes: <term>-<lsn>.<changes seen>, and <term>-<lsn> behind the last one.
struct FeedPosition {
  ClientPosition position;
  std::uint32_t changes = 0;  // of that record that were seen; 0: all
};
std::string to_string(const FeedPosition& position);
std::optional<FeedPosition> parse_feed_position(std::string_view text);

struct DocumentChange {
  enum class Kind { insert, update, remove } kind = Kind::insert;
  std::string id;
  FeedPosition position;
  std::int64_t time_ms = 0;   // Unix, of the commit
  std::uint64_t version = 0;  // none of one that was removed
  std::string document;       // as it is shown; none of one that was removed
};
using DocumentChanges = std::vector<DocumentChange>;  // of one collection, in order

class ChangeReceiver {
 public:
  virtual ~ChangeReceiver() = default;
  // On the feed's thread, without locks; must not block. Shared by all receivers.
  virtual void deliver_changes(std::shared_ptr<const DocumentChanges> changes) = 0;
  // Nothing more comes: the log does not reach back to the position, or cannot be read.
  virtual void feed_lost(const Error& why) = 0;
};

class ChangeFeed {
 public:
  explicit ChangeFeed(Database& database);
  ~ChangeFeed();

  // The receiver gets every change of the collection behind `since`, of what is committed from now
  // on where there is none; gives the position that it begins behind. An error where the log's
  // history does not contain `since`, or there is no log.
  Result<FeedPosition> subscribe(std::string_view collection,
                                 const std::optional<FeedPosition>& since,
                                 const std::shared_ptr<ChangeReceiver>& receiver);
  // Nothing is delivered any more but what is on its way.
  void unsubscribe(const ChangeReceiver* receiver);
  // More is committed. Any thread, often.
  void wake();

 private:
  struct Subscriber {
    std::string collection;
    std::weak_ptr<ChangeReceiver> receiver;
    const ChangeReceiver* key = nullptr;
    Lsn after = 0;                      // it has what came up to here,
    std::uint32_t changes = 0;          // and so many changes of the record behind it
    std::optional<wal::Reader> reader;  // where it is behind the others
  };
  using Subscribers = std::vector<std::shared_ptr<Subscriber>>;
  using ByCollection = std::map<std::string, std::shared_ptr<DocumentChanges>, std::less<>>;

  void run();
  Subscribers current();
  Lsn limit() const;
  // Reads some frames; false where there was none. An error: the log cannot be read.
  Result<bool> read(wal::Reader& reader, Lsn limit, std::string_view only, ByCollection& changes);
  Status add_changes(Lsn lsn, std::uint64_t term, std::int64_t time_ms, std::string_view record,
                     std::string_view only, ByCollection& changes);
  bool read_for_all(Lsn limit);
  bool lead_along(Subscriber& subscriber);
  static void deliver(Subscriber& subscriber, const std::shared_ptr<DocumentChanges>& changes);
  void lose(const Subscriber& subscriber, const Error& why);
  bool lose_all(const Error& why);

  Database& database_;
  // The thread's own:
  std::optional<wal::Reader> reader_;
  Lsn reader_at_ = 0;  // what it has read is position_, as long as they are equal

  Mutex mutex_;
  CondVar changed_;
  Subscribers subscribers_ GUARDED_BY(mutex_);
  Lsn position_ GUARDED_BY(mutex_) = 0;         // what those without a reader have got
  std::uint64_t round_ GUARDED_BY(mutex_) = 0;  // counts how often there was a first subscriber
  bool woken_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> waits_{false};  // wake() has somebody to wake
  std::thread thread_;
};

}  // namespace kimdb::database
