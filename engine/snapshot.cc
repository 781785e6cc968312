#include "engine/snapshot.h"

#include "base/varint.h"

namespace kimdb::engine {

namespace {

void append(std::string& out, Lsn lsn, const Operation& operation) {
  const std::size_t start = out.size();
  out.resize(start + varint_size(lsn) + encoded_size(operation));
  encode(put_varint(out.data() + start, lsn), operation);
}

}  // namespace

bool SnapshotCopier::next_section(std::string& out) {
  const std::size_t start = out.size();
  while (out.size() == start && partition_ < engine_.partition_count()) {
    Partition& partition = engine_.partition(partition_);
    MutexLock lock(partition.mutex());
    if (copy_entries(partition, out, start) || copy_requests(partition, out, start)) continue;
    ++partition_;
    keyspace_ = 0;
    client_.reset();
  }
  return out.size() != start;
}

bool SnapshotCopier::copy_entries(const Partition& partition, std::string& out, std::size_t start) {
  for (std::size_t groups = 0; keyspace_ < kKeyspaces;
       ++keyspace_, position_ = EntryTable::kBegin) {
    const EntryTable* table = partition.table(keyspace_);
    while (table != nullptr && position_ < EntryTable::kEnd) {
      if (out.size() - start >= kSectionBytes || ++groups > kSectionGroups) return true;
      position_ = table->walk_group(position_, [&](const Entry* entry) {
        append(out, entry->lsn(),
               {.kind = OperationKind::put,
                .keyspace = keyspace_,
                .expires_at = entry->expires_at(),
                .key = entry->key(),
                .value = entry->value()});
      });
    }
  }
  return false;
}

bool SnapshotCopier::copy_requests(const Partition& partition, std::string& out,
                                   std::size_t start) {
  while (const auto* next = partition.requests().next(client_)) {
    if (out.size() - start >= kSectionBytes) return true;
    const auto& [name, client] = *next;
    if (client.dropped_through != 0)
      append(out, 1,
             {.kind = OperationKind::dropped, .number = client.dropped_through, .key = name});
    for (const RequestLog::Result& result : client.results)
      append(out, result.lsn,
             {.kind = OperationKind::request,
              .number = result.sequence,
              .key = name,
              .value = result.reply});
    client_ = name;
  }
  return false;
}

namespace {

struct Restored {
  Lsn lsn = 0;
  Operation operation;
};

Result<Restored> take_restored(Engine& engine, std::string_view& section) {
  const auto lsn = take_varint(section);
  if (!lsn) return Error{ErrorCode::corrupt, "malformed section of a snapshot"};
  auto operation = take_operation(section);
  if (!operation) return std::move(operation).error();
  if (operation->kind != OperationKind::put && operation->kind != OperationKind::request &&
      operation->kind != OperationKind::dropped)
    return Error{ErrorCode::corrupt, "a section of a snapshot has an operation that is no state"};
  operation->hash = engine.hash(operation->keyspace, operation->key);
  return Restored{*lsn, *operation};
}

}  // namespace

Status restore_section(Engine& engine, std::string_view section) {
  // Some at a time: memory brings the places of all of them while the first are put in.
  constexpr std::size_t kAtOnce = 16;
  while (!section.empty()) {
    Restored batch[kAtOnce];
    std::size_t size = 0;
    for (; size < kAtOnce && !section.empty(); ++size) {
      auto next = take_restored(engine, section);
      if (!next) return std::move(next).error();
      batch[size] = *next;
      Partition& partition = engine.partition_of(next->operation.hash);
      if (!partition.mutex().try_lock()) continue;
      partition.prefetch(next->operation.keyspace, next->operation.hash);
      partition.mutex().unlock();
    }
    for (std::size_t i = 0; i < size; ++i) {
      MutexLock lock(engine.partition_of(batch[i].operation.hash).mutex());
      engine.restore(batch[i].lsn, batch[i].operation);
    }
  }
  return {};
}

}  // namespace kimdb::engine
