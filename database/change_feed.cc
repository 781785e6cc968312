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
constexpr std::size_t kCollectedLogBytes = 32 << 20;
// Of what was read last: enough for who is busy for a while.
constexpr std::size_t kKeptBytesMax = 16 << 20;
constexpr std::size_t kKeptBatchesMax = 4096;
constexpr std::size_t kLedAtOnce = 8;

// Adds the changes of a record.
Status add_changes(Lsn lsn, std::uint64_t term, std::int64_t time_ms, std::string_view record,
                   ChangeBatch& batch) {
  const std::size_t first = batch.changes.size();
  std::map<std::string_view, std::uint32_t> counts;  // of this record, by collection
  while (!record.empty()) {
    const auto operation = engine::take_operation(record);
    if (!operation) return operation.error();
    const bool removes = operation->kind == engine::OperationKind::remove;
    if (operation->keyspace != engine::kDocuments ||
        (operation->kind != engine::OperationKind::put && !removes))
      continue;
    using Kind = DocumentChange::Kind;
    const std::string_view collection = engine::split_document_key(operation->key).collection;
    batch.changes.push_back({.kind = removes                    ? Kind::remove
                                     : operation->replaces != 0 ? Kind::update
                                                                : Kind::insert,
                             .position = {{term, lsn}, ++counts[collection]},
                             .time_ms = time_ms,
                             .key = std::string(operation->key),
                             .value = std::string(operation->value)});
    batch.bytes += sizeof(DocumentChange) + operation->key.size() + operation->value.size();
  }
  // Behind the last change of a record is behind the record.
  for (std::size_t i = first; i < batch.changes.size(); ++i) {
    DocumentChange& change = batch.changes[i];
    if (change.position.changes == counts[change.collection()]) change.position.changes = 0;
  }
  return {};
}

// The LSN behind which it goes on: a record that was seen in part comes again.
Lsn behind(const FeedPosition& position) {
  return position.position.lsn - (position.changes != 0 ? 1 : 0);
}

Error no_log() {
  return {ErrorCode::unsupported, "changes are read from the log: set wal.enabled"};
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

std::string_view event_name(DocumentChange::Kind kind) {
  return kind == DocumentChange::Kind::insert   ? "insert"
         : kind == DocumentChange::Kind::update ? "update"
                                                : "delete";
}

// --- one reader ---

bool ChangesSeen::is_new(const DocumentChange& change) const {
  const FeedPosition& position = change.position;
  const Lsn lsn = position.position.lsn;
  if (lsn != after_ + 1 || changes_ == 0) return lsn > after_;
  // Of the record that was seen in part: the last change has no number.
  return position.changes == 0 || position.changes > changes_;
}

void ChangesSeen::take(const ChangeBatch& batch) {
  after_ = std::max(after_, batch.end);
  changes_ = 0;
}

void ChangesSeen::skip_to(Lsn lsn) {
  if (lsn <= after_) return;
  after_ = lsn;
  changes_ = 0;
}

void ChangesSeen::take(const DocumentChange& change) {
  changes_ = change.position.changes;
  after_ = change.position.position.lsn - (changes_ != 0 ? 1 : 0);
}

ChangeReader::~ChangeReader() { feed_.leave(this); }

Result<ChangeBatchPointer> ChangeReader::next() { return feed_.next(*this); }

// --- the feed ---

ChangeFeed::ChangeFeed(Database& database) : database_(database) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "kimdb-feed");
    run();
  });
}

