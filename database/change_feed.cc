#include "database/change_feed.h"

#include <pthread.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "database/database.h"
#include "engine/document.h"
#include "engine/mutation.h"

namespace kimdb::database {

namespace {

constexpr int kFramesAtOnce = 64;
constexpr std::size_t kBytesAtOnce = 1 << 20;

bool is_behind(const FeedPosition& position, Lsn after, std::uint32_t changes) {
  const Lsn lsn = position.position.lsn;
  if (lsn != after + 1 || changes == 0) return lsn > after;
  // Of the record that was seen in part: the last change has no number.
  return position.changes == 0 || position.changes > changes;
}

}  // namespace

std::string to_string(const FeedPosition& position) {
  std::string text = to_string(position.position);
  if (position.changes != 0) text += "." + std::to_string(position.changes);
  return text;
}

std::optional<FeedPosition> parse_feed_position(std::string_view text) {
  const std::size_t dot = text.find('.');
  const auto position = parse_client_position(text.substr(0, dot));
  if (!position) return std::nullopt;
  FeedPosition result{*position, 0};
  if (dot == std::string_view::npos) return result;
  const auto [end, error] =
      std::from_chars(text.data() + dot + 1, text.data() + text.size(), result.changes);
  if (error != std::errc() || end != text.data() + text.size() || result.changes == 0)
    return std::nullopt;
  return result;
}

ChangeFeed::ChangeFeed(Database& database) : database_(database) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "kimdb-feed");
    run();
  });
}

ChangeFeed::~ChangeFeed() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

// What is committed and can be read.
Lsn ChangeFeed::limit() const {
  const wal::Log& log = database_.log();
  return std::min(log.committed_lsn(), log.written_lsn());
}

Result<FeedPosition> ChangeFeed::subscribe(std::string_view collection,
                                           const std::optional<FeedPosition>& since,
                                           const std::shared_ptr<ChangeReceiver>& receiver) {
  if (database_.directory() == nullptr)
    return Error{ErrorCode::unsupported, "changes are read from the log: set wal.enabled"};
  const auto history = database_.directory()->meta().history;
  auto subscriber = std::make_shared<Subscriber>();
  subscriber->collection = collection;
  subscriber->receiver = receiver;
  subscriber->key = receiver.get();
  FeedPosition begin;
  if (since) {
    // A record that was seen in part comes again.
    begin = *since;
    subscriber->after = since->position.lsn - (since->changes != 0 ? 1 : 0);
    subscriber->changes = since->changes;
    if (has_reached(history, limit(), since->position) != Reached::yes)
      return Error{ErrorCode::not_found,
                   "this server's history does not contain that position, or not yet"};
  }
  MutexLock lock(mutex_);
  const Lsn now = limit();
  if (!since) {
    subscriber->after = now;
    const auto position = position_of(history, now);
    if (!position) return Error{ErrorCode::not_found, "the history is unknown"};
    begin.position = *position;
  }
  const bool is_first = subscribers_.empty();
  if (since && (is_first || subscriber->after < position_)) {
    auto reader = wal::Reader::open(*database_.directory(), subscriber->after);
    if (!reader) return std::move(reader).error();
    if (!is_first) subscriber->reader = std::move(*reader);
  }
  if (is_first) {
    position_ = subscriber->after;
    ++round_;
  }
  subscribers_.push_back(std::move(subscriber));
  woken_ = true;
  changed_.notify_all();
  return begin;
}

void ChangeFeed::unsubscribe(const ChangeReceiver* receiver) {
  MutexLock lock(mutex_);
  std::erase_if(subscribers_, [&](const auto& each) { return each->key == receiver; });
}

