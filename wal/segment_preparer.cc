#include "wal/segment_preparer.h"

#include <algorithm>
#include <string>
#include <utility>

namespace kimdb::wal {
namespace {

constexpr std::size_t kZeroBytes = 1 << 20;

}  // namespace

SegmentPreparer::SegmentPreparer(DataDirectory& directory, Options options)
    : directory_(directory),
      options_(options),
      wanted_(options.segment_size),
      keep_free_bytes_(options.keep_free_bytes) {}

SegmentPreparer::~SegmentPreparer() { stop(); }

void SegmentPreparer::start(std::function<void()> changed,
                            std::function<void(const Error&)> failed) {
  changed_ = std::move(changed);
  failed_ = std::move(failed);
  thread_ = std::thread([this] { run(); });
}

Status SegmentPreparer::wait_until_ready() {
  MutexLock guard(mutex_);
  while (!ready_ && !broken_ && !preparing_found_full_) changed_condition_.wait(mutex_);
  if (broken_) return *broken_;
  if (!ready_)
    return Error{ErrorCode::disk_full, "disk full (wal.data_directory " + directory_.path() + ")"};
  return {};
}

void SegmentPreparer::run() {
  for (;;) {
    std::optional<Mark> mark;
    std::uint64_t size = 0, keep_free = 0;
    {
      MutexLock guard(mutex_);
      while (!stopping_ && !mark_ && (broken_ || in_hand_ || (ready_ && ready_->size >= wanted_))) {
        changed_condition_.wait(mutex_);
      }
      if (stopping_) return;
      mark = std::exchange(mark_, std::nullopt);
      marking_ = mark.has_value();
      if (!mark) {
        ready_.reset();
        size = wanted_;
        keep_free = keep_free_bytes_;
      }
    }
    if (mark) {
      const Status status = directory_.update_meta([&](Meta& meta) {
        meta.last_sequence = std::max(meta.last_sequence, mark->sequence);
        meta.durable_lsn = std::max(meta.durable_lsn, mark->durable);
      });
      // The marks only sharpen what recovery sees; without room for them they are left as they are.
      if (!status && status.error().code != ErrorCode::disk_full) failed_(status.error());
      MutexLock guard(mutex_);
      marking_ = false;
      changed_condition_.notify_all();
      continue;
    }
    auto prepared = prepare(size, keep_free);
    bool full = false;
    {
      MutexLock guard(mutex_);
      full = !prepared && prepared.error().code == ErrorCode::disk_full;
      preparing_found_full_ = full;
      if (prepared) ready_ = std::move(*prepared);
      if (!prepared && !full) broken_ = prepared.error();
    }
    changed_condition_.notify_all();
    changed_();
    if (!prepared && !full) failed_(prepared.error());
    if (full) {
      MutexLock guard(mutex_);
      if (!stopping_) changed_condition_.wait_for(mutex_, options_.retry);
    } else {
      directory_.restore_reserve();
    }
  }
}

Result<SegmentPreparer::Prepared> SegmentPreparer::prepare(std::uint64_t size,
                                                           std::uint64_t keep_free_bytes) {
  Filesystem& filesystem = directory_.filesystem();
  KIMDB_RETURN_IF_ERROR(remove_if_exists(filesystem, directory_.next_segment_path()));
  auto free = filesystem.free_bytes(directory_.log_directory());
  if (!free) return std::move(free).error();
  if (*free < size || *free - size < keep_free_bytes) {
    return Error{ErrorCode::disk_full,
                 "less than " + std::to_string(size + keep_free_bytes) + " bytes are free"};
  }
  auto prepared = prepare_file(size);
  if (!prepared)
    ignore(remove_if_exists(filesystem, directory_.next_segment_path()),
           "tried again before the next use");
  return prepared;
}

Result<SegmentPreparer::Prepared> SegmentPreparer::prepare_file(std::uint64_t size) {
  auto file =
      directory_.filesystem().open(directory_.next_segment_path(), Filesystem::OpenMode::create);
  if (!file) return std::move(file).error();
  KIMDB_RETURN_IF_ERROR((*file)->allocate(size));
  if (options_.write_zeros) {
    const std::string zeros(static_cast<std::size_t>(std::min<std::uint64_t>(size, kZeroBytes)),
                            '\0');
    for (std::uint64_t at = 0; at < size; at += zeros.size()) {
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), size - at));
      KIMDB_RETURN_IF_ERROR(write_all(**file, at, std::string_view(zeros).substr(0, part)));
    }
  }
  KIMDB_RETURN_IF_ERROR((*file)->sync());
  return Prepared{std::move(*file), size};
}