void ChangeFeed::stop() {
  if (!thread_.joinable()) return;
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

Status ChangeFeed::check(const FeedPosition& since) const {
  if (has_reached(database_.directory()->meta().history, limit(), since.position) != Reached::yes)
    return Error{ErrorCode::not_found,
                 "this server's history does not contain that position, or not yet"};
  return {};
}

Result<FeedPosition> ChangeFeed::end() const {
  if (database_.directory() == nullptr) return no_log();
  const auto position = position_of(database_.directory()->meta().history, limit());
  if (!position) return Error{ErrorCode::not_found, "the history is unknown"};
  return FeedPosition{*position, 0};
}

Result<CollectedChanges> ChangeFeed::collect(std::string_view collection, const FeedPosition& since,
                                             std::size_t changes_max, std::size_t bytes_max) {
  if (database_.directory() == nullptr) return no_log();
  CollectedChanges collected{.changes = {}, .position = since, .more = false};
  ChangesSeen seen(behind(since), since.changes);
  std::size_t bytes = 0, log_bytes = 0;
  Lsn end = 0;
  std::uint64_t cuts = 0;
  for (std::optional<wal::Reader> log;;) {
    MutexLock reading(reading_);
    KIMDB_RETURN_IF_ERROR(check(since));
    if (end == 0) end = limit();
    if (seen.after() >= end) break;
    // What lies in the log may have become other things while nobody read it.
    if (const std::uint64_t now = cuts_.load(); !log || cuts != now) {
      auto opened = wal::Reader::open(*database_.directory(), seen.after());
      if (!opened) return std::move(opened).error();
      log = std::move(*opened);
      cuts = now;
    }
    auto batch = read(*log, seen.after(), end);
    if (!batch) return std::move(batch).error();
    if (batch->end == 0) break;
    for (DocumentChange& change : batch->changes) {
      if (change.collection() != collection || !seen.is_new(change)) continue;
      if (collected.changes.size() >= changes_max || bytes >= bytes_max) {
        collected.more = true;
        return collected;
      }
      seen.take(change);
      bytes += change.key.size() + change.value.size();
      collected.position = change.position;
      collected.changes.push_back(std::move(change));
    }
    seen.take(*batch);
    log_bytes += batch->log_bytes;
    // Where the collection has few changes, the client comes back for more.
    if (collected.more = log_bytes >= kCollectedLogBytes && seen.after() < end; collected.more)
      break;
  }
  if (const auto position = position_of(database_.directory()->meta().history, seen.after()))
    collected.position = {*position, 0};
  return collected;
}

Result<std::unique_ptr<ChangeReader>> ChangeFeed::subscribe(
    const std::optional<FeedPosition>& since, ChangeListener& listener) {
  if (database_.directory() == nullptr) return no_log();
  const auto history = database_.directory()->meta().history;
  FeedPosition begin;
  Place place{.listener = &listener};
  Lsn after = 0;
  std::uint64_t cuts = 0;
  if (since) {
    cuts = cuts_.load();
    KIMDB_RETURN_IF_ERROR(check(*since));
    begin = *since;
    after = behind(*since);
    // Only to see whether it reaches back, mostly: what came last is kept.
    auto log = wal::Reader::open(*database_.directory(), after);
    if (!log) return std::move(log).error();
    place.log = std::move(*log);
  }
  MutexLock lock(mutex_);
  if (cuts != cuts_.load()) place.log.reset();
  const Lsn now = limit();
  if (!since) {
    after = now;
    const auto position = position_of(history, now);
    if (!position) return Error{ErrorCode::not_found, "the history is unknown"};
    begin.position = *position;
  }
  if (places_.empty()) {
    kept_.clear();
    kept_bytes_ = 0;
    position_ = now;
    ++round_;
  }
  std::unique_ptr<ChangeReader> reader(new ChangeReader(*this, begin, after));
  ++listeners_[&listener];
  places_.emplace(reader.get(), std::move(place));
  woken_ = true;
  changed_.notify_all();
  listener.changes_ready();  // it asks for what is there already
  return reader;
}

void ChangeFeed::leave(const ChangeReader* reader) {
  MutexLock lock(mutex_);
  const auto place = places_.find(reader);
  const auto listener = listeners_.find(place->second.listener);
  if (--listener->second == 0) listeners_.erase(listener);
  places_.erase(place);
  if (!places_.empty()) return;
  kept_.clear();
  kept_bytes_ = 0;
}

void ChangeFeed::wake() {
  if (!waits_.load(std::memory_order_seq_cst)) return;
  MutexLock lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

void ChangeFeed::tell_listeners() {
  for (const auto& [listener, readers] : listeners_) listener->changes_ready();
}

void ChangeFeed::run() {
  for (;;) {
    Lsn seen = 0;
    {
      MutexLock lock(mutex_);
      // Where nobody reads, the log may not even be open.
      if (!places_.empty()) seen = limit();
    }
    bool progress = read_for_all(seen);
    progress = lead_along(seen) || progress;
    MutexLock lock(mutex_);
    if (stopping_) return;
    if (progress) continue;
    // Without readers nobody has to wake this at each commit.
    waits_.store(!places_.empty(), std::memory_order_seq_cst);
    // It may have become more before anybody could see that somebody waits.
    while (!woken_ && !stopping_ && (places_.empty() || limit() <= seen)) changed_.wait(mutex_);
    waits_.store(false, std::memory_order_seq_cst);
    woken_ = false;
    if (stopping_) return;
  }
}

// Reads on for those that are as far as this; false where there was nothing.
bool ChangeFeed::read_for_all(Lsn limit) {
  Lsn begin = 0;
  std::uint64_t round = 0;
  MutexLock reading(reading_);
  {
    MutexLock lock(mutex_);
    if (places_.empty()) {
      log_.reset();
      return false;
    }
    begin = position_;
    round = round_;
  }
  if (begin >= limit) return false;
  if (!log_ || log_at_ != begin) {
    log_.reset();
    auto opened = wal::Reader::open(*database_.directory(), begin);
    if (!opened) return lose_all(opened.error()), true;
    log_ = std::move(*opened);
  }
  auto batch = read(*log_, begin, limit);
  if (!batch) {
    log_.reset();
    return lose_all(batch.error()), true;
  }
  log_at_ = log_->position();
  if (batch->end == 0) return false;
  MutexLock lock(mutex_);
  // Else all have gone, and others have come.
  if (round_ == round && !places_.empty()) {
    batch->after = begin;
    keep(std::move(*batch));
  }
  return true;
}

void ChangeFeed::keep(ChangeBatch batch) {
  position_ = batch.end;
  const bool tells = !batch.changes.empty();
  if (!tells && !kept_.empty() && kept_.back()->changes.empty()) {
    batch.after = kept_.back()->after;
    kept_.pop_back();
  }
  kept_bytes_ += batch.bytes;
  kept_.push_back(std::make_shared<const ChangeBatch>(std::move(batch)));
  while (kept_.size() > 1 && (kept_bytes_ > kKeptBytesMax || kept_.size() > kKeptBatchesMax)) {
    kept_bytes_ -= kept_.front()->bytes;
    kept_.pop_front();
  }
  if (tells) tell_listeners();
}

Result<ChangeBatchPointer> ChangeFeed::next(const ChangeReader& reader) {
  const Lsn after = reader.after();
  MutexLock lock(mutex_);
  Place& place = places_.find(&reader)->second;
  if (place.lost) return *place.lost;
  if (after >= position_) {  // as far as all
    place.log.reset();
    place.part.reset();
    place.wants_behind.reset();
    return ChangeBatchPointer();
  }
  if (place.part != nullptr && place.part->after <= after && after < place.part->end)
    return place.part;
  place.part.reset();
  // The last batch that begins at or before what is wanted.
  const auto behind = std::upper_bound(
      kept_.begin(), kept_.end(), after,
      [](Lsn sought, const ChangeBatchPointer& batch) { return sought < batch->after; });
  if (behind != kept_.begin()) {
    place.log.reset();
    place.wants_behind.reset();
    return *std::prev(behind);
  }
  if (!place.wants_behind) {
    place.wants_behind = after;
    woken_ = true;
    changed_.notify_all();
  }
  return ChangeBatchPointer();
}

// Reads on for each that has asked; false where there was nothing.
bool ChangeFeed::lead_along(Lsn limit) {
  // Some of them, in turn: those who are as far as all must not wait for long.
  std::vector<const ChangeReader*> asked;
  {
    MutexLock lock(mutex_);
    auto next = places_.upper_bound(led_last_);
    for (std::size_t i = 0; i < places_.size() && asked.size() < kLedAtOnce; ++i, ++next) {
      if (next == places_.end()) next = places_.begin();
      if (next->second.wants_behind) asked.push_back(next->first);
    }
  }
  if (!asked.empty()) led_last_ = asked.back();
  bool progress = false;
  for (const ChangeReader* reader : asked) progress |= lead_along(reader, limit);
  return progress;
}

bool ChangeFeed::lead_along(const ChangeReader* reader, Lsn limit) {
  MutexLock reading(reading_);
  std::optional<wal::Reader> log;
  Lsn after = 0;
  {
    MutexLock lock(mutex_);
    const auto found = places_.find(reader);
    // It may have gone, and another may stand in its place.
    if (found == places_.end() || !found->second.wants_behind) return false;
    after = *found->second.wants_behind;
    log = std::move(found->second.log);
    found->second.log.reset();
  }
  const auto read_part = [&]() -> Result<ChangeBatch> {
    if (!log || log->position() > after) {
      auto opened = wal::Reader::open(*database_.directory(), after);
      if (!opened) return std::move(opened).error();
      log = std::move(*opened);
    }
    return read(*log, after, limit);
  };
  auto part = read_part();

  MutexLock lock(mutex_);
  const auto found = places_.find(reader);
  if (found == places_.end() || found->second.wants_behind != after) return true;
  Place& place = found->second;
  if (!part) {
    place.lost = part.error();
  } else if (part->end == 0) {
    place.log = std::move(log);
    return false;
  } else {
    part->after = after;
    place.part = std::make_shared<const ChangeBatch>(std::move(*part));
    place.log = std::move(log);
  }
  place.wants_behind.reset();
  place.listener->changes_ready();
  return true;
}

Result<ChangeBatch> ChangeFeed::read(wal::Reader& log, Lsn after, Lsn limit) {
  ChangeBatch batch;
  std::size_t bytes = 0;
  for (int count = 0; count < kFramesAtOnce && bytes < kBytesAtOnce; ++count) {
    const auto frame = log.next(limit);
    if (!frame) return frame.error();
    if (!frame->has_value()) break;
    const wal::FrameHeader& header = (*frame)->header;
    bytes += (*frame)->payload.size();
    KIMDB_RETURN_IF_ERROR(wal::visit_records(
        header, (*frame)->payload, after, [&](std::span<const wal::RecordView> records) -> Status {
          for (const wal::RecordView& record : records)
            KIMDB_RETURN_IF_ERROR(
                add_changes(record.lsn, header.term, header.commit_time_ms, record.bytes, batch));
          return {};
        }));
    batch.end = header.last_lsn();
  }
  batch.log_bytes = bytes;
  return batch;
}

// What a reader of the log has read ahead may not be there any more.
void ChangeFeed::reopen() {
  log_.reset();
  MutexLock lock(mutex_);
  cuts_.fetch_add(1);
  for (auto& [reader, place] : places_) place.log.reset();
}

void ChangeFeed::lose_all(const Error& why) {
  MutexLock lock(mutex_);
  for (auto& [reader, place] : places_) place.lost = why;
  kept_.clear();
  kept_bytes_ = 0;
  position_ = limit();
  tell_listeners();
}

}  // namespace kimdb::database
