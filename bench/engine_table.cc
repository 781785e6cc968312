// The engine alone, without log or sockets: how fast new keys go in, how fast they are found, and
// how many bytes each takes. `bench_engine_table [keys] [threads]`; 16-byte keys, 64-byte values.
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/random.h"
#include "engine/engine.h"
#include "engine/snapshot.h"

namespace {

using namespace kimdb;
using namespace kimdb::engine;

constexpr std::size_t kBatch = 16;  // commands of one pipelined batch

struct Key {
  char bytes[16];
  std::string_view view() const { return {bytes, sizeof bytes}; }
};

Key make_key(std::uint64_t number) {
  Key key;
  std::memcpy(key.bytes, "key:", 4);
  for (int i = 15; i >= 4; --i, number /= 10) key.bytes[i] = static_cast<char>('0' + number % 10);
  return key;
}

std::size_t resident_bytes() {
  std::size_t total = 0, resident = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%zu %zu", &total, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void prefetch(Engine& engine, std::uint64_t hash) {
  Partition& partition = engine.partition_of(hash);
  if (!partition.mutex().try_lock()) return;
  partition.prefetch(0, hash);
  partition.mutex().unlock();
}

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Runs work(thread) on each thread; prints millions a second, and the CPU time of one operation,
// which says more where other processes share the machine.
template <class Work>
void measure(const char* what, std::size_t operations, std::size_t threads, Work&& work) {
  const double cpu_start = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> running;
  for (std::size_t i = 0; i < threads; ++i) running.emplace_back(work, i);
  for (std::thread& thread : running) thread.join();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const double cpu = cpu_seconds() - cpu_start;
  std::printf("%-44s %6.2f M/s %6.0f ns\n", what,
              static_cast<double>(operations) / seconds.count() / 1e6,
              cpu * 1e9 / static_cast<double>(operations));
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2000000;
  const std::size_t threads = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  Engine engine({.partitions = 64, .hash_seed = SystemRandom().next()});
  const std::string value(64, 'v');
  std::atomic<Lsn> last_lsn{0};
  const std::size_t before = resident_bytes();
  std::printf("%zu keys of 16 bytes, values of 64, %zu thread(s)\n", keys, threads);

  const auto put_all = [&](std::size_t thread) {
    for (std::size_t i = thread; i < keys; i += threads) {
      const Key key = make_key(i);
      Operation operation{.key = key.view(), .value = value, .hash = engine.hash(key.view())};
      MutexLock lock(engine.partition_of(operation.hash).mutex());
      engine.apply(last_lsn.fetch_add(1, std::memory_order_relaxed) + 1, operation);
    }
  };
  measure("new keys", keys, threads, put_all);
  const std::size_t used = resident_bytes() - before;
  std::printf("bytes per key: %.1f resident, %.1f by Engine::memory()\n",
              static_cast<double>(used) / static_cast<double>(keys),
              static_cast<double>(engine.memory()) / static_cast<double>(keys));
  measure("the same keys again", keys, threads, put_all);
  {
    Engine batched({.partitions = 64, .hash_seed = SystemRandom().next()});
    measure("new keys, prefetched by sixteen", keys, threads, [&](std::size_t thread) {
      Key batch[kBatch];
      Operation operations[kBatch];
      for (std::size_t i = thread * kBatch; i < keys; i += threads * kBatch) {
        for (std::size_t j = 0; j < kBatch; ++j) {
          batch[j] = make_key(i + j);
          const std::uint64_t hash = batched.hash(batch[j].view());
          operations[j] = {.key = batch[j].view(), .value = value, .hash = hash};
          prefetch(batched, hash);
        }
        for (const Operation& operation : operations) {
          MutexLock lock(batched.partition_of(operation.hash).mutex());
          batched.apply(last_lsn.fetch_add(1, std::memory_order_relaxed) + 1, operation);
        }
      }
    });
  }
  measure("random keys found", keys, threads, [&](std::size_t thread) {
    SeededRandom random(thread);
    std::size_t found = 0;
    for (std::size_t i = thread; i < keys; i += threads) {
      const Key key = make_key(random.below(keys));
      const std::uint64_t hash = engine.hash(key.view());
      Partition& partition = engine.partition_of(hash);
      MutexLock lock(partition.mutex());
      const Entry* entry = partition.find(0, key.view(), hash);
      found += entry != nullptr && entry->value().front() == 'v';
    }
    if (found == 0) std::abort();
  });
  measure("random keys found, prefetched by sixteen", keys, threads, [&](std::size_t thread) {
    SeededRandom random(thread);
    std::size_t found = 0;
    Key batch[kBatch];
    std::uint64_t hashes[kBatch];
    for (std::size_t i = thread; i < keys; i += threads * kBatch) {
      for (std::size_t j = 0; j < kBatch; ++j) {
        batch[j] = make_key(random.below(keys));
        hashes[j] = engine.hash(batch[j].view());
        prefetch(engine, hashes[j]);
      }
      for (std::size_t j = 0; j < kBatch; ++j) {
        Partition& partition = engine.partition_of(hashes[j]);
        MutexLock lock(partition.mutex());
        const Entry* entry = partition.find(0, batch[j].view(), hashes[j]);
        found += entry != nullptr && entry->value().front() == 'v';
      }
    }
    if (found == 0) std::abort();
  });

  std::vector<std::string> sections;
  measure("keys copied for a snapshot, one thread", keys, 1, [&](std::size_t) {
    SnapshotCopier copier(engine);
    for (std::string section; copier.next_section(section); section.clear())
      sections.push_back(section);
  });
  Engine restored({.partitions = 64, .hash_seed = SystemRandom().next()});
  measure("keys restored from a snapshot", keys, threads, [&](std::size_t thread) {
    for (std::size_t i = thread; i < sections.size(); i += threads)
      if (!restore_section(restored, sections[i])) std::abort();
  });
  if (engine.digest() != restored.digest()) std::abort();
  measure("keys removed", keys, threads, [&](std::size_t thread) {
    for (std::size_t i = thread; i < keys; i += threads) {
      const Key key = make_key(i);
      Operation operation{
          .kind = OperationKind::remove, .key = key.view(), .hash = engine.hash(key.view())};
      MutexLock lock(engine.partition_of(operation.hash).mutex());
      engine.apply(last_lsn.fetch_add(1, std::memory_order_relaxed) + 1, operation);
    }
  });
  std::printf("Engine::memory() after that: %lld bytes\n", static_cast<long long>(engine.memory()));
}
