// What a master answers to a slave that connects. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <variant>

#include "replication/message.h"

namespace kimdb::replication {

// The master, as it is when a slave says hello.
struct MasterState {
  wal::Uuid cluster_id{};
  wal::Uuid node_id{};
  std::uint64_t term = 0;
  LogEnd log;
  Lsn committed_lsn = 0;
};

// The chain at an LSN at which a frame of the log ends; nothing where the log does not reach back
// to it.
using ChainAt = std::function<std::optional<std::uint32_t>(Lsn)>;

// Whom frames may be sent to, and from where on; who needs a copy of the data first, since the
// master's log does not reach back so far (`copy` of the offer is left to the caller); or why not.
// A slave whose log parts from the master's is taken where what it has committed lies before that
// point: it cuts the rest.
std::variant<Welcome, CopyOffer, Refusal> answer_hello(const MasterState& master,
                                                       const Hello& hello, const ChainAt& chain_at);

}  // namespace kimdb::replication
