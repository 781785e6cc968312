// What changes in collections, as it is committed, in the order of the log: for whoever wants to be
// told. It hangs on the log, not on the commands, so a change comes through whichever way it was
// made, on a slave as on a master, and a reader that names the position it has gets what came
// after, none twice and none left out.
//
// Readers take batches at their own pace. A thread reads the log as long as there are readers; each
// frame is read once, and what was read last is kept for all of them. Who is further behind than
// that (who began with an old position, or was slow) is led along: his part of the log is read once
// he asks for it, so he costs a megabyte or two however slow he is. Thread-safe, but a ChangeReader
// is used by one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/lsn.h"
#include "base/mutex.h"
#include "base/result.h"
#include "database/client_position.h"
#include "engine/document.h"
#include "wal/reader.h"

namespace kimdb::database {

class Database;
class ChangeFeed;

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
  FeedPosition position;     // in its collection
  std::int64_t time_ms = 0;  // Unix, of the commit
  std::string key;           // collection and id
  std::string value;         // as it is stored; none of one that was removed

  std::string_view collection() const { return engine::split_document_key(key).collection; }
  std::string_view id() const { return engine::split_document_key(key).id; }
};

// insert, update, delete
std::string_view event_name(DocumentChange::Kind kind);

// What some frames of the log changed in collections, in order.
struct ChangeBatch {
  Lsn after = 0;  // it follows on this LSN,
  Lsn end = 0;    // and ends with this one
  std::vector<DocumentChange> changes;
  std::size_t bytes = 0;
  std::size_t log_bytes = 0;  // that were read for it
};
using ChangeBatchPointer = std::shared_ptr<const ChangeBatch>;

// How far somebody has seen the changes of a collection.
class ChangesSeen {
 public:
  ChangesSeen(Lsn after, std::uint32_t changes) : after_(after), changes_(changes) {}

  // Whether this change of the collection comes behind what was taken.
  bool is_new(const DocumentChange& change) const;
  // All of a batch, or of its collection's changes those up to this one.
  void take(const ChangeBatch& batch);
  void take(const DocumentChange& change);
  void skip_to(Lsn lsn);
  bool is_at(const ChangeBatch& batch) const { return batch.after == after_ && changes_ == 0; }
  Lsn after() const { return after_; }

 private:
  Lsn after_;
  std::uint32_t changes_;  // and so many changes of the record behind it
};

// One who follows the changes of a collection.
class ChangeReader {
 public:
  ~ChangeReader();
  ChangeReader(const ChangeReader&) = delete;
  ChangeReader& operator=(const ChangeReader&) = delete;

  // What comes next; null: nothing yet, the listener will be told. It may hold what was taken
  // before: is_new() says. An error is for good: the log cannot be read, or holds other things now.
  Result<ChangeBatchPointer> next();
  bool is_new(const DocumentChange& change) const { return seen_.is_new(change); }
  void take(const ChangeBatch& batch) { seen_.take(batch); }
  void take(const DocumentChange& change) { seen_.take(change); }
  // What was committed up to here has been seen elsewhere.
  void skip_to(Lsn lsn) { seen_.skip_to(lsn); }
  // The batch follows on what was taken: all of it is new.
  bool is_at(const ChangeBatch& batch) const { return seen_.is_at(batch); }
  // Everything up to here has been taken.
  Lsn after() const { return seen_.after(); }
  const FeedPosition& begin() const { return begin_; }

 private:
  friend class ChangeFeed;
  ChangeReader(ChangeFeed& feed, FeedPosition begin, Lsn after)
      : feed_(feed), begin_(begin), seen_(after, begin.changes) {}

  ChangeFeed& feed_;
  const FeedPosition begin_;
  ChangesSeen seen_;
};

// Some of a collection's changes, and where they end.
struct CollectedChanges {
  std::vector<DocumentChange> changes;
  FeedPosition position;
  bool more = false;  // of what was committed when they were asked for
};

// Told that its readers may find something, on the feed's thread, under its lock: must neither
// block nor call the feed. Outlives its readers.
class ChangeListener {
 public:
  virtual void changes_ready() = 0;

 protected:
  ~ChangeListener() = default;
};

class ChangeFeed {
 public:
  explicit ChangeFeed(Database& database);
  ~ChangeFeed() { stop(); }
  // Nothing is read any more.
  void stop();

  // Gets every change behind `since`; of what is committed from now on where there is none. An
  // error where the log does not hold what came behind `since`, or there is no log.
  Result<std::unique_ptr<ChangeReader>> subscribe(const std::optional<FeedPosition>& since,
                                                  ChangeListener& listener);
  // What changed in a collection behind `since`, at most so many of them; about `bytes_max` of
  // them. Reads the log, some 32 MB of it at most: not for I/O threads. Errors as subscribe() has
  // them.
  Result<CollectedChanges> collect(std::string_view collection, const FeedPosition& since,
                                   std::size_t changes_max, std::size_t bytes_max);
  // Where what is committed now ends.
  Result<FeedPosition> end() const;
  // More is committed. Any thread, often.
  void wake();
  // Changes what lies in the log behind what is committed; nobody reads it meanwhile.
  template <class Change>
  auto exclude(Change&& change) {
    MutexLock reading(reading_);
    reopen();
    return std::forward<Change>(change)();
  }
  // What the log holds does not follow on what the readers have.
  void lose_all(const Error& why);

 private:
  friend class ChangeReader;

  struct Place {
    ChangeListener* listener = nullptr;
    std::optional<Error> lost;
    // What it is led along by, where it is behind what is kept for all:
    std::optional<Lsn> wants_behind;
    ChangeBatchPointer part;
    std::optional<wal::Reader> log;
  };

  void run();
  Lsn limit() const;
  Status check(const FeedPosition& since) const;
  bool read_for_all(Lsn limit);
  bool lead_along(Lsn limit);
  bool lead_along(const ChangeReader* reader, Lsn limit);
  // Reads some frames, what lies behind `after` in them; a batch that ends at 0 where there was
  // none.
  static Result<ChangeBatch> read(wal::Reader& log, Lsn after, Lsn limit);
  Result<ChangeBatchPointer> next(const ChangeReader& reader);
  void leave(const ChangeReader* reader);
  void keep(ChangeBatch batch) REQUIRES(mutex_);
  void tell_listeners() REQUIRES(mutex_);
  void reopen() REQUIRES(reading_);

  Database& database_;

  const ChangeReader* led_last_ = nullptr;  // the thread's; only compared

  Mutex reading_;  // held while the log is read; before mutex_
  std::optional<wal::Reader> log_ GUARDED_BY(reading_);
  Lsn log_at_ GUARDED_BY(reading_) = 0;  // what it has read is position_, while they are equal

  Mutex mutex_;
  CondVar changed_;
  std::map<const ChangeReader*, Place> places_ GUARDED_BY(mutex_);
  std::map<ChangeListener*, std::size_t> listeners_
      GUARDED_BY(mutex_);                                   // and how many readers they have
  std::deque<ChangeBatchPointer> kept_ GUARDED_BY(mutex_);  // one follows on the other
  std::size_t kept_bytes_ GUARDED_BY(mutex_) = 0;
  Lsn position_ GUARDED_BY(mutex_) = 0;         // where kept_ ends
  std::uint64_t round_ GUARDED_BY(mutex_) = 0;  // counts how often there was a first reader
  std::atomic<std::uint64_t> cuts_{0};  // counts calls of exclude(); changes under both locks
  bool woken_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> waits_{false};  // wake() has somebody to wake
  std::thread thread_;
};

}  // namespace kimdb::database
