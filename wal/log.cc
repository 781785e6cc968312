#include "wal/log.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/check.h"
#include "wal/cut.h"
#include "wal/incoming.h"
#include "wal/segment_preparer.h"
#include "wal/writer.h"

namespace kimdb::wal {
namespace {

using Clock = std::chrono::steady_clock;

// interval and off: so many bytes of full chunks are written without waiting for the time.
constexpr std::uint64_t kWriteAtBytes = 1 << 20;
// reserve() looks closer below this room, or half of a smaller segment, but always below the other.
constexpr std::uint64_t kLittleRoomMax = 2 << 20;
constexpr std::uint64_t kLittleRoomMin = 512 << 10;

}  // namespace

Log::Log(LogOptions options, LogEvents events) : options_(options), events_(std::move(events)) {}

Result<std::unique_ptr<Log>> Log::open(DataDirectory& directory, const Recovered& recovered,
                                       LogOptions options, LogEvents events) {
  std::unique_ptr<Log> log(new Log(options, std::move(events)));
  if (Status started = log->start(directory, recovered); !started) {
    log->stop_threads();
    return std::move(started).error();
  }
  return log;
}

std::unique_ptr<Log> Log::in_memory(Lsn last_lsn) {
  LogOptions options;
  options.sync = Sync::off;
  std::unique_ptr<Log> log(new Log(options, {}));
  log->memory_lsn_.store(last_lsn);
  log->allowed_waiting_bytes_.store(std::numeric_limits<std::uint64_t>::max());
  return log;
}

Log::~Log() { stop_threads(); }

Status Log::start(DataDirectory& directory, const Recovered& recovered) {
  directory_ = &directory;
  if (options_.replicated || options_.follows) replicated_lsn_.store(recovered.committed_lsn);
  const Meta meta = directory.meta();
  term_ = std::max(meta.term, recovered.end.term) + (options_.follows ? 0 : 1);
  KIMDB_RETURN_IF_ERROR(directory.update_meta([&](Meta& changed) {
    changed.clean = false;
    changed.durable_lsn = recovered.durable_lsn();
    changed.history = recovered.history;
    if (!options_.follows) begin_term(changed, {term_, recovered.last_lsn() + 1, meta.node_id});
  }));

  SegmentPreparer::Options preparing;
  preparing.segment_size =
      std::max<std::uint64_t>(options_.max_segment_size, kSegmentHeaderBytes + 1024);
  preparing.write_zeros = options_.sync == Sync::commit;
  preparing.keep_free_bytes = options_.keep_free_bytes;
  preparing.retry = options_.disk_full_retry;
  buffer_ = std::make_unique<AppendBuffer>(
      recovered.last_lsn() + (options_.follows ? 0 : 1), options_.flushing_batch_size, [this] {
        // With sync: commit the appender's own call wakes the writer, unless a chunk is full
        // already.
        if (options_.sync != Sync::commit || buffer_->waiting_bytes() != 0) wake_writer();
      });
  preparer_ = std::make_unique<SegmentPreparer>(directory, preparing);
  preparer_->start([this] { update_room(); }, [this](const Error& error) { fail(error); });
  KIMDB_RETURN_IF_ERROR(preparer_->wait_until_ready());

  if (!role_.try_take()) return Error{ErrorCode::unavailable, "the log is being opened already"};
  writer_ =
      std::make_unique<Writer>(directory, *preparer_, recovered.end, recovered.next_sequence,
                               Writer::Options{.sync_closed_segments = options_.sync != Sync::off});
  Status begun;
  if (!options_.follows) begun = writer_->write_term(term_, meta.node_id, committed_to_note());
  if (begun) begun = writer_->sync();
  after_write(begun);
  role_.give_back();

  MutexLock guard(mutex_);
  if (failed_.load()) return failure_;
  opened_ = true;
  announces_ = true;
  writer_thread_ = std::thread([this] { run_writer(); });
  return {};
}

// --- room ---

Status Log::reserve_slowly(std::size_t bytes) {
  if (bytes > options_.max_transaction_size) {
    return Error{ErrorCode::too_large, "a transaction of " + std::to_string(bytes) +
                                           " bytes is larger than wal.max_transaction_size, " +
                                           std::to_string(options_.max_transaction_size)};
  }
  if (buffer_ == nullptr) return {};
  // The lengths of records and the headers of frames; how many there will be is not known.
  const std::uint64_t needed = bytes + bytes / 8 + 1024;
  MutexLock guard(mutex_);
  waiters_.fetch_add(1);
  Status result;
  for (;;) {
    if (failed_.load() || stopping_) {
      result =
          Error{ErrorCode::unavailable, failed_.load() ? failure_.message : "the log is closed"};
      break;
    }
    if (disk_full_.load()) {
      result = Error{ErrorCode::disk_full,
                     "READONLY disk full (wal.data_directory " + directory_->path() + ")"};
      break;
    }
    const std::uint64_t waiting = buffer_->pending_bytes();
    const std::uint64_t ready = preparer_->ready_bytes();
    const bool fits_buffer = waiting == 0 || waiting + bytes <= options_.buffer_size;
    const bool fits_disk =
        waiting + needed <= room_.load() || waiting + needed + kSegmentHeaderBytes <= ready;
    if (fits_buffer && fits_disk) break;
    if (needed + kSegmentHeaderBytes > ready) preparer_->want(needed + kSegmentHeaderBytes);
    if (waiting != 0) {
      // Nobody may have asked for what is in the open frame yet: this caller itself, for one.
      raise_wanted(buffer_->last_lsn());
      woken_ = true;
      wake_condition_.notify_one();
    }
    changed_condition_.wait_for(mutex_, std::chrono::milliseconds(10));
  }
  waiters_.fetch_sub(1);
  return result;
}

// What may wait for the writer while reserve() does not look closer: a part of what there surely is
// room for. The rest of it is for the open frame, and for those who have passed reserve() and
// append now. With little room everybody looks closer.
void Log::update_room() {
  bool changed = false, full = false;
  {
    MutexLock guard(room_mutex_);
    full = preparer_->disk_full();
    const std::uint64_t room =
        std::max(preparer_->ready_bytes(), room_.load(std::memory_order_relaxed));
    const std::uint64_t little =
        std::max(kLittleRoomMin, std::min(kLittleRoomMax, options_.max_segment_size / 2));
    const bool look_closer = full || failed_.load() || room < little;
    allowed_waiting_bytes_.store(look_closer ? 0 : std::min(options_.buffer_size, room) / 4,
                                 std::memory_order_relaxed);
    changed = disk_full_.exchange(full) != full;
  }
  notify_waiters();
  if (!changed || !events_.disk_full) return;
  {
    MutexLock guard(mutex_);
    if (!opened_ || stopping_) return;
  }
  events_.disk_full(full);
}

void Log::set_keep_free_bytes(std::uint64_t bytes) {
  if (preparer_ != nullptr) preparer_->set_keep_free_bytes(bytes);
}

// --- asking for a sync ---

void Log::raise_wanted(Lsn lsn) {
  Lsn before = wanted_lsn_.load(std::memory_order_relaxed);
  while (before < lsn && !wanted_lsn_.compare_exchange_weak(before, lsn)) {
  }
}

void Log::request_sync(Lsn lsn) {
  if (durable_lsn() >= lsn) return;
  raise_wanted(lsn);
  wake_writer();
}

bool Log::commit_here(Lsn lsn) {
  if (durable_lsn() >= lsn) return true;
  raise_wanted(lsn);
  if (!can_write_at_once()) {
    wake_writer();
    return false;
  }
  // Whoever has the role looks at wanted_lsn_ after giving it back, so this request is not lost.
  if (!role_.try_take()) return false;
  flush(true);
  leave();
  return durable_lsn() >= lsn;
}

// Without waiting for a segment to be prepared, let alone for a full disk: this may be an I/O
// thread.
bool Log::can_write_at_once() const {
  const std::uint64_t pending = buffer_->pending_bytes();
  const std::uint64_t needed = pending + (pending / AppendBuffer::kChunkBytes + 2) * frame_size(0);
  return !disk_full_.load(std::memory_order_relaxed) &&
         (needed <= room_.load(std::memory_order_relaxed) ||
          needed + kSegmentHeaderBytes <= preparer_->ready_bytes());
}

Status Log::sync_through(Lsn lsn) {
  if (buffer_ == nullptr || durable_lsn() >= lsn) return {};
  raise_wanted(std::min(lsn, last_lsn()));
  wake_writer();
  MutexLock guard(mutex_);
  waiters_.fetch_add(1);
  while (durable_lsn_.load() < lsn && !failed_.load() && !stopping_)
    changed_condition_.wait(mutex_);
  waiters_.fetch_sub(1);
  if (durable_lsn() >= lsn) return {};
  return failed_.load() ? failure_ : Error{ErrorCode::unavailable, "the log is closed"};
}

// --- following another log ---

void Log::take_role() {
  while (!role_.try_take()) std::this_thread::sleep_for(std::chrono::microseconds(20));
}

// Before the term's frame is written: a term that META does not know may be given out again.
Status Log::note_term(const TermStart& start) {
  KIMDB_RETURN_IF_ERROR(directory_->update_meta([&](Meta& meta) { begin_term(meta, start); }));
  term_.store(std::max(term(), start.term));
  return {};
}

Status Log::note_term(const FrameHeader& shared, std::string_view payload) {
  const auto record = take_record(payload);
  const auto term = record ? decode_term_record(*record) : std::nullopt;
  if (!term) return Error{ErrorCode::corrupt, "a term's frame without its record"};
  return note_term({shared.term, shared.first_lsn, term->node_id});
}

Status Log::follow(const FrameHeader& shared, std::string_view payload) {
  take_role();
  Status status = writer_->check_follows(shared, payload);
  if (status) {  // else nothing is written, and the log is as good as before
    if (shared.is_term()) status = note_term(shared, payload);
    if (status) status = writer_->write_foreign(shared, payload);
    if (status) buffer_->skip_to(shared.last_lsn());
    after_write(status);
  }
  leave();
  return status;
}

Status Log::cut_behind(Lsn lsn) {
  take_role();
  const Status status = cut_and_go_on(lsn);
  after_write(status);
  leave();
  return status;
}

Status Log::restart_behind_snapshot() {
  take_role();
  const Status status = install_and_go_on();
  after_write(status);
  leave();
  return status;
}

Status Log::cut_and_go_on(Lsn lsn) {
  KIMDB_RETURN_IF_ERROR(end_segment());
  std::vector<std::string> copies;
  const auto end = cut_log_behind(*directory_, lsn, copies);
  return end ? go_on_at(*end) : end.error();
}

Status Log::install_and_go_on() {
  KIMDB_RETURN_IF_ERROR(end_segment());
  const auto end = install_accepted(*directory_);
  if (!end) return end.error();
  if (!end->has_value()) return Error{ErrorCode::not_found, "no snapshot was accepted"};
  term_.store(std::max(term(), (*end)->term));
  return go_on_at(**end);
}

Status Log::end_segment() {
  KIMDB_RETURN_IF_ERROR(writer_->sync());
  KIMDB_RETURN_IF_ERROR(writer_->finish());
  preparer_->forget_marks();
  return {};
}

Status Log::go_on_at(const Position& end) {
  const auto sequence = next_sequence(*directory_);
  if (!sequence) return sequence.error();
  writer_ =
      std::make_unique<Writer>(*directory_, *preparer_, end, *sequence,
                               Writer::Options{.sync_closed_segments = options_.sync != Sync::off,
                                               .written_bytes = writer_->written_bytes()});
  buffer_->skip_to(end.lsn);
  durable_lsn_.store(end.lsn);
  wanted_lsn_.store(end.lsn);  // nobody waits for what is gone
  return {};
}

Position Log::end() {
  take_role();
  const Position end = writer_->end();
  leave();
  return end;
}

Status Log::lead(std::uint64_t seen) {
  take_role();
  flush(true);
  const Uuid node_id = directory_->meta().node_id;
  Status begun =
      note_term({term_of_promotion(std::max(seen, term())), writer_->written_lsn() + 1, node_id});
  if (begun) begun = writer_->write_term(term(), node_id, committed_to_note());
  if (begun) begun = writer_->sync();
  if (begun) buffer_->skip_to(writer_->written_lsn());
  after_write(begun);
  leave();
  return begun;
}

// --- writing ---

// What the next frame may say to be committed. Replicas and later recoveries believe it.
Lsn Log::committed_to_note() const {
  return options_.sync == Sync::commit ? std::min(writer_->durable_lsn(), replicated_lsn_.load())
                                       : writer_->written_lsn();
}

void Log::flush(bool and_sync) {
  if (failed_.load()) return;
  const std::vector<AppendBuffer::Chunk*> chunks = buffer_->collect();
  Status status;
  if (!chunks.empty()) {
    status = writer_->write(chunks, committed_to_note());
    if (status) note_written();
  }
  if (status && and_sync && writer_->written_lsn() > writer_->durable_lsn()) status = sync_writer();
  buffer_->recycle(chunks);
  after_write(status);
}

// Replicas get it while it is being synced here.
void Log::note_written() {
  const Lsn written = writer_->written_lsn();
  written_lsn_.store(written, std::memory_order_release);
  if (events_.written && announces_) events_.written(written);
}

void Log::write_watermark() {
  if (failed_.load()) return;
  Status status = writer_->write_watermark(committed_to_note());
  if (status) status = sync_writer();
  after_write(status);
}

Status Log::sync_writer() {
  const std::uint64_t begin = cycles_now();
  Status status = writer_->sync();
  sync_durations_.add(cycles_now() - begin);
  return status;
}

// Tells everybody what was reached.
void Log::after_write(const Status& status) {
  if (!status) {
    fail(status.error());
    return;
  }
  const Lsn durable = writer_->durable_lsn();
  const bool rose = durable > durable_lsn_.load(std::memory_order_relaxed);
  written_bytes_.store(writer_->written_bytes(), std::memory_order_relaxed);
  flushed_lsn_.store(writer_->written_lsn(), std::memory_order_relaxed);
  written_lsn_.store(writer_->written_lsn(), std::memory_order_release);
  noted_durable_lsn_.store(writer_->noted_durable_lsn(), std::memory_order_relaxed);
  noted_committed_lsn_.store(writer_->noted_committed_lsn(), std::memory_order_relaxed);
  room_.store(writer_->room(), std::memory_order_relaxed);
  if (rose) durable_lsn_.store(durable);
  update_room();
  if (rose && events_.durable && announces_) events_.durable(durable);
}

void Log::leave() {
  role_.give_back();
  const bool idle_no_more = writer_waits_for_ever_.exchange(false);
  if (idle_no_more || sync_is_asked_for() || buffer_->waiting_bytes() != 0) wake_writer();
}

void Log::fail(const Error& error) {
  bool tell = false;
  {
    MutexLock guard(mutex_);
    if (failed_.exchange(true)) return;
    failure_ = error;
    tell = opened_ && !stopping_;
  }
  update_room();
  if (tell && events_.failed) events_.failed(error);
}

// --- the writer thread ---

void Log::run_writer() {
  while (wait_for_work()) {
    if (!role_.try_take()) {
      // leave() wakes this thread where work is left; the time is for where none is.
      wait_for_wake(std::chrono::milliseconds(10), [this] { return role_.is_taken(); });
      continue;
    }
    flush(options_.sync != Sync::off || sync_is_asked_for());
    last_flush_ = Clock::now();
    leave();
  }
}

bool Log::wait_for_work() {
  bool waiting = false;
  Clock::time_point waiting_since{};
  for (;;) {
    if (is_stopping()) return false;
    if (failed_.load()) {
      wait_idle([] { return true; });
      continue;
    }
    if (sync_is_asked_for()) return true;
    if (options_.sync == Sync::commit) {
      if (buffer_->waiting_bytes() != 0) return true;
      wait_idle([this] { return !sync_is_asked_for() && buffer_->waiting_bytes() == 0; });
      continue;
    }
    if (!buffer_->has_records()) {
      waiting = false;
      wait_idle([this] { return !sync_is_asked_for() && !buffer_->has_records(); });
      continue;
    }
    // interval and off: records wait. A batch may end before its time by bytes or, with interval,
    // by records; by records no more often than ten times in the time, so that a busy log is not
    // synced all the time.
    const auto now = Clock::now();
    if (!std::exchange(waiting, true)) waiting_since = now;
    auto due = waiting_since + options_.flushing_batch_timeout;
    if (options_.sync == Sync::interval &&
        buffer_->last_lsn() - flushed_lsn_.load(std::memory_order_relaxed) >=
            options_.flushing_batch_size) {
      due = std::min<Clock::time_point>(due, last_flush_ + options_.flushing_batch_timeout / 10);
    }
    if (buffer_->waiting_bytes() >= kWriteAtBytes || now >= due) return true;
    wait_for_wake(due - now, [this] {
      return !sync_is_asked_for() && buffer_->waiting_bytes() < kWriteAtBytes;
    });
  }
}

template <class Idle>
void Log::wait_idle(Idle&& idle) {
  const Lsn durable = durable_lsn();
  const bool is_due = watermark_is_due();
  if (!is_due) writer_waits_for_ever_.store(true);
  const bool woken = wait_for_wake(
      is_due ? std::chrono::nanoseconds(options_.idle_timeout) : std::chrono::hours(1),
      [&] { return idle() && (is_due || !watermark_is_due()); });
  writer_waits_for_ever_.store(false);
  if (woken || !is_due || durable_lsn() != durable || !idle() || !role_.try_take()) return;
  write_watermark();
  leave();
}

bool Log::watermark_is_due() const {
  if (failed_.load()) return false;
  return durable_lsn() > noted_durable_lsn_.load(std::memory_order_relaxed) ||
         (options_.sync == Sync::commit &&
          committed_lsn() > noted_committed_lsn_.load(std::memory_order_relaxed));
}

void Log::wake_for_watermark() {
  if (writer_waits_for_ever_.exchange(false)) wake_writer();
}

template <class Idle>
bool Log::wait_for_wake(std::chrono::nanoseconds timeout, Idle&& still_idle) {
  // Announced first, looked again after: whoever makes work after the look sees the announcement.
  // Both sides use read-modify-writes of one variable, which are in one order.
  writer_waits_.exchange(true);
  if (!still_idle()) {
    writer_waits_.exchange(false);
    return true;
  }
  const auto end = Clock::now() + timeout;
  MutexLock guard(mutex_);
  while (!woken_ && !stopping_) {
    const auto now = Clock::now();
    if (now >= end) break;
    wake_condition_.wait_for(mutex_, end - now);
  }
  writer_waits_.exchange(false);
  return std::exchange(woken_, false) || stopping_;
}

void Log::wake_writer() {
  if (!writer_waits_.exchange(false)) return;
  {
    MutexLock guard(mutex_);
    woken_ = true;
  }
  wake_condition_.notify_one();
}

bool Log::is_stopping() {
  MutexLock guard(mutex_);
  return stopping_;
}

void Log::notify_waiters() {
  // A waiter counts itself under the mutex before it looks, so one that is not counted here will
  // see what has changed.
  if (waiters_.load() == 0) return;
  { MutexLock guard(mutex_); }
  changed_condition_.notify_all();
}

// --- the end ---

Status Log::close() {
  if (buffer_ == nullptr) return {};
  preparer_->give_up_when_full();
  stop_writer();
  if (!role_.try_take()) return Error{ErrorCode::unavailable, "the log is still in use"};
  flush(true);
  if (!failed_.load()) after_write(writer_->write_watermark(committed_to_note()));
  if (!failed_.load()) after_write(writer_->sync());
  if (!failed_.load()) after_write(writer_->finish());
  const Lsn end = writer_->written_lsn();
  const std::uint64_t sequence = writer_->sequence();
  role_.give_back();
  stop_threads();
  {
    MutexLock guard(mutex_);
    if (failed_.load()) return failure_;
  }
  return directory_->update_meta([&](Meta& meta) {
    meta.clean = true;
    meta.durable_lsn = end;
    meta.last_sequence = sequence;
  });
}

void Log::stop_writer() {
  {
    MutexLock guard(mutex_);
    stopping_ = true;
  }
  wake_condition_.notify_all();
  changed_condition_.notify_all();
  if (writer_thread_.joinable()) writer_thread_.join();
}

void Log::stop_threads() {
  {
    MutexLock guard(mutex_);
    stopping_ = true;
  }
  if (preparer_ != nullptr) preparer_->stop();  // the writer may be waiting for it
  stop_writer();
}

}  // namespace kimdb::wal
