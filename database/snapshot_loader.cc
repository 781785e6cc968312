#include "database/snapshot_loader.h"

#include <algorithm>
#include <atomic>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/varint.h"
#include "database/snapshot_format.h"
#include "engine/snapshot.h"

namespace kimdb::database {
namespace {

// Visits the blocks of a section.
template <class Visit>
Status for_each_block(const wal::SnapshotFile& file, const wal::SnapshotSection& section,
                      Visit&& visit) {
  auto reader = file.read(section);
  if (!reader) return std::move(reader).error();
  for (;;) {
    auto block = reader->next_block();
    if (!block) return std::move(block).error();
    if (!block->has_value()) return {};
    KIMDB_RETURN_IF_ERROR(visit(**block));
  }
}

Status apply_records(engine::Engine& engine, std::string_view block) {
  while (!block.empty()) {
    const auto lsn = take_varint(block);
    const auto record = lsn ? take_sized_bytes(block) : std::nullopt;
    if (!record) return Error{ErrorCode::corrupt, "malformed records in a snapshot"};
    KIMDB_RETURN_IF_ERROR(engine.restore(*lsn, *record));
  }
  return {};
}

}  // namespace

Status load_snapshot(const wal::SnapshotFile& file, engine::Engine& engine) {
  std::vector<const wal::SnapshotSection*> states, records;
  for (const wal::SnapshotSection& section : file.sections())
    (section.kind == kStateSection ? states : records).push_back(&section);

  std::atomic<std::size_t> next{0};
  Mutex mutex;
  Status failure;
  const auto load = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < states.size();) {
      const Status loaded = for_each_block(file, *states[i], [&](std::string_view block) {
        return engine::restore_section(engine, block);
      });
      if (loaded.has_value()) continue;
      next = states.size();
      MutexLock lock(mutex);
      failure = loaded;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
    threads.emplace_back(load);
  load();
  for (std::thread& thread : threads) thread.join();
  KIMDB_RETURN_IF_ERROR(failure);
  for (const wal::SnapshotSection* section : records)
    KIMDB_RETURN_IF_ERROR(for_each_block(
        file, *section, [&](std::string_view block) { return apply_records(engine, block); }));
  return {};
}

}  // namespace kimdb::database
