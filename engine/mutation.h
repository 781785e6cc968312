// A Mutation: what one record of the log says. A list of operations with no choices left in them,
// applied as one.
//
// Every write becomes one, whatever interface it came through; a live command, crash recovery and a
// replica apply it alike (Engine::apply). The format below is what the log stores and what
// replication ships.
//
// clang-format off
//   mutation  := operation+                          all of them carry the record's LSN
//   operation := kind u8, body
//   put         1: keyspace u8, replaces varint, expires_at varint, key, value
//   remove      2: keyspace u8, replaces varint, reason u8, key
//   set_expiry  3: keyspace u8, replaces varint, expires_at varint, key
//   write_range 4: keyspace u8, replaces varint, offset varint, key, bytes     zeros fill a gap before the offset
//   flush       5: keyspace u8                                                 0xff: every one of keys
//   request     6: client, sequence varint, result                             see engine/request_log.h
//   forget      7: client
//   dropped     8: client, sequence varint      results up to this one may be gone; in snapshots only
// clang-format on
//
// key, value, client, result, bytes := length varint, bytes. expires_at: Unix time in ms, 0 for
// never. replaces: the LSN of the version that this one takes the place of, 0 where there was none
// (an insert), kOwnRecord where an earlier operation of the same record made it.
//
// Each operation done twice in a row leaves what doing it once leaves; recovery relies on that
// (engine/engine.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/lsn.h"
#include "base/result.h"

namespace kimdb::engine {

// The keyspaces that SELECT names, and behind them those of other data.
constexpr std::uint8_t kKeyKeyspaces = 16;
// They take put without an expiry time, and remove.
constexpr std::uint8_t kDocuments = 16;  // engine/document.h
constexpr std::uint8_t kIndexes = 17;    // engine/index.h
constexpr std::uint8_t kSchemas = 18;    // engine/schema.h
constexpr std::uint8_t kRows = 19;       // engine/row.h
constexpr std::uint8_t kCounters = 20;   // of typed tables (database/sql/row_numbers.h)
constexpr std::uint8_t kKeyspaces = 21;
constexpr std::uint8_t kEveryKeyspace = 0xff;  // of keys: FLUSHALL leaves the others alone
constexpr Lsn kOwnRecord = ~Lsn{0};
constexpr std::size_t kKeyBytesMax = (std::size_t{1} << 24) - 1;
constexpr std::size_t kValueBytesMax = (std::size_t{1} << 32) - 1;

enum class OperationKind : std::uint8_t {
  put = 1,
  remove = 2,
  set_expiry = 3,
  write_range = 4,
  flush = 5,
  request = 6,
  forget = 7,
  dropped = 8,
};

enum class RemoveReason : std::uint8_t { command = 0, expired = 1, evicted = 2 };

// One operation, its bytes borrowed. `hash` is Engine::hash of the key (or client); it is not
// stored.
struct Operation {
  OperationKind kind = OperationKind::put;
  std::uint8_t keyspace = 0;
  RemoveReason reason = RemoveReason::command;
  Lsn replaces = 0;
  std::int64_t expires_at = 0;  // put, set_expiry
  std::uint64_t number = 0;     // write_range: offset; request, dropped: sequence
  std::string_view key;         // request, forget, dropped: client
  std::string_view value;       // write_range: bytes; request: result
  std::uint64_t hash = 0;
};

std::size_t encoded_size(const Operation& operation);
// Writes exactly encoded_size(operation) bytes; returns the end.
char* encode(char* out, const Operation& operation);
void append_encoded(std::string& out, const Operation& operation);

// Takes the first operation off the front of `mutation` (its views point into it). An error where
// the bytes are no operation: the log's checksums were right, so a newer version wrote them or the
// data is damaged.
Result<Operation> take_operation(std::string_view& mutation);

}  // namespace kimdb::engine
