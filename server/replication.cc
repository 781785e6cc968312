#include "server/replication.h"

#include "wal/reader.h"

namespace kimdb::server {

namespace {

class LogFrames final : public replication::FrameSource {
 public:
  explicit LogFrames(wal::Reader reader) : reader_(std::move(reader)) {}

  Result<std::optional<replication::Frame>> next(Lsn limit) override {
    const auto frame = reader_.next(limit);
    if (!frame) return frame.error();
    if (!frame->has_value()) return std::optional<replication::Frame>();
    return std::optional(replication::Frame{(*frame)->header, (*frame)->payload});
  }

 private:
  wal::Reader reader_;
};

class SnapshotFileSource final : public replication::SnapshotSource {
 public:
  SnapshotFileSource(const wal::SnapshotId& id, std::unique_ptr<File> file)
      : id_(id), file_(std::move(file)) {}

  const wal::SnapshotId& id() const override { return id_; }
  Result<std::string_view> read(std::uint64_t offset, std::size_t size) override {
    buffer_.resize(size);
    const auto read = file_->read_at(offset, buffer_.data(), size);
    if (!read) return read.error();
    return std::string_view(buffer_).substr(0, *read);
  }

 private:
  const wal::SnapshotId id_;
  const std::unique_ptr<File> file_;
  std::string buffer_;
};

}  // namespace

Replication::Replication(database::Database& database, Logger& logger,
                         const ReplicationConfig& config)
    : database_(database), config_(config), logger_(logger) {
  MutexLock lock(mutex_);
  if (config.replica_type == ReplicaType::master) {
    begin_master();
  } else {
    begin_slave();
  }
}

void Replication::begin_slave() {
  slave_ = std::make_unique<replication::SlaveClient>(
      static_cast<replication::Node&>(*this), database_.clock(), logger_,
      replication::SlaveOptions{.master_address = config_.master_address,
                                .heartbeat = config_.sync_interval});
}

void Replication::begin_master() {
  master_ = std::make_unique<replication::MasterServer>(
      static_cast<replication::Node&>(*this), database_.clock(), logger_,
      replication::MasterOptions{.listen = config_.listen,
                                 .ack = config_.ack,
                                 .quorum = config_.quorum,
                                 .heartbeat = config_.sync_interval,
                                 .timeout = config_.timeout,
                                 .on_timeout = config_.on_timeout});
  serving_.store(master_.get(), std::memory_order_release);
}

Status Replication::open() {
  MutexLock lock(mutex_);
  auto incoming = wal::IncomingSnapshot::open(directory());
  if (!incoming) return std::move(incoming).error();
  incoming_ = std::move(*incoming);
  if (master_ == nullptr) return {};
  KIMDB_RETURN_IF_ERROR(incoming_->discard());  // of when it was a slave
  return master_->listen();
}

void Replication::start() {
  MutexLock lock(mutex_);
  if (master_ != nullptr) master_->start(database_.recovered_committed_lsn());
  if (slave_ != nullptr) slave_->start();
}

void Replication::stop() {
  MutexLock lock(mutex_);
  if (master_ != nullptr) master_->stop();
  if (slave_ != nullptr) slave_->stop();
}

Status Replication::promote(bool force) {
  MutexLock lock(mutex_);
  if (!force) KIMDB_RETURN_IF_ERROR(why_not_promote());
  if (slave_ != nullptr) slave_->stop();
  std::uint64_t seen = 0;
  if (master_ != nullptr) {  // with a higher term than some slave has seen
    seen = master_->status().higher_term;
    master_->stop();
    serving_.store(nullptr, std::memory_order_release);
    retired_.push_back(std::move(master_));
  }
  begin_master();
  if (Status listening = master_->listen(); !listening) {
    serving_.store(nullptr, std::memory_order_release);
    retired_.push_back(std::move(master_));
    if (slave_ != nullptr) {
      begin_slave();
      slave_->start();
    }
    return listening;
  }
  slave_.reset();
  ignore(incoming_->discard(), "the next start does so");
  const Lsn committed = committed_lsn();
  KIMDB_RETURN_IF_ERROR(database_.promote(seen));
  master_->start(committed);
  logger_.info("replication: master of term {}", database_.log().term());
  return {};
}

// What an operator should know before; FORCE says that he does.
Status Replication::why_not_promote() const {
  const auto refuse = [](std::string why) {
    return Error{ErrorCode::unavailable, std::move(why) + " (PROMOTE FORCE does it all the same)"};
  };
  if (slave_ == nullptr) return refuse("this is a master already");
  if (const auto master = slave_->status(); master.connected || master.copy.snapshot.size != 0)
    return refuse("the master " + config_.master_address + " answers: stop it first");
  if (database_.log().last_lsn() == 0)
    return refuse("this slave has never followed a master and has no data");
  if (was_last_master(log_end(), node_id()))
    return refuse(
        "this node was the master itself and has followed no other one since: a slave that was "
        "promoted in the meantime has what this one lacks");
  return {};
}

database::Host::ReplicationStatus Replication::status() const {
  MutexLock lock(mutex_);
  database::Host::ReplicationStatus status{.enabled = true};
  if (master_ != nullptr) {
    const replication::MasterServer::Snapshot master = master_->status();
    status.quorum_missing = master.quorum_missing;
    for (const replication::SlaveStatus& slave : master.slaves)
      status.slaves.push_back({.address = slave.address,
                               .synced_lsn = slave.progress.synced,
                               .applied_lsn = slave.progress.applied,
                               .last_heard_ms = slave.last_heard_ms,
                               .copy = {slave.copy.bytes, slave.copy.snapshot.size}});
  }
  if (slave_ != nullptr) {
    const replication::MasterStatus master = slave_->status();
    status.master_address = config_.master_address;
    status.connected = master.connected;
    status.why_not = master.why;
    status.master_lsn = master.last_lsn;
    status.master_heard_ms = master.last_heard_ms;
    status.copy = {master.copy.bytes, master.copy.snapshot.size};
  }
  return status;
}

// --- the node ---

replication::LogEnd Replication::log_end() const {
  return {.history = directory().meta().history, .last_lsn = durable_lsn()};
}

std::optional<std::uint32_t> Replication::chain_at(Lsn lsn) const {
  if (const wal::Position end = database_.log().end(); end.lsn == lsn) return end.chain;
  auto reader = wal::Reader::open(directory(), lsn);
  if (!reader) return std::nullopt;
  // Passes over the frames up to there.
  if (const auto passed = reader->next(lsn); !passed || reader->position() != lsn)
    return std::nullopt;
  return reader->end().chain;
}

Result<std::unique_ptr<replication::FrameSource>> Replication::frames_behind(Lsn after) {
  auto reader = wal::Reader::open(directory(), after);
  if (!reader) return std::move(reader).error();
  return std::unique_ptr<replication::FrameSource>(std::make_unique<LogFrames>(std::move(*reader)));
}

void Replication::set_replicated(const replication::Replicated& replicated) {
  database_.set_replicated({.committed = replicated.committed,
                            .answered = replicated.answered,
                            .replicas = replicated.replicas,
                            .quorum_missing = replicated.quorum_missing,
                            .refuses_writes = replicated.refuses_writes});
}

Status Replication::join_cluster(const wal::Uuid& cluster_id) {
  return directory().update_meta([&](wal::Meta& meta) { meta.cluster_id = cluster_id; });
}

// A newer snapshot may take a file away between its listing and its opening: the next one is tried.
Result<std::unique_ptr<replication::SnapshotSource>> Replication::open_snapshot(
    const wal::SnapshotId& wanted) {
  const auto names = directory().list_snapshots();
  if (!names) return names.error();
  std::unique_ptr<replication::SnapshotSource> newest;
  for (const wal::SnapshotName& name : *names) {
    const std::string path = directory().snapshot_path(name);
    auto opened = database_.filesystem().open(path, Filesystem::OpenMode::read);
    const auto file = wal::SnapshotFile::open(database_.filesystem(), path);
    if (!opened || !file) continue;
    if (newest == nullptr || file->id() == wanted)
      newest = std::make_unique<SnapshotFileSource>(file->id(), std::move(*opened));
    if (newest->id() == wanted) break;
  }
  if (newest == nullptr) return Error{ErrorCode::not_found, "there is no snapshot"};
  return newest;
}

replication::CopyProgress Replication::copy() const {
  if (!incoming_ || !incoming_->progress()) return {};
  return {incoming_->progress()->id, incoming_->progress()->bytes};
}

Status Replication::begin_copy(const wal::SnapshotId& snapshot) {
  return incoming_->begin(snapshot);
}

Status Replication::add_to_copy(const replication::CopyPart& part) {
  return incoming_->append(part.offset, part.bytes);
}

Status Replication::install_copy() {
  Status taken = database_.take_copy(*incoming_);
  if (!taken) ignore(incoming_->discard(), "the next copy goes over it");
  return taken;
}

Status Replication::follow(const replication::Frame& frame) {
  KIMDB_RETURN_IF_ERROR(database_.log().follow(frame.header, frame.payload));
  return database_.keep(frame.header, frame.payload);
}

Status Replication::sync() {
  wal::Log& log = database_.log();
  const Lsn last = log.last_lsn();
  return log.commit_here(last) ? Status() : log.sync_through(last);
}

Status Replication::cut_behind(Lsn lsn) {
  KIMDB_RETURN_IF_ERROR(database_.log().cut_behind(lsn));
  database_.forget_behind(lsn);
  return {};
}

}  // namespace kimdb::server
