// The log's hot path without anything around it: two threads append 100-byte records, the writer
// writes them.
//
// bench_log_append [directory [seconds]]: prints records a second for sync off, interval and
// commit.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/posix_filesystem.h"
#include "wal/log.h"

namespace {

using namespace kimdb;  // NOLINT(google-build-using-namespace): a program of one file

constexpr std::size_t kRecordBytes = 100;
constexpr int kThreads = 2;

template <class T>
T need(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "log_append: %s\n", result.error().message.c_str());
  std::exit(1);
}

void run(const char* name, wal::Sync sync, const std::string& path, int seconds, bool prove) {
  std::filesystem::remove_all(path);
  PosixFilesystem filesystem;
  SystemClock clock;
  SystemRandom random;
  auto directory = need(wal::DataDirectory::open(filesystem, clock, random, path));
  auto recovered = need(wal::recover(*directory, {}, {}));
  wal::LogOptions options;
  options.sync = sync;
  auto log = need(wal::Log::open(*directory, recovered, options, {}));
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> total{0};
  std::vector<std::thread> threads;
  const auto start = std::chrono::steady_clock::now();
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      char record[kRecordBytes];
      std::memset(record, 'r', sizeof record);
      std::uint64_t count = 0;
      while (!stop.load(std::memory_order_relaxed)) {
        Lsn lsn = 0;
        for (int i = 0; i < 64; ++i) {
          if (!log->reserve(sizeof record)) std::exit(1);
          lsn = log->append(sizeof record,
                            [&](char* out, Lsn) { std::memcpy(out, record, sizeof record); });
        }
        if (sync == wal::Sync::commit && !log->commit_here(lsn))
          ignore(log->sync_through(lsn), "seen at the end");
        count += 64;
      }
      total += count;
    });
  }
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  std::printf("%-10s %10.0f records/s\n", name, static_cast<double>(total) / time.count());
  if (!log->close()) std::exit(1);
  log.reset();
  directory.reset();
  if (!prove) return;
  directory = need(wal::DataDirectory::open(filesystem, clock, random, path));
  std::uint64_t seen = 0;
  const auto begin = std::chrono::steady_clock::now();
  recovered =
      need(wal::recover(*directory, {}, [&](std::span<const wal::RecordView> views) -> Status {
        seen += views.size();
        return {};
      }));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%-10s %10.0f records/s read back%s\n", name,
              static_cast<double>(seen) / took.count(), seen == total ? "" : ", NOT ALL OF THEM");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "build/log_append";
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 3;
  run("off", wal::Sync::off, path, seconds, true);
  run("interval", wal::Sync::interval, path, seconds, true);
  run("commit", wal::Sync::commit, path, seconds, true);
  std::filesystem::remove_all(path);
}
