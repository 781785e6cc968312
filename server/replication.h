// Replication as the server runs it, for its Database: a server for slaves, and where this is a
// slave itself, a client of its master (the server then passes on what came from there).
//
// main makes it where replication.enabled, starts and stops it. Thread-safe but for the Node, which
// replication's own threads call.
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
#include "replication/tls.h"
#include "server/config.h"
#include "wal/incoming.h"

namespace kimdb::server {

class Replication final : private replication::Node {
 public:
  // What the configuration names of certificates; null where it names none.
  static Result<std::shared_ptr<replication::TlsContext>> make_tls(const ReplicationConfig& config);
  Replication(database::Database& database, Logger& logger, const ReplicationConfig& config,
              std::shared_ptr<replication::TlsContext> tls);

  // Listens; looks what a slave has of a copy.
  Status open();
  void start();
  void stop();
  // The log's written_lsn(), durable_lsn() or committed_lsn() rose.
  void log_rose() {
    if (auto* server = serving_.load(std::memory_order_acquire)) server->log_rose();
  }
  database::Host::ReplicationStatus status() const;
  // See database::Host. They may take seconds.
  Status promote(bool force);
  Status follow_master(const std::string& address);

 private:
  // Good as long as this object: what is replaced is only stopped.
  struct Sides {
    replication::MasterServer* server;
    replication::SlaveClient* slave;  // null on a master
  };
  Sides sides() const;
  static void stop(const Sides& sides);
  std::unique_ptr<replication::MasterServer> make_server(bool relays);
  std::unique_ptr<replication::SlaveClient> make_client(const std::string& master_address);
  // No new server: the one that there is goes on.
  void begin(std::unique_ptr<replication::MasterServer> server,
             std::unique_ptr<replication::SlaveClient> slave, Lsn committed) REQUIRES(changing_);
  void replace(std::unique_ptr<replication::MasterServer> server,
               std::unique_ptr<replication::SlaveClient> slave);
  Status why_not_promote(const Sides& sides) const;
  Status why_not_before_others(const std::vector<std::string>& others) const;
  std::uint16_t listen_port() const;
  wal::DataDirectory& directory() const { return *database_.directory(); }

  wal::Uuid cluster_id() const override { return directory().meta().cluster_id; }
  wal::Uuid node_id() const override { return directory().meta().node_id; }
  std::uint64_t term() const override { return database_.log().term(); }
  replication::LogEnd log_end() const override;
  Lsn durable_lsn() const override { return database_.log().durable_lsn(); }
  Lsn written_lsn() const override { return database_.log().written_lsn(); }
  std::optional<std::uint32_t> chain_at(Lsn lsn) const override;
  std::uint64_t log_bytes() const override { return database_.log().written_bytes(); }
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
  Mutex changing_;                              // one change of sides at a time; before mutex_
  mutable Mutex mutex_;                         // never held for long
  bool stopped_ GUARDED_BY(changing_) = false;  // for good
  std::unique_ptr<replication::MasterServer> server_ GUARDED_BY(mutex_);
  std::unique_ptr<replication::SlaveClient> slave_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<replication::MasterServer>> retired_servers_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<replication::SlaveClient>> retired_slaves_ GUARDED_BY(mutex_);
  const std::shared_ptr<replication::TlsContext> tls_;  // null: none
  std::optional<wal::IncomingSnapshot> incoming_;       // of a slave; its thread's, while that runs
  std::atomic<replication::MasterServer*> serving_{nullptr};  // server_, once it is started
};

}  // namespace kimdb::server
