// The slave's part of replication as a state machine without sockets: what it says to its master,
// and what it does with what it gets.
//
// Frames go into the log as they come; what came together is synced and acknowledged together; what
// is committed is applied. Time comes in by the calls (ms of a monotonic clock). One thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/logging.h"
#include "replication/node.h"
#include "replication/options.h"

namespace kimdb::replication {

class Slave {
 public:
  // `node` and `logger` outlive it.
  Slave(Node& node, Logger& logger, SlaveOptions options)
      : node_(node), logger_(logger), options_(std::move(options)) {}

  // A connection to the master is there: appends what is said first.
  void connected(std::int64_t now_ms, std::string& out);
  // A message of the master. An error ends the connection.
  Status receive(const Message& message, std::int64_t now_ms);
  // All that has come is received: syncs it, appends the acknowledgement, applies what is
  // committed. An error ends the connection.
  Status finish_batch(std::string& out);
  // The master was silent for so long that it counts as gone.
  bool is_silent(std::int64_t now_ms) const;
  void disconnected() { joined_ = false; }

  bool joined() const { return joined_; }
  std::uint64_t term() const { return term_; }
  Lsn master_lsn() const { return master_lsn_; }  // of its log, as it said last
  const SlaveOptions& options() const { return options_; }

 private:
  Status join(const Message& message);
  Status take(const Frame& frame);

  Node& node_;
  Logger& logger_;
  const SlaveOptions options_;
  bool joined_ = false;
  std::uint64_t term_ = 0;  // of the master that it follows
  Lsn received_ = 0;
  Lsn synced_ = 0;
  Lsn committed_ = 0;
  Lsn master_lsn_ = 0;
  Hello hello_;  // that was said last
  std::int64_t heard_at_ms_ = 0;
};

}  // namespace kimdb::replication
