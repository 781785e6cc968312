// The words before a command: ACK, ID, EXPLAINED (docs/protocol.md).
#pragma once

#include <cstdint>
#include <string_view>

namespace kimdb::database {

// What a reply waits for before it may be sent.
enum class Acknowledge : std::uint8_t {
  standard,  // as wal.sync and replication say
  memory,    // nothing more
  synced,    // on stable storage here
};

struct Prefix {
  Acknowledge acknowledge = Acknowledge::standard;
  std::string_view client;  // empty: no ID
  std::uint64_t sequence = 0;
  bool explained = false;
};

}  // namespace kimdb::database
