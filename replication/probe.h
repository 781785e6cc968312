// Asks another node how far its log is. Blocks; any thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "replication/message.h"

namespace kimdb::replication {

class TlsContext;

// `address`: its replication.listen. `tls`: null where there is none. unavailable where it does not
// answer in time.
Result<ProbeReply> probe(const std::string& address, const wal::Uuid& cluster_id,
                         const std::shared_ptr<TlsContext>& tls, std::chrono::milliseconds timeout);

}  // namespace kimdb::replication
