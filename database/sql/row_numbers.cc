#include "database/sql/row_numbers.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "database/database.h"

namespace kimdb::database::sql {

namespace {

constexpr std::int64_t kReserved = 1000;

}  // namespace

Result<RowNumbers::Counter*> RowNumbers::counter(std::uint32_t table) {
  if (const std::uint64_t term = database_.log().term(); of_term_ != term) {
    counters_.clear();
    of_term_ = term;
  }
  const auto [place, is_new] = counters_.try_emplace(table);
  Counter& counter = place->second;
  if (!is_new) return &counter;
  engine::Engine& engine = database_.engine();
  const std::string key = counter_key(table);
  const std::uint64_t hash = engine.hash(key);
  engine::Partition& partition = engine.partition_of(hash);
  MutexLock lock(partition.mutex());
  counter.next = 1;
  if (const engine::Entry* entry = partition.find(engine::kCounters, key, hash)) {
    const std::string_view value = entry->value();
    const auto read = std::from_chars(value.data(), value.data() + value.size(), counter.next);
    if (read.ec != std::errc())
      return Error{ErrorCode::corrupt, "the counter of table " + std::to_string(table)};
  }
  counter.end = counter.next;
  return &counter;
}

Status RowNumbers::reserve(std::uint32_t table, Counter& counter, std::int64_t end) {
  const std::string key = counter_key(table);
  const std::string value = std::to_string(end);
  const auto written = database_.write_one({.kind = engine::OperationKind::put,
                                            .keyspace = engine::kCounters,
                                            .key = key,
                                            .value = value});
  if (!written) return written.error();
  counter.end = end;
  return {};
}

Result<std::int64_t> RowNumbers::next(const TypedTable& table) {
  MutexLock lock(mutex_);
  const auto found = counter(table.schema().number);
  if (!found) return found.error();
  Counter& counter = **found;
  if (counter.next == INT64_MAX)
    return Error{ErrorCode::invalid_argument,
                 "table " + table.schema().name + " has used up its numbers"};
  if (counter.next >= counter.end)
    KIMDB_RETURN_IF_ERROR(
        reserve(table.schema().number, counter,
                counter.next > INT64_MAX - kReserved ? INT64_MAX : counter.next + kReserved));
  return counter.next++;
}

Status RowNumbers::raise(const TypedTable& table, std::int64_t number) {
  MutexLock lock(mutex_);
  const auto found = counter(table.schema().number);
  if (!found) return found.error();
  Counter& counter = **found;
  if (number < counter.next) return {};
  const std::int64_t next = number == INT64_MAX ? number : number + 1;
  if (next > counter.end)
    KIMDB_RETURN_IF_ERROR(reserve(table.schema().number, counter,
                                  next > INT64_MAX - kReserved ? INT64_MAX : next + kReserved));
  counter.next = next;
  return {};
}

void RowNumbers::forget(std::uint32_t table) {
  MutexLock lock(mutex_);
  counters_.erase(table);
  const std::string key = counter_key(table);
  ignore(database_.write_one(
             {.kind = engine::OperationKind::remove, .keyspace = engine::kCounters, .key = key}),
         "a counter that stays is in nobody's way");
}

Result<std::uint32_t> RowNumbers::next_table() {
  MutexLock lock(mutex_);
  const auto found = counter(0);
  if (!found) return found.error();
  Counter& counter = **found;
  if (counter.next > UINT32_MAX)
    return Error{ErrorCode::unavailable, "all numbers of tables are used up"};
  KIMDB_RETURN_IF_ERROR(reserve(0, counter, counter.next + 1));
  return static_cast<std::uint32_t>(counter.next++);
}

}  // namespace kimdb::database::sql
