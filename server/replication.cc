#include "server/replication.h"

#include <utility>

#include "base/address.h"
#include "replication/probe.h"
#include "wal/reader.h"

namespace kimdb::server {

namespace {

constexpr std::chrono::milliseconds kProbeTimeout{500};

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

Result<std::shared_ptr<replication::TlsContext>> Replication::make_tls(
    const ReplicationConfig& config) {
  if (!config.enabled || config.tls_ca.empty()) return std::shared_ptr<replication::TlsContext>();
  return replication::TlsContext::make(
      {.ca = config.tls_ca, .cert = config.tls_cert, .key = config.tls_key}, config.user);
}

Replication::Replication(database::Database& database, Logger& logger,
                         const ReplicationConfig& config,
                         std::shared_ptr<replication::TlsContext> tls)
    : database_(database), config_(config), logger_(logger), tls_(std::move(tls)) {
  const bool follows = config.replica_type == ReplicaType::slave;
  MutexLock lock(mutex_);
  server_ = make_server(follows);
  if (follows) slave_ = make_client(config.master_address);
}

std::unique_ptr<replication::MasterServer> Replication::make_server(bool relays) {
  return std::make_unique<replication::MasterServer>(
      static_cast<replication::Node&>(*this), database_.clock(), logger_,
      replication::MasterOptions{.listen = config_.listen,
                                 .ack = config_.ack,
                                 .quorum = config_.quorum,
                                 .heartbeat = config_.sync_interval,
                                 .timeout = config_.timeout,
                                 .on_timeout = config_.on_timeout,
                                 .tls = tls_,
                                 .relays = relays});
}

std::unique_ptr<replication::SlaveClient> Replication::make_client(
    const std::string& master_address) {
  database_.set_master_address(master_address);
  return std::make_unique<replication::SlaveClient>(
      static_cast<replication::Node&>(*this), database_.clock(), logger_,
      replication::SlaveOptions{.listen_port = listen_port(),
                                .master_address = master_address,
                                .heartbeat = config_.sync_interval,
                                .tls = tls_});
}

std::uint16_t Replication::listen_port() const {
  const auto address = parse_address(config_.listen);
  return address ? address->port : 0;
}

Status Replication::open() {
  auto incoming = wal::IncomingSnapshot::open(directory());
  if (!incoming) return std::move(incoming).error();
  incoming_ = std::move(*incoming);
  const Sides sides = this->sides();
  if (sides.slave == nullptr) KIMDB_RETURN_IF_ERROR(incoming_->discard());  // of when it was one
  return sides.server->listen();
}

void Replication::start() {
  const Sides sides = this->sides();
  serving_.store(sides.server, std::memory_order_release);
  sides.server->start(database_.recovered_committed_lsn());
  if (sides.slave != nullptr) sides.slave->start();
}

void Replication::stop() {
  MutexLock change(changing_);
  stopped_ = true;
  stop(sides());
}

// Not under mutex_: who only looks does not wait until the threads have ended.
void Replication::stop(const Sides& sides) {
  if (sides.slave != nullptr) sides.slave->stop();
  sides.server->stop();
}

Replication::Sides Replication::sides() const {
  MutexLock lock(mutex_);
  return {server_.get(), slave_.get()};
}

// Somebody may still look at those before.
void Replication::replace(std::unique_ptr<replication::MasterServer> server,
                          std::unique_ptr<replication::SlaveClient> slave) {
  MutexLock lock(mutex_);
  if (server != nullptr) {
    retired_servers_.push_back(std::exchange(server_, std::move(server)));
    serving_.store(server_.get(), std::memory_order_release);
  }
  if (slave_ != nullptr) retired_slaves_.push_back(std::move(slave_));
  slave_ = std::move(slave);
}

// --- changing sides ---

Status Replication::promote(bool force) {
  MutexLock change(changing_);
  if (stopped_) return Error{ErrorCode::unavailable, "the server is stopping"};
  const Sides before = sides();
  if (!force) KIMDB_RETURN_IF_ERROR(why_not_promote(before));
  const std::uint64_t seen = before.server->status().higher_term;  // by a slave that was refused
  stop(before);
  auto server = make_server(false);
  const Lsn committed = committed_lsn();
  Status promoted = server->listen();
  if (promoted) promoted = database_.promote(seen);
  if (!promoted) {
    // As before, as far as that goes: it tries to have its port again.
    server.reset();
    begin(make_server(before.slave != nullptr),
          before.slave == nullptr ? nullptr : make_client(before.slave->master_address()),
          committed);
    return promoted;
  }
  ignore(incoming_->discard(), "the next start does so");
  begin(std::move(server), nullptr, committed);
  logger_.info("replication: master of term {}", database_.log().term());
  return {};
}

Status Replication::follow_master(const std::string& address) {
  if (const auto parsed = parse_address(address); !parsed)
    return Error(parsed.error()).in("master_address");
  MutexLock change(changing_);
  if (stopped_) return Error{ErrorCode::unavailable, "the server is stopping"};
  const Sides before = sides();
  if (before.slave != nullptr) {
    if (before.slave->master_address() == address) return {};
    before.slave->stop();
    begin(nullptr, make_client(address), 0);
  } else {
    // Its slaves acknowledge what was written last.
    KIMDB_RETURN_IF_ERROR(database_.demote(config_.timeout, [&before] { before.server->stop(); }));
    auto server = make_server(true);
    ignore(server->listen(), "it tries again");
    begin(std::move(server), make_client(address), 0);
  }
  logger_.info("replication: slave of {}", address);
  return {};
}

void Replication::begin(std::unique_ptr<replication::MasterServer> server,
                        std::unique_ptr<replication::SlaveClient> slave, Lsn committed) {
  const bool is_new = server != nullptr;
  replace(std::move(server), std::move(slave));
  const Sides now = sides();
  if (is_new) now.server->start(committed);
  if (now.slave != nullptr) now.slave->start();
}

// What an operator should know before; FORCE says that he does.
Status Replication::why_not_promote(const Sides& sides) const {
  const auto refuse = [](std::string why) {
    return Error{ErrorCode::unavailable, std::move(why) + " (PROMOTE FORCE does it all the same)"};
  };
  if (sides.slave == nullptr) return refuse("this is a master already");
  if (const auto master = sides.slave->status(); master.connected || master.copy.snapshot.size != 0)
    return refuse("the master " + sides.slave->master_address() + " answers: stop it first");
  if (database_.log().last_lsn() == 0)
    return refuse("this slave has never followed a master and has no data");
  if (was_last_master(log_end(), node_id()))
    return refuse(
        "this node was the master itself and has followed no other one since: a slave that was "
        "promoted in the meantime has what this one lacks");
  return why_not_before_others(sides.slave->status().peers);
}

// Another slave that answers has more.
Status Replication::why_not_before_others(const std::vector<std::string>& others) const {
  const replication::LogEnd own = log_end();
  const std::pair here(own.history.empty() ? 0 : own.history.back().term, own.last_lsn);
  for (const std::string& address : others) {
    const auto other = replication::probe(address, cluster_id(), tls_, kProbeTimeout);
    if (!other) {
      logger_.info("replication: slave {} does not tell how far it is: {}", address,
                   other.error().message);
      continue;
    }
    const std::pair there(other->last_term, other->last_lsn);
    if (other->cluster_id != cluster_id() || there <= here) continue;
    return Error{ErrorCode::unavailable,
                 "slave " + address + " has a newer log, up to LSN " +
                     std::to_string(there.second) + " of term " + std::to_string(there.first) +
                     ", this one up to LSN " + std::to_string(here.second) + " of term " +
                     std::to_string(here.first) +
                     ": promote that one (PROMOTE FORCE does it all the same)"};
  }
  return {};
}

database::Host::ReplicationStatus Replication::status() const {
  const Sides sides = this->sides();
  database::Host::ReplicationStatus status{.enabled = true};
  const replication::MasterServer::Snapshot server = sides.server->status();
  status.quorum_missing = server.quorum_missing;
  for (const replication::SlaveStatus& slave : server.slaves)
    status.slaves.push_back({.address = slave.address,
                             .synced_lsn = slave.progress.synced,
                             .applied_lsn = slave.progress.applied,
                             .last_heard_ms = slave.last_heard_ms,
                             .copy = {slave.copy.bytes, slave.copy.snapshot.size},
                             .lag = {slave.lag.lsn, slave.lag.bytes, slave.lag.ms}});
  if (sides.slave != nullptr) {
    const replication::MasterStatus master = sides.slave->status();
    status.master_address = sides.slave->master_address();
    status.connected = master.connected;
    status.why_not = master.why;
    status.master_lsn = master.last_lsn;
    status.master_heard_ms = master.last_heard_ms;
    status.copy = {master.copy.bytes, master.copy.snapshot.size};
    status.lag = {master.lag.lsn, master.lag.bytes, master.lag.ms};
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
  return sides().server->change_log([&] { return std::move(taken); });
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
  return sides().server->change_log([&]() -> Status {
    KIMDB_RETURN_IF_ERROR(
        database_.change_feed().exclude([&] { return database_.log().cut_behind(lsn); }));
    database_.forget_behind(lsn);
    return {};
  });
}

}  // namespace kimdb::server
