// The master's part of replication as a state machine without sockets: what it answers to slaves,
// what it sends them, and what it may count as committed.
//
// A slave gets frames as they stand in the log once they are durable here. What it acknowledges
// goes to a Quorum; Node::set_replicated_lsn() follows that. Time comes in by the calls (ms of a
// monotonic clock). One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/logging.h"
#include "replication/handshake.h"
#include "replication/node.h"
#include "replication/options.h"
#include "replication/quorum.h"
#include "replication/timeline.h"

namespace kimdb::replication {

using SlaveId = std::uint64_t;

// A slave as the master sees it.
struct SlaveStatus {
  std::string address;
  Acknowledgement progress;
  std::int64_t last_heard_ms = 0;  // Unix ms
  CopyProgress copy;               // that it is being sent; it follows no log meanwhile
  Lag lag;                         // of what it has applied
};

class Master {
 public:
  // `node` and `logger` outlive it. The node has begun its term. `committed`: what was known to be
  // committed before that.
  Master(Node& node, Logger& logger, MasterOptions options, Lsn committed, std::int64_t now_ms);

  // What this node's log is, to another slave that asks.
  ProbeReply answer_probe() const;
  // A new connection said hello: appends the answer. unavailable with the reason where it is
  // refused; the answer is to be sent all the same.
  Status join(SlaveId id, const std::string& address, const Hello& hello, std::int64_t now_ms,
              std::string& out);
  // What a slave that has joined sends. An error ends its connection.
  Status receive(SlaveId id, const Message& message);
  // Its connection has ended.
  void leave(SlaveId id, const std::string& why);
  // All connections are to be ended: collect() knows none of them any more.
  void leave_all(const std::string& why);

  // Appends what is to be sent to the slave now: frames or parts of a copy, not many more bytes
  // than batch_bytes, and a heartbeat where it is due or tells of a new commit. An error ends its
  // connection.
  Status collect(SlaveId id, std::int64_t now_ms, std::string& out);
  // Whether collect() would find something before the next heartbeat.
  bool has_news(SlaveId id) const;
  std::int64_t next_heartbeat_ms(SlaveId id) const;

  // The log's written_lsn() or durable_lsn() rose.
  void log_rose() { update_committed(); }
  // To be called a few times in options.timeout.
  void tick(std::int64_t now_ms);

  std::vector<SlaveStatus> slaves(std::int64_t now_ms) const;
  // It was missing for too long, and does not have everything again; on_timeout counts.
  bool quorum_missing() const { return missing_; }
  // The highest term that a slave which was refused had seen; 0: none.
  std::uint64_t higher_term() const { return higher_term_; }
  const MasterOptions& options() const { return options_; }

  static constexpr std::size_t kPartBytesMax = 256 << 10;

 private:
  struct Slave {
    SlaveStatus status;
    std::unique_ptr<FrameSource> frames;   // either this
    std::unique_ptr<SnapshotSource> copy;  // or this
    std::int64_t copy_logged_ms = 0;
    Lsn sent_lsn = 0;        // of the last frame collected
    Lsn told_committed = 0;  // in a heartbeat
    std::int64_t sent_at_ms = 0;
    wal::Uuid node_id{};
    std::string listens_at;        // host:port; empty: nowhere
    std::uint64_t told_peers = 0;  // peers_ when it was told of them
  };

  Status begin_copy(SlaveId id, CopyOffer offer, const Hello& hello, const std::string& address,
                    std::int64_t now_ms, std::string& out);
  // One that has come back by another connection counts once.
  Slave& add_slave(SlaveId id, const Hello& hello, const std::string& address, std::int64_t now_ms);
  void leave_before(SlaveId id, const wal::Uuid& node_id);
  void collect_peers(SlaveId id, Slave& slave, std::string& out) const;
  Status collect_frames(Slave& slave, Lsn limit, std::string& out);
  Status collect_parts(Slave& slave, std::int64_t now_ms, std::string& out);
  bool waits_for_quorum() const { return !options_.relays && quorum_.replicated_lsn() != ~Lsn{0}; }
  // The quorum is missing from now on, where on_timeout asks for that.
  void miss_quorum(const std::string& why);
  void update_committed();
  void tell_node();
  // What commits, or answers, wait for.
  Lsn reached() const { return options_.ack == Ack::applied ? answered_ : replicated_; }

  Node& node_;
  Logger& logger_;
  const MasterOptions options_;
  std::map<SlaveId, Slave> slaves_;
  std::uint64_t peers_ = 1;  // counts changes of who is there
  Quorum quorum_;
  Quorum answers_;      // of ack: applied
  const Lsn term_lsn_;  // of the term's first frame
  Timeline timeline_;   // of this node's log
  bool missing_ = false;
  std::uint64_t higher_term_ = 0;
  Lsn replicated_ = 0;           // what the quorum has acknowledged, ever
  Lsn answered_ = 0;             // the same for answers_
  Lsn seen_reached_ = 0;         // by tick()
  std::int64_t stuck_since_ms_;  // reached() does not rise although something waits
};

}  // namespace kimdb::replication
