// The slave's part of replication as a state machine without sockets: what it says to its master,
// and what it does with what it gets.
//
// Frames go into the log as they come; what came together is synced and acknowledged together; what
// is committed is applied. Where the master's log does not reach back so far it sends a copy of its
// data first, which takes the place of this node's when it is whole. Time comes in by the calls (ms
// of a monotonic clock). One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/logging.h"
#include "replication/node.h"
#include "replication/options.h"
#include "replication/timeline.h"

namespace kimdb::replication {

class Slave {
 public:
  // `node` and `logger` outlive it.
  Slave(Node& node, Logger& logger, SlaveOptions options)
      : node_(node), logger_(logger), options_(std::move(options)) {}

  // A connection to the master is there: appends what is said first. An error ends it.
  Status connected(std::int64_t now_ms, std::string& out);
  // A message of the master. An error ends the connection.
  Status receive(const Message& message, std::int64_t now_ms);
  // All that has come is received: syncs it, and appends the acknowledgement. An error ends the
  // connection.
  Status finish_batch(std::string& out);
  // Once that was sent: applies what is committed, and says so where the master wants to know.
  Status apply_batch(std::string& out);
  // All of a copy has come: the connection is to be ended, the copy to be installed, and the master
  // to be connected to again.
  bool copy_is_whole() const;
  Status install_copy();
  // The master was silent for so long that it counts as gone.
  bool is_silent(std::int64_t now_ms) const;
  void disconnected() { joined_ = copying_ = false; }

  bool joined() const { return joined_; }
  // That is coming; size 0: none is.
  CopyProgress copy() const { return copying_ ? node_.copy() : CopyProgress(); }
  std::uint64_t term() const { return term_; }
  Lsn master_lsn() const { return master_lsn_; }  // of its log, as it said last
  // Where the master's other slaves are.
  const std::vector<std::string>& peers() const { return peers_; }
  // How far what is applied here was behind that then.
  Lag lag() const { return master_log_.behind(node_.applied_lsn(), master_time_ms_); }
  const SlaveOptions& options() const { return options_; }

 private:
  Status join(const Message& message);
  Status begin_following(const Welcome& welcome);
  Status begin_copying(const CopyOffer& offer);
  // The master is no older than this slave, and what is cut behind `lsn` was never committed.
  Status check_master(std::uint64_t term, Lsn lsn) const;
  Status cut_behind(Lsn lsn);
  void acknowledge(std::string& out) const;
  Status take_part(const CopyPart& part, std::int64_t now_ms);
  Status take(const Frame& frame);

  Node& node_;
  Logger& logger_;
  const SlaveOptions options_;
  bool joined_ = false;
  bool copying_ = false;
  std::int64_t copy_logged_ms_ = 0;
  std::uint64_t term_ = 0;  // of the master that it follows
  bool wants_applied_ = false;
  Lsn received_ = 0;
  Lsn synced_ = 0;
  Lsn committed_ = 0;
  Lsn master_lsn_ = 0;
  std::vector<std::string> peers_;
  Timeline master_log_;
  std::int64_t master_time_ms_ = 0;
  Hello hello_;  // that was said last
  std::int64_t heard_at_ms_ = 0;
};

}  // namespace kimdb::replication
