// What a SET costs in the process, without sockets and without the parser: the engine and the log
// together, in the steps of database/database.cc. `bench_engine_set [keys] [directory]`; new
// 16-byte keys with 64-byte values, on one thread and on two, `wal.sync: interval`.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/posix_filesystem.h"
#include "base/random.h"
#include "engine/engine.h"
#include "wal/data_directory.h"
#include "wal/log.h"
#include "wal/recovery.h"

namespace {

using namespace kimdb;
using engine::Operation;

constexpr std::size_t kBatch = 16;  // commands that come in one read of a socket
constexpr std::size_t kKeyBytes = 16;

template <class T>
T value_or_exit(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}

void write_key(char* out, std::uint64_t number) {
  std::memcpy(out, "key:", 4);  // NOLINT(bugprone-not-null-terminated-result): no C string
  for (std::size_t i = kKeyBytes; i-- > 4; number /= 10)
    out[i] = static_cast<char>('0' + number % 10);
}

class Store {
 public:
  explicit Store(const std::string& path)
      : directory_(value_or_exit(wal::DataDirectory::open(filesystem_, clock_, random_, path))),
        engine_({.partitions = 64, .hash_seed = random_.next()}) {
    const auto recovered = value_or_exit(wal::recover(*directory_, {}, {}));
    log_ = value_or_exit(wal::Log::open(
        *directory_, recovered, {.sync = wal::Sync::interval, .max_segment_size = 256 << 20}, {}));
  }

  // SETs the keys with numbers from `first` on, in steps of `step`, below `end`.
  void set(std::size_t first, std::size_t step, std::size_t end) {
    const std::string value(64, 'v');
    char keys[kBatch][kKeyBytes];
    Operation operations[kBatch];
    for (std::size_t i = first; i < end;) {
      std::size_t size = 0;
      for (; size < kBatch && i < end; ++size, i += step) {
        write_key(keys[size], i);
        const std::string_view key(keys[size], kKeyBytes);
        operations[size] = {.key = key, .value = value, .hash = engine_.hash(key)};
        engine::Partition& partition = engine_.partition_of(operations[size].hash);
        if (!partition.mutex().try_lock()) continue;
        partition.prefetch(0, operations[size].hash);
        partition.mutex().unlock();
      }
      for (std::size_t j = 0; j < size; ++j) set(operations[j]);
    }
  }
  void sync() {
    if (!log_->sync_through(log_->last_lsn())) std::exit(1);
  }
  void close() {
    if (!log_->close()) std::exit(1);
  }

 private:
  void set(Operation& operation) {
    constexpr std::size_t kReplacesBytesMax = 10;  // what is not known yet
    if (!log_->reserve(encoded_size(operation) + kReplacesBytesMax)) std::exit(1);
    engine::Partition& partition = engine_.partition_of(operation.hash);
    MutexLock lock(partition.mutex());
    const engine::Entry* old = partition.find(0, operation.key, operation.hash);
    operation.replaces = old == nullptr ? 0 : old->lsn();
    const Lsn lsn =
        log_->append(encoded_size(operation), [&](char* out, Lsn) { encode(out, operation); });
    engine_.apply(lsn, operation);
  }

  PosixFilesystem filesystem_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<wal::DataDirectory> directory_;
  engine::Engine engine_;
  std::unique_ptr<wal::Log> log_;
};

void run(const std::string& path, std::size_t keys, std::size_t threads) {
  std::filesystem::remove_all(path);
  Store store(path);
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> running;
  for (std::size_t i = 0; i < threads; ++i)
    running.emplace_back([&, i] { store.set(i, threads, keys); });
  for (std::thread& thread : running) thread.join();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  store.sync();
  const std::chrono::duration<double> synced = std::chrono::steady_clock::now() - start;
  std::printf("%zu thread(s): %9.0f SETs/s, %9.0f with the last sync waited for\n", threads,
              static_cast<double>(keys) / seconds.count(),
              static_cast<double>(keys) / synced.count());
  store.close();
  std::filesystem::remove_all(path);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2000000;
  // Beside the program: a real disk, where a temporary directory may be memory.
  const std::string path = argc > 2 ? argv[2] : argv[0] + std::string(".data");
  std::printf("engine and log, sync: interval, %zu new keys of 16 bytes, values of 64\n", keys);
  for (const std::size_t threads : {1, 2}) run(path, keys, threads);
}