void ChangeFeed::wake() {
  if (!waits_.load(std::memory_order_seq_cst)) return;
  MutexLock lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

ChangeFeed::Subscribers ChangeFeed::current() {
  MutexLock lock(mutex_);
  return subscribers_;
}

void ChangeFeed::run() {
  for (;;) {
    const Lsn seen = current().empty() ? 0 : limit();
    bool progress = read_for_all(seen);
    for (const auto& subscriber : current())
      if (subscriber->reader) progress |= lead_along(*subscriber);

    MutexLock lock(mutex_);
    if (stopping_) return;
    if (progress) continue;
    // Without subscribers nobody has to wake this at each commit.
    waits_.store(!subscribers_.empty(), std::memory_order_seq_cst);
    // It may have become more before anybody could see that somebody waits.
    while (!woken_ && !stopping_ && (subscribers_.empty() || limit() <= seen))
      changed_.wait(mutex_);
    waits_.store(false, std::memory_order_seq_cst);
    woken_ = false;
    if (stopping_) return;
  }
}

// Reads on for those that are as far as this; false where there was nothing.
bool ChangeFeed::read_for_all(Lsn limit) {
  Lsn begin = 0;
  std::uint64_t round = 0;
  {
    MutexLock lock(mutex_);
    if (subscribers_.empty()) {
      reader_.reset();
      return false;
    }
    begin = position_;
    round = round_;
  }
  if (begin >= limit) return false;
  if (!reader_ || reader_at_ != begin) {
    reader_.reset();
    auto opened = wal::Reader::open(*database_.directory(), begin);
    if (!opened) return lose_all(opened.error());
    reader_ = std::move(*opened);
    reader_at_ = begin;
  }
  ByCollection changes;
  const auto found = read(*reader_, limit, {}, changes);
  if (!found) return lose_all(found.error());
  if (!*found) return false;
  Subscribers subscribers;
  {
    MutexLock lock(mutex_);
    if (round_ != round) {  // all have gone, others have come
      reader_.reset();
      return true;
    }
    // Who subscribes from now on begins behind this, or is led along to it; who has done so since
    // this was read is among those that get it.
    position_ = reader_at_ = reader_->position();
    subscribers = subscribers_;
  }
  for (const auto& subscriber : subscribers) {
    if (subscriber->reader) continue;
    const auto those = changes.find(subscriber->collection);
    if (those != changes.end()) deliver(*subscriber, those->second);
  }
  return true;
}

bool ChangeFeed::lead_along(Subscriber& subscriber) {
  Lsn goal = 0;
  {
    MutexLock lock(mutex_);
    goal = position_;
  }
  ByCollection changes;
  const auto found = read(*subscriber.reader, goal, subscriber.collection, changes);
  if (!found) {
    lose(subscriber, found.error());
    return true;
  }
  for (const auto& [collection, those] : changes) deliver(subscriber, those);
  if (!*found) subscriber.reader.reset();  // it is where the others are
  return true;
}

Result<bool> ChangeFeed::read(wal::Reader& reader, Lsn limit, std::string_view only,
                              ByCollection& changes) {
  bool any = false;
  std::size_t bytes = 0;
  for (int count = 0; count < kFramesAtOnce && bytes < kBytesAtOnce; ++count) {
    const auto frame = reader.next(limit);
    if (!frame) return frame.error();
    if (!frame->has_value()) return any;
    any = true;
    const wal::FrameHeader& header = (*frame)->header;
    bytes += (*frame)->payload.size();
    KIMDB_RETURN_IF_ERROR(wal::visit_records(
        header, (*frame)->payload, 0, [&](std::span<const wal::RecordView> records) -> Status {
          for (const wal::RecordView& record : records)
            KIMDB_RETURN_IF_ERROR(add_changes(record.lsn, header.term, header.commit_time_ms,
                                              record.bytes, only, changes));
          return {};
        }));
  }
  return any;
}

Status ChangeFeed::add_changes(Lsn lsn, std::uint64_t term, std::int64_t time_ms,
                               std::string_view record, std::string_view only,
                               ByCollection& changes) {
  std::map<std::string_view, std::uint32_t> counts;  // of this record, by collection
  while (!record.empty()) {
    const auto operation = engine::take_operation(record);
    if (!operation) return operation.error();
    if (operation->keyspace != engine::kDocuments ||
        (operation->kind != engine::OperationKind::put &&
         operation->kind != engine::OperationKind::remove))
      continue;
    const auto [collection, id] = engine::split_document_key(operation->key);
    if (!only.empty() && collection != only) continue;
    DocumentChange change{
        .id = std::string(id), .position = {{term, lsn}, ++counts[collection]}, .time_ms = time_ms};
    if (operation->kind == engine::OperationKind::remove) {
      change.kind = DocumentChange::Kind::remove;
    } else {
      if (operation->replaces != 0) change.kind = DocumentChange::Kind::update;
      const engine::Document document = engine::read_document(operation->value);
      change.version = document.version;
      engine::append_document(change.document, id, document);
    }
    auto& those = changes[std::string(collection)];
    if (those == nullptr) those = std::make_shared<DocumentChanges>();
    those->push_back(std::move(change));
  }
  // Behind the last change of a record is behind the record.
  for (const auto& [collection, count] : counts)
    changes.find(collection)->second->back().position.changes = 0;
  return {};
}

void ChangeFeed::deliver(Subscriber& subscriber, const std::shared_ptr<DocumentChanges>& changes) {
  const auto receiver = subscriber.receiver.lock();
  if (receiver == nullptr || changes->empty()) return;
  std::shared_ptr<const DocumentChanges> those = changes;
  const auto first =
      std::find_if(changes->begin(), changes->end(), [&](const DocumentChange& change) {
        return is_behind(change.position, subscriber.after, subscriber.changes);
      });
  if (first == changes->end()) return;  // it begins further on
  if (first != changes->begin())
    those = std::make_shared<const DocumentChanges>(first, changes->end());
  subscriber.after = changes->back().position.position.lsn;
  subscriber.changes = 0;
  receiver->deliver_changes(std::move(those));
}

bool ChangeFeed::lose_all(const Error& why) {
  reader_.reset();
  for (const auto& subscriber : current()) lose(*subscriber, why);
  return true;
}

void ChangeFeed::lose(const Subscriber& subscriber, const Error& why) {
  {
    MutexLock lock(mutex_);
    std::erase_if(subscribers_, [&](const auto& each) { return each.get() == &subscriber; });
  }
  if (const auto receiver = subscriber.receiver.lock()) receiver->feed_lost(why);
}

}  // namespace kimdb::database