Result<SegmentPreparer::Prepared> SegmentPreparer::take(std::uint64_t size) {
  MutexLock guard(mutex_);
  while (!stopping_ && !broken_ && !(ready_ && ready_->size >= size)) {
    if (gives_up_ && preparing_found_full_) {
      return Error{ErrorCode::disk_full,
                   "disk full (wal.data_directory " + directory_.path() + ")"};
    }
    if (wanted_ < size) {
      wanted_ = size;
      changed_condition_.notify_all();
    }
    changed_condition_.wait(mutex_);
  }
  if (broken_) return *broken_;
  if (!ready_ || ready_->size < size)
    return Error{ErrorCode::unavailable, "the log is closing or has failed"};
  Prepared taken = std::move(*ready_);
  ready_.reset();
  wanted_ = options_.segment_size;
  in_hand_ = true;
  return taken;
}

void SegmentPreparer::installed() {
  MutexLock guard(mutex_);
  in_hand_ = false;
  changed_condition_.notify_all();
}

void SegmentPreparer::want(std::uint64_t size) {
  MutexLock guard(mutex_);
  wanted_ = std::max(wanted_, size);
  changed_condition_.notify_all();
}

std::uint64_t SegmentPreparer::ready_bytes() const {
  MutexLock guard(mutex_);
  return ready_ ? ready_->size : 0;
}

bool SegmentPreparer::disk_full() const {
  MutexLock guard(mutex_);
  return preparing_found_full_ || writing_found_full_;
}

void SegmentPreparer::set_keep_free_bytes(std::uint64_t bytes) {
  MutexLock guard(mutex_);
  keep_free_bytes_ = bytes;
}

bool SegmentPreparer::wait_for_room() {
  {
    MutexLock guard(mutex_);
    if (stopping_ || gives_up_) return false;
    writing_found_full_ = true;
  }
  changed_();
  MutexLock guard(mutex_);
  if (!stopping_) changed_condition_.wait_for(mutex_, options_.retry);
  return !stopping_ && !gives_up_;
}

void SegmentPreparer::room_found() {
  {
    MutexLock guard(mutex_);
    if (!std::exchange(writing_found_full_, false)) return;
  }
  changed_();
}

void SegmentPreparer::mark(std::uint64_t sequence, Lsn durable) {
  MutexLock guard(mutex_);
  mark_ = Mark{sequence, durable};
  changed_condition_.notify_all();
}

void SegmentPreparer::forget_marks() {
  MutexLock guard(mutex_);
  mark_.reset();
  while (marking_ && !stopping_) changed_condition_.wait(mutex_);
}

void SegmentPreparer::give_up_when_full() {
  MutexLock guard(mutex_);
  gives_up_ = true;
  changed_condition_.notify_all();
}

void SegmentPreparer::stop() {
  {
    MutexLock guard(mutex_);
    stopping_ = true;
  }
  changed_condition_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  MutexLock guard(mutex_);
  if (ready_) {
    ready_.reset();
    ignore(directory_.filesystem().remove(directory_.next_segment_path()),
           "recovery removes it as well");
  }
}

}  // namespace kimdb::wal
