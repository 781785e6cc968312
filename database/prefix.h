// The words before a command: ACK, ID, EXPLAINED, AFTER (docs/protocol.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "database/client_position.h"

namespace kimdb::database {

// What a reply waits for before it may be sent.
enum class Acknowledge : std::uint8_t {
  standard,  // as wal.sync and replication say
  memory,    // nothing more
  synced,    // on stable storage here
  replica,   // and on that of the quorum of replicas, even where the master has degraded
};

struct Prefix {
  Acknowledge acknowledge = Acknowledge::standard;
  std::string_view client;  // empty: no ID
  std::uint64_t sequence = 0;
  bool explained = false;
  std::optional<ClientPosition> after;  // the command waits until this server is there
};

}  // namespace kimdb::database
