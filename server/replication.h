// Replication as the server runs it: the master's or the slave's side, for its Database.
//
// main makes it where replication.enabled, starts and stops it. Thread-safe but for the Node, which
// replication's own thread calls.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "base/logging.h"
#include "base/mutex.h"
#include "database/database.h"
#include "database/host.h"
#include "replication/master_server.h"
#include "replication/node.h"
#include "replication/slave_client.h"
#include "server/config.h"
#include "wal/incoming.h"

namespace kimdb::server {

class Replication final : private replication::Node {
 public:
  Replication(database::Database& database, Logger& logger, const ReplicationConfig& config);

  // A master's port; what a slave has of a copy.
  Status open();
  void start();
  void stop();
  // The log's written_lsn() or durable_lsn() rose.
  void log_rose() {
    if (auto* master = serving_.load(std::memory_order_acquire)) master->log_rose();
  }
  database::Host::ReplicationStatus status() const;
  // Of a slave: see database::Host.
  Status promote(bool force);

 private:
  void begin_master() REQUIRES(mutex_);
  void begin_slave() REQUIRES(mutex_);
  Status why_not_promote() const REQUIRES(mutex_);
  wal::DataDirectory& directory() const { return *database_.directory(); }

  wal::Uuid cluster_id() const override { return directory().meta().cluster_id; }
  wal::Uuid node_id() const override { return directory().meta().node_id; }
  std::uint64_t term() const override { return database_.log().term(); }
  replication::LogEnd log_end() const override;
  Lsn durable_lsn() const override { return database_.log().durable_lsn(); }
  Lsn written_lsn() const override { return database_.log().written_lsn(); }
  std::optional<std::uint32_t> chain_at(Lsn lsn) const override;
  std::int64_t unix_ms() const override { return database_.clock().unix_ms(); }
  Result<std::unique_ptr<replication::FrameSource>> frames_behind(Lsn after) override;
  Lsn committed_lsn() const override { return database_.log().committed_lsn(); }
  void set_replicated(const replication::Replicated& replicated) override;
  Status join_cluster(const wal::Uuid& cluster_id) override;
  Status follow(const replication::Frame& frame) override;
  Status sync() override;
  Status cut_behind(Lsn lsn) override;
  Result<std::unique_ptr<replication::SnapshotSource>> open_snapshot(
      const wal::SnapshotId& wanted) override;
  replication::CopyProgress copy() const override;
  Status begin_copy(const wal::SnapshotId& snapshot) override;
  Status add_to_copy(const replication::CopyPart& part) override;
  Status install_copy() override;
  Status apply_through(Lsn committed) override { return database_.apply_through(committed); }
  Lsn applied_lsn() const override { return database_.applied_lsn(); }

  database::Database& database_;
  const ReplicationConfig config_;
  Logger& logger_;
  mutable Mutex mutex_;  // promote() changes sides
  std::unique_ptr<replication::MasterServer> master_ GUARDED_BY(mutex_);
  std::unique_ptr<replication::SlaveClient> slave_ GUARDED_BY(mutex_);
  // Stopped; log_rose() may still be at them.
  std::vector<std::unique_ptr<replication::MasterServer>> retired_ GUARDED_BY(mutex_);
  std::optional<wal::IncomingSnapshot> incoming_;             // of a slave
  std::atomic<replication::MasterServer*> serving_{nullptr};  // master_, once it is there
};

}  // namespace kimdb::server
