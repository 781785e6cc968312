// How records reach the open frame without a lock.
//
// The open frame is a chunk: room for a frame header, then kChunkBytes for records. One atomic word
// of it packs
//
//   [sealed 1 bit][records 31 bits][bytes 32 bits]
//
// An append adds (1 record, n bytes) to it. What the add returns is at once the record's LSN
// (first_lsn + records), its place (bytes), and whether it has one. So the order of the LSNs is the
// order of the adds, and nobody waits for a copy.
//
// A chunk ends in one of three ways, and for each there is exactly one thread that ends it:
//   - the one add that takes `bytes` from at most kChunkBytes to more (later ones see more than
//   kChunkBytes): that thread;
//   - the writer sets the sealed bit: the writer, unless the word says that one of the others is at
//   it;
//   - a record larger than a chunk: its thread, as the writer does.
// That thread queues the chunk, gives the next one its first_lsn, opens it and installs it. Others
// that come too late look again until the next one is there.
//
// A chunk outside use is sealed. A thread that slept between reading `active` and its add therefore
// does no harm: on a sealed chunk its add is void, and on one that was opened again it is an
// ordinary add. Chunks are never freed before the buffer, so such a pointer stays good.
//
// Each append raises a counter of its chunk after copying. There are several counters, so that
// threads do not share a line for it. A sealed chunk is whole when they sum up to its bytes.
//
// Thread-safe: any number of appenders, one writer at a time (collect, recycle).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/lsn.h"
#include "base/mutex.h"
#include "wal/format.h"

namespace kimdb::wal {

class AppendBuffer {
 public:
  static constexpr std::size_t kChunkBytes = 256 << 10;
  static constexpr std::size_t kCounters = 16;

  struct alignas(64) Chunk {
    std::atomic<std::uint64_t> state;
    std::atomic<Lsn> first_lsn{0};
    char* payload = nullptr;  // behind kFrameHeaderBytes of room
    struct alignas(64) Counter {
      std::atomic<std::uint64_t> bytes{0};
    };
    Counter published[kCounters];
    // Set by the thread that sealed it, read by the writer.
    std::uint32_t count = 0;
    std::uint64_t bytes = 0;
    std::unique_ptr<char[]> memory;
  };

  // Records begin behind `last_lsn`. `wake` is called from append when the first record of a chunk,
  // the record number `wake_at_count` of it, or a full chunk might make work for the writer: cheap,
  // and it must not append.
  AppendBuffer(Lsn last_lsn, std::uint32_t wake_at_count, std::function<void()> wake);
  ~AppendBuffer();

  template <class Fill>
  Lsn append(std::size_t size, Fill&& fill) {
    const std::size_t need = kRecordLengthBytes + size;
    if (need > kChunkBytes) [[unlikely]] {
      LargeRecord large = begin_large(need);
      put_record_length(large.chunk->payload, static_cast<std::uint32_t>(size));
      fill(large.chunk->payload + kRecordLengthBytes, large.lsn);
      large.chunk->published[0].bytes.fetch_add(need, std::memory_order_release);
      return large.lsn;
    }
    for (;;) {
      Chunk* chunk = active_.load(std::memory_order_acquire);
      const std::uint64_t before =
          chunk->state.fetch_add(kOneRecord + need, std::memory_order_acq_rel);
      const std::uint64_t offset = before & kBytesMask;
      if ((before & kSealed) == 0 && offset + need <= kChunkBytes) [[likely]] {
        const std::uint64_t count = (before & ~kSealed) >> kCountShift;
        const Lsn lsn = chunk->first_lsn.load(std::memory_order_relaxed) + count;
        char* out = chunk->payload + offset;
        put_record_length(out, static_cast<std::uint32_t>(size));
        fill(out + kRecordLengthBytes, lsn);
        chunk->published[counter_of_this_thread()].bytes.fetch_add(need, std::memory_order_release);
        if (count == 0 || count == wake_at_count_) [[unlikely]]
          wake_();
        return lsn;
      }
      if ((before & kSealed) == 0 && offset <= kChunkBytes) {
        replace(chunk, (before & ~kSealed) >> kCountShift,
                offset);  // this add is the one that overflowed it
      } else {
        wait_for_other(chunk);
      }
    }
  }

  // The highest LSN drawn. Reads the line that appends write.
  Lsn last_lsn() const;
  // Bytes of sealed chunks that were not recycled yet; changes once for each chunk.
  std::uint64_t waiting_bytes() const { return waiting_bytes_.load(std::memory_order_relaxed); }
  bool has_records() const { return pending_bytes() != 0; }
  // Bytes that the next collect() will give, or somewhat more.
  std::uint64_t pending_bytes() const {
    const std::uint64_t open =
        active_.load(std::memory_order_acquire)->state.load(std::memory_order_acquire) & kBytesMask;
    return waiting_bytes() + (open < kChunkBytes ? open : kChunkBytes);
  }

  // For the writer: seals the open chunk where it has records, and gives all sealed chunks in
  // order, each of them whole. Waits for appends that are still copying.
  std::vector<Chunk*> collect();
  // For a log that follows another one: records begin behind `last_lsn`. Nobody appends meanwhile,
  // and everything that was appended has been collected.
  void skip_to(Lsn last_lsn);
  // Gives chunks back for use. Large ones are freed.
  void recycle(const std::vector<Chunk*>& chunks);

 private:
  static constexpr std::uint64_t kSealed = std::uint64_t{1} << 63;
  static constexpr int kCountShift = 32;
  static constexpr std::uint64_t kOneRecord = std::uint64_t{1} << kCountShift;
  static constexpr std::uint64_t kBytesMask = kOneRecord - 1;
  static constexpr std::size_t kFreeChunksWithMemory = 64;  // more give their memory back

  struct LargeRecord {
    Chunk* chunk;
    Lsn lsn;
  };

  static std::size_t counter_of_this_thread() {
    static std::atomic<std::size_t> threads{0};
    thread_local const std::size_t number =
        threads.fetch_add(1, std::memory_order_relaxed) % kCounters;
    return number;
  }

  LargeRecord begin_large(std::size_t bytes);
  // Seals the open chunk where nobody else is at it; null otherwise.
  Chunk* try_seal(std::uint64_t& count, std::uint64_t& bytes);
  void replace(Chunk* chunk, std::uint64_t count, std::uint64_t bytes);
  void install(Lsn first_lsn);
  Chunk* take_chunk() EXCLUDES(mutex_);
  void queue(Chunk* chunk, std::uint64_t count, std::uint64_t bytes) EXCLUDES(mutex_);
  void wait_for_other(const Chunk* chunk) const;

  std::atomic<Chunk*> active_{nullptr};
  const std::uint64_t wake_at_count_;
  const std::function<void()> wake_;

  alignas(64) std::atomic<std::uint64_t> waiting_bytes_{0};
  Mutex mutex_;
  std::vector<Chunk*> sealed_ GUARDED_BY(mutex_);  // in LSN order
  std::vector<Chunk*> free_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Chunk>> owned_ GUARDED_BY(mutex_);  // the normal ones
};

}  // namespace kimdb::wal
