// A cluster of simulated nodes around the real Master and Slave: one seed decides what clients
// write, when messages arrive, who crashes, which connection breaks, and whom the operator
// promotes.
//
// Besides, machines stand still for a while, their clocks jump, connections pass nothing in one
// direction, and disks fail, upon which a process ends. A node's disk is a list of frames, of which
// a crash may lose what was not synced; snapshots make the older ones superfluous, and what has
// come of a copy may be spoiled by a crash. Messages travel as bytes, late, in the order of their
// connection. The operator promotes as docs/replication.md tells people to: once the master is
// dead, of enough slaves the one with the newest log.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/logging.h"
#include "base/random.h"
#include "replication/master.h"
#include "replication/slave.h"

namespace kimdb::replication::test {

class SimulatedNode final : public Node {
 public:
  SimulatedNode(std::uint8_t number, Random& random);

  // --- what the world does with it ---
  void append(const std::string& record);  // as a master; not durable
  void begin_term(std::uint64_t term);     // durable at once
  void crash();
  // The next sync fails, and what it should have synced may be lost.
  void fail_next_sync() { fails_sync_ = true; }
  void repair_disk() { fails_sync_ = false; }
  // Of a slave that is promoted: applies all.
  void apply_all() { applied_lsn_ = last_lsn(); }
  void restart_as(bool slave);
  // Writes a snapshot of what is committed; removes the older ones but for `kept`, and the log that
  // they replace.
  void take_snapshot(std::size_t kept);

  Lsn last_lsn() const { return frames_.size(); }
  // The records of the state, terms left out.
  std::vector<std::string> records(Lsn through) const;
  const std::string& record(Lsn lsn) const { return frames_[lsn - 1].payload; }
  struct Happened {
    std::uint64_t cuts = 0, copies = 0, copies_resumed = 0, copies_spoiled = 0;
  };
  const Happened& happened() const { return happened_; }

  wal::Uuid cluster_id() const override { return cluster_id_; }
  wal::Uuid node_id() const override { return {number_}; }
  std::uint64_t term() const override { return term_; }
  LogEnd log_end() const override { return {history_, durable_}; }
  Lsn durable_lsn() const override { return durable_; }
  Lsn written_lsn() const override { return last_lsn(); }
  std::optional<std::uint32_t> chain_at(Lsn lsn) const override;
  std::uint64_t log_bytes() const override { return 100 * last_lsn(); }
  std::int64_t unix_ms() const override { return 0; }
  Result<std::unique_ptr<FrameSource>> frames_behind(Lsn after) override;
  Lsn committed_lsn() const override { return std::min(durable_, replicated_); }
  void set_replicated(const Replicated& replicated) override {
    replicated_ = replicated.committed;
    answered_ = replicated.answered;
    refuses_writes_ = replicated.refuses_writes;
  }
  // What a client may be answered; whether writes are refused.
  Lsn answered_lsn() const { return std::min(committed_lsn(), answered_); }
  bool refuses_writes() const { return refuses_writes_; }
  Status join_cluster(const wal::Uuid& cluster_id) override;
  Status follow(const Frame& frame) override;
  Status sync() override;
  Status cut_behind(Lsn lsn) override;
  Result<std::unique_ptr<SnapshotSource>> open_snapshot(const wal::SnapshotId& wanted) override;
  CopyProgress copy() const override { return {incoming_.id, incoming_.bytes.size()}; }
  Status begin_copy(const wal::SnapshotId& snapshot) override;
  Status add_to_copy(const CopyPart& part) override;
  Status install_copy() override;
  Status apply_through(Lsn committed) override;
  Lsn applied_lsn() const override { return applied_lsn_; }

 private:
  struct StoredFrame {
    wal::FrameHeader header;
    std::string payload;
  };
  struct Snapshot {
    wal::SnapshotId id;
    std::string bytes;  // the cluster id, its frames as messages, a CRC
  };
  class Frames;
  class Source;

