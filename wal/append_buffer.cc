#include "wal/append_buffer.h"

#include <thread>
#include <utility>

#include "base/check.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kimdb::wal {
namespace {

void relax(int round) {
  // On few cores the thread that is waited for may not be running.
  if (round > 50) {
    std::this_thread::yield();
    return;
  }
#if defined(__x86_64__)
  _mm_pause();
#endif
}

void give_memory(AppendBuffer::Chunk& chunk, std::size_t payload_bytes) {
  // Room for the padding of the frame behind it.
  chunk.memory =
      std::make_unique_for_overwrite<char[]>(kFrameHeaderBytes + payload_bytes + kFrameAlignment);
  chunk.payload = chunk.memory.get() + kFrameHeaderBytes;
}

}  // namespace

AppendBuffer::AppendBuffer(Lsn last_lsn, std::uint32_t wake_at_count, std::function<void()> wake)
    : wake_at_count_(wake_at_count == 0 ? 0 : wake_at_count - 1), wake_(std::move(wake)) {
  install(last_lsn + 1);
}

AppendBuffer::~AppendBuffer() {
  for (Chunk* chunk : sealed_) {
    if (chunk->bytes > kChunkBytes) delete chunk;
  }
}

Lsn AppendBuffer::last_lsn() const {
  for (int round = 0;; ++round) {
    const Chunk* chunk = active_.load(std::memory_order_acquire);
    // A chunk that is used again has a higher first_lsn: where it did not change, the state read
    // between belongs to it.
    const Lsn first = chunk->first_lsn.load(std::memory_order_acquire);
    const std::uint64_t state = chunk->state.load(std::memory_order_acquire);
    if ((state & kSealed) == 0 && (state & kBytesMask) <= kChunkBytes &&
        chunk->first_lsn.load(std::memory_order_relaxed) == first) {
      return first + ((state & ~kSealed) >> kCountShift) - 1;
    }
    relax(round);
  }
}

std::vector<AppendBuffer::Chunk*> AppendBuffer::collect() {
  for (int round = 0;; ++round) {
    Chunk* active = active_.load(std::memory_order_acquire);
    const std::uint64_t state = active->state.load(std::memory_order_acquire);
    if (state == 0) break;  // open and empty
    std::uint64_t count = 0, bytes = 0;
    if (Chunk* chunk = try_seal(count, bytes)) {
      replace(chunk, count, bytes);
      break;
    }
    relax(round);
  }
  std::vector<Chunk*> chunks;
  {
    MutexLock guard(mutex_);
    chunks.swap(sealed_);
  }
  for (const Chunk* chunk : chunks) {
    for (int round = 0;; ++round) {
      std::uint64_t published = 0;
      for (const Chunk::Counter& counter : chunk->published)
        published += counter.bytes.load(std::memory_order_acquire);
      KIMDB_CHECK(published <= chunk->bytes);
      if (published == chunk->bytes) break;
      relax(round);
    }
  }
  return chunks;
}

void AppendBuffer::skip_to(Lsn last_lsn) {
  std::uint64_t count = 0, bytes = 0;
  Chunk* chunk = try_seal(count, bytes);
  KIMDB_CHECK(chunk != nullptr && count == 0);
  queue(chunk, 0, 0);
  install(last_lsn + 1);
}

void AppendBuffer::recycle(const std::vector<Chunk*>& chunks) {
  std::uint64_t bytes = 0;
  MutexLock guard(mutex_);
  for (Chunk* chunk : chunks) {
    bytes += chunk->bytes;
    if (chunk->bytes > kChunkBytes) {
      delete chunk;
    } else {
      if (free_.size() >= kFreeChunksWithMemory) chunk->memory.reset();
      free_.push_back(chunk);
    }
  }
  waiting_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

AppendBuffer::Chunk* AppendBuffer::try_seal(std::uint64_t& count, std::uint64_t& bytes) {
  Chunk* chunk = active_.load(std::memory_order_acquire);
  const std::uint64_t before = chunk->state.fetch_or(kSealed, std::memory_order_acq_rel);
  if ((before & kSealed) != 0 || (before & kBytesMask) > kChunkBytes) return nullptr;
  count = before >> kCountShift;
  bytes = before & kBytesMask;
  return chunk;
}

AppendBuffer::LargeRecord AppendBuffer::begin_large(std::size_t bytes) {
  auto large = std::make_unique<Chunk>();
  large->state.store(kSealed, std::memory_order_relaxed);
  give_memory(*large, bytes);
  std::uint64_t count = 0, open_bytes = 0;
  Chunk* chunk = nullptr;
  for (int round = 0; (chunk = try_seal(count, open_bytes)) == nullptr; ++round) relax(round);

  const Lsn first_lsn = chunk->first_lsn.load(std::memory_order_relaxed);
  const Lsn lsn = first_lsn + count;
  queue(chunk, count, open_bytes);
  Chunk* queued = large.release();
  queued->first_lsn.store(lsn, std::memory_order_relaxed);
  queue(queued, 1, bytes);
  install(lsn + 1);
  wake_();
  return {queued, lsn};
}

void AppendBuffer::replace(Chunk* chunk, std::uint64_t count, std::uint64_t bytes) {
  // Adds that come from here on see the sealed bit or more bytes than there is room for.
  chunk->state.fetch_or(kSealed, std::memory_order_acq_rel);
  const Lsn next = chunk->first_lsn.load(std::memory_order_relaxed) + count;
  queue(chunk, count, bytes);
  install(next);
  wake_();
}

void AppendBuffer::install(Lsn first_lsn) {
  Chunk* chunk = take_chunk();
  if (chunk->memory == nullptr) give_memory(*chunk, kChunkBytes);
  for (Chunk::Counter& counter : chunk->published)
    counter.bytes.store(0, std::memory_order_relaxed);
  chunk->first_lsn.store(first_lsn, std::memory_order_release);
  chunk->state.store(
      0, std::memory_order_release);  // open: an add that reads this sees all of the above
  active_.store(chunk, std::memory_order_release);
}

AppendBuffer::Chunk* AppendBuffer::take_chunk() {
  MutexLock guard(mutex_);
  if (!free_.empty()) {
    Chunk* chunk = free_.back();
    free_.pop_back();
    return chunk;
  }
  owned_.push_back(std::make_unique<Chunk>());
  owned_.back()->state.store(kSealed, std::memory_order_relaxed);
  return owned_.back().get();
}

void AppendBuffer::queue(Chunk* chunk, std::uint64_t count, std::uint64_t bytes) {
  KIMDB_CHECK(count <= UINT32_MAX);
  MutexLock guard(mutex_);
  if (count == 0) {
    free_.push_back(chunk);
    return;
  }
  chunk->count = static_cast<std::uint32_t>(count);
  chunk->bytes = bytes;
  sealed_.push_back(chunk);
  waiting_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void AppendBuffer::wait_for_other(const Chunk* chunk) const {
  for (int round = 0; active_.load(std::memory_order_acquire) == chunk; ++round) {
    // The chunk may have come back into use in the meantime.
    if ((chunk->state.load(std::memory_order_acquire) & kSealed) == 0 &&
        (chunk->state.load(std::memory_order_acquire) & kBytesMask) <= kChunkBytes) {
      return;
    }
    relax(round);
  }
}

}  // namespace kimdb::wal