  std::uint32_t chain() const { return frames_.empty() ? 0 : frames_.back().header.chain; }
  void add(wal::FrameHeader header, std::string payload);

  const std::uint8_t number_;
  Random& random_;
  // On its disk:
  wal::Uuid cluster_id_;
  std::uint64_t term_ = 0;
  std::vector<wal::TermStart> history_;
  std::vector<StoredFrame> frames_;  // one LSN each
  Lsn log_begin_ = 1;                // frames before it are in a snapshot only
  std::vector<Snapshot> snapshots_;  // oldest first
  Snapshot incoming_;
  Lsn durable_ = 0;
  // In its memory:
  Lsn replicated_ = 0;
  Lsn answered_ = ~Lsn{0};
  bool refuses_writes_ = false;
  Lsn applied_lsn_ = 0;
  bool fails_sync_ = false;
  Happened happened_;
};

// What happened, for the test to show that it did.
struct Counts {
  std::uint64_t writes = 0, acknowledged = 0, crashes = 0, broken = 0, promotions = 0, cuts = 0,
                unsynced_lost = 0, promoted_again = 0, snapshots = 0, copies = 0,
                copies_resumed = 0, copies_spoiled = 0, refused = 0, pauses = 0, clock_jumps = 0,
                one_way_cuts = 0, disk_faults = 0;
};

class World {
 public:
  World(std::uint64_t seed, Logger& logger);
  // Random events, then healing; throws std::runtime_error where a promise was broken.
  void run();
  const Counts& counts() const { return counts_; }

 private:
  struct Letter {
    std::int64_t arrives_ms;
    std::string bytes;
  };
  struct Link {
    explicit Link(std::size_t to) : master(to) {}
    std::size_t master;
    std::deque<Letter> to_master, to_slave;
    std::int64_t last_to_master_ms = 0, last_to_slave_ms = 0;
    // What is sent before these times does not arrive before them.
    std::int64_t to_master_blocked_ms = 0, to_slave_blocked_ms = 0;
  };
  struct Machine {
    std::unique_ptr<SimulatedNode> node;
    bool up = false;
    std::unique_ptr<Master> master;
    std::unique_ptr<Slave> slave;
    std::optional<Link> link;  // a slave's to its master
    std::int64_t stands_still_until_ms = 0;
    std::int64_t clock_ahead_ms = 0;
  };

  void step();
  void disturb();
  std::int64_t clock_of(const Machine& machine) const { return now_ms_ + machine.clock_ahead_ms; }
  bool runs(const Machine& machine) const {
    return machine.up && machine.stands_still_until_ms <= now_ms_;
  }
  void advance();
  void write();
  void sync_master();
  void take_snapshot();
  void install_copy(std::size_t slave);
  void crash(std::size_t index);
  void start(std::size_t index);
  void promote();
  void promote_again();
  void lead(std::size_t index, Lsn committed);
  void break_link(std::size_t slave, const std::string& why);
  void connect(std::size_t slave);
  void deliver(std::size_t slave);
  void pump(std::size_t slave);
  void send(std::deque<Letter>& queue, std::int64_t& last_ms, std::string bytes);
  void note_acknowledged();
  void note_shown(std::size_t index, Lsn through);
  void heal();
  void check_end();
  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }
  [[noreturn]] void fail(const std::string& what) const;

  const std::uint64_t seed_;
  SeededRandom random_;
  Logger& logger_;
  std::int64_t now_ms_ = 0;
  std::size_t quorum_ = 1;
  std::vector<Machine> machines_;
  std::size_t master_ = 0;  // the one that is, or was, until a promotion
  bool healing_ = false;
  bool snapshots_often_ = false;
  bool fails_ = false;  // on_timeout: fail
  Ack ack_ = Ack::synced;
  std::uint64_t last_write_ = 0;
  std::map<Lsn, std::string> waiting_;  // written on the master, not acknowledged
  std::set<std::string> acknowledged_;
  std::map<Lsn, std::string> shown_;  // by whomever
  Counts counts_;
};

}  // namespace kimdb::replication::test
