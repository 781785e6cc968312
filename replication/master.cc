#include "replication/master.h"

#include <algorithm>
#include <utility>

namespace kimdb::replication {

Master::Master(Node& node, Logger& logger, MasterOptions options, Lsn committed,
               std::int64_t now_ms)
    : node_(node),
      logger_(logger),
      options_(std::move(options)),
      quorum_(options_.ack == Ack::applied ? Ack::synced : options_.ack, options_.quorum),
      answers_(Ack::applied, options_.quorum),
      term_lsn_(options_.relays ? 0 : node.log_end().history.back().first_lsn),
      replicated_(committed),
      answered_(committed),
      stuck_since_ms_(now_ms) {
  tell_node();
  if (options_.on_timeout == OnTimeout::degrade)
    miss_quorum("no slave yet, a quorum of " + std::to_string(options_.quorum) + " is asked for");
}

// --- slaves ---

Status Master::join(SlaveId id, const std::string& address, const Hello& hello, std::int64_t now_ms,
                    std::string& out) {
  if (options_.relays && node_.written_lsn() == 0) {
    append_message(out, Refusal{node_.term(), "it is a slave that has no data itself yet"});
    return Error{ErrorCode::unavailable, "this slave has no data itself yet"};
  }
  MasterState state{.cluster_id = node_.cluster_id(),
                    .node_id = node_.node_id(),
                    .term = node_.term(),
                    .log = node_.log_end(),
                    .committed_lsn = node_.committed_lsn()};
  // The slave may have, and have acknowledged, what is not durable here yet: that is not to be cut.
  state.log.last_lsn = node_.written_lsn();
  const auto answer = answer_hello(state, hello, [this](Lsn lsn) { return node_.chain_at(lsn); });
  if (const Refusal* refusal = std::get_if<Refusal>(&answer)) {
    if (hello.term > state.term) higher_term_ = std::max(higher_term_, hello.term);
    append_message(out, *refusal);
    return Error{ErrorCode::unavailable, refusal->why};
  }
  if (const CopyOffer* offer = std::get_if<CopyOffer>(&answer))
    return begin_copy(id, *offer, hello, address, now_ms, out);
  const Welcome& welcome = std::get<Welcome>(answer);
  auto frames = node_.frames_behind(welcome.start_lsn);
  if (!frames) return std::move(frames).error();
  Welcome told = welcome;
  told.wants_applied = options_.ack == Ack::applied;
  append_message(out, told);
  Slave& slave = add_slave(id, hello, address, now_ms);
  slave.frames = std::move(*frames);
  slave.sent_lsn = welcome.start_lsn;
  if (hello.listen_port != 0)
    slave.listens_at =
        address.substr(0, address.rfind(':') + 1) + std::to_string(hello.listen_port);
  quorum_.joined(id);
  answers_.joined(id);
  logger_.info("replication: slave {} joined behind LSN {}", address, welcome.start_lsn);
  return {};
}

Master::Slave& Master::add_slave(SlaveId id, const Hello& hello, const std::string& address,
                                 std::int64_t now_ms) {
  leave_before(id, hello.node_id);
  ++peers_;
  Slave& slave = slaves_[id];
  slave.node_id = hello.node_id;
  slave.status.address = address;
  slave.status.last_heard_ms = node_.unix_ms();
  slave.sent_at_ms = now_ms;
  return slave;
}

Status Master::begin_copy(SlaveId id, CopyOffer offer, const Hello& hello,
                          const std::string& address, std::int64_t now_ms, std::string& out) {
  // What broke off may be too old by now.
  const CopyProgress broken_off =
      hello.copy.snapshot.lsn > offer.common_lsn ? hello.copy : CopyProgress();
  auto copy = node_.open_snapshot(broken_off.snapshot);
  if (!copy || (*copy)->id().lsn <= offer.common_lsn) {
    std::string why = "the master's log does not reach back to LSN " +
                      std::to_string(offer.common_lsn + 1) + ", and it has no snapshot behind that";
    append_message(out, Refusal{offer.term, why});
    return Error{ErrorCode::unavailable, std::move(why)};
  }
  const wal::SnapshotId& snapshot = (*copy)->id();
  const bool goes_on = broken_off.snapshot == snapshot && broken_off.bytes <= snapshot.size;
  offer.copy = {snapshot, goes_on ? broken_off.bytes : 0};
  append_message(out, offer);
  Slave& slave = add_slave(id, hello, address, now_ms);
  slave.status.copy = offer.copy;
  slave.copy = std::move(*copy);
  slave.copy_logged_ms = now_ms;
  logger_.info("replication: slave {} is sent the snapshot at LSN {}, from byte {} of {}", address,
               snapshot.lsn, offer.copy.bytes, snapshot.size);
  return {};
}

Status Master::receive(SlaveId id, const Message& message) {
  const auto found = slaves_.find(id);
  const auto* progress = std::get_if<Acknowledgement>(&message);
  if (found != slaves_.end() && found->second.copy != nullptr &&
      std::holds_alternative<CopyAcknowledgement>(message)) {
    found->second.status.last_heard_ms = node_.unix_ms();
    return {};
  }
  if (found == slaves_.end() || found->second.copy != nullptr || progress == nullptr)
    return Error{ErrorCode::corrupt, "it sent something else than acknowledgements"};
  if (progress->term != node_.term())
    return Error{ErrorCode::unavailable, "it acknowledges another term"};
  if (progress->synced > found->second.sent_lsn)
    return Error{ErrorCode::corrupt, "it acknowledges what was never sent"};
  found->second.status.progress = *progress;
  found->second.status.last_heard_ms = node_.unix_ms();
  quorum_.acknowledged(id, *progress);
  answers_.acknowledged(id, *progress);
  update_committed();
  return {};
}

void Master::leave(SlaveId id, const std::string& why) {
  const auto found = slaves_.find(id);
  if (found == slaves_.end()) return;
  const Slave& slave = found->second;
  if (slave.copy != nullptr && slave.status.copy.bytes == slave.copy->id().size)
    logger_.info("replication: slave {} was sent all of the snapshot", slave.status.address);
  else
    logger_.warning("replication: slave {} left: {}", slave.status.address, why);
  slaves_.erase(found);
  ++peers_;
  quorum_.left(id);
  answers_.left(id);
}

void Master::leave_all(const std::string& why) {
  while (!slaves_.empty()) leave(slaves_.begin()->first, why);
  timeline_ = {};
}

void Master::leave_before(SlaveId id, const wal::Uuid& node_id) {
  for (auto slave = slaves_.begin(); slave != slaves_.end();) {
    const auto [other, status] = std::pair(slave->first, slave->second.node_id);
    ++slave;
    if (other != id && status == node_id) leave(other, "it has come back by another connection");
  }
}

Status Master::collect(SlaveId id, std::int64_t now_ms, std::string& out) {
  const auto found = slaves_.find(id);
  if (found == slaves_.end()) return Error{ErrorCode::not_found, "no such slave"};
  Slave& slave = found->second;
  const std::size_t begin = out.size();
  const Lsn limit = node_.written_lsn();
  KIMDB_RETURN_IF_ERROR(slave.copy != nullptr ? collect_parts(slave, now_ms, out)
                                              : collect_frames(slave, limit, out));
  const Lsn committed = node_.committed_lsn();
  if (slave.copy == nullptr) collect_peers(id, slave, out);
  const bool tells_commit = slave.copy == nullptr && committed > slave.told_committed;
  if (tells_commit || now_ms >= next_heartbeat_ms(id)) {
    slave.told_committed = committed;
    append_message(out, Heartbeat{.term = node_.term(),
                                  .committed_lsn = committed,
                                  .last_lsn = limit,
                                  .time_ms = node_.unix_ms(),
                                  .log_bytes = node_.log_bytes()});
  }
  if (out.size() != begin) slave.sent_at_ms = now_ms;
  return {};
}

ProbeReply Master::answer_probe() const {
  const LogEnd log = node_.log_end();
  return {.cluster_id = node_.cluster_id(),
          .node_id = node_.node_id(),
          .last_term = log.history.empty() ? 0 : log.history.back().term,
          .last_lsn = log.last_lsn};
}

void Master::collect_peers(SlaveId id, Slave& slave, std::string& out) const {
  if (slave.told_peers == peers_) return;
  slave.told_peers = peers_;
  Peers peers;
  for (const auto& [other_id, other] : slaves_)
    if (other_id != id && !other.listens_at.empty()) peers.addresses.push_back(other.listens_at);
  append_message(out, peers);
}

Status Master::collect_frames(Slave& slave, Lsn limit, std::string& out) {
  for (const std::size_t begin = out.size(); out.size() - begin < options_.batch_bytes;) {
    const auto frame = slave.frames->next(limit);
    if (!frame) return frame.error();
    if (!frame->has_value()) break;
    append_message(out, **frame);
    slave.sent_lsn = (*frame)->header.last_lsn();
  }
  return {};
}

Status Master::collect_parts(Slave& slave, std::int64_t now_ms, std::string& out) {
  std::uint64_t& sent = slave.status.copy.bytes;
  const std::uint64_t size = slave.copy->id().size;
  const std::size_t part_bytes = std::min(kPartBytesMax, options_.batch_bytes);
  for (const std::size_t begin = out.size();
       sent < size && out.size() - begin < options_.batch_bytes;) {
    const auto bytes = slave.copy->read(
        sent, static_cast<std::size_t>(std::min<std::uint64_t>(part_bytes, size - sent)));
    if (!bytes) return bytes.error();
    if (bytes->empty()) return Error{ErrorCode::corrupt, "the snapshot's file is cut short"};
    append_message(out, CopyPart{sent, *bytes});
    sent += bytes->size();
  }
  if (now_ms - slave.copy_logged_ms >= kProgressLoggedEveryMs) {
    slave.copy_logged_ms = now_ms;
    logger_.info("replication: slave {} was sent {} of {} MB of the snapshot", slave.status.address,
                 sent >> 20, size >> 20);
  }
  return {};
}

bool Master::has_news(SlaveId id) const {
  const auto found = slaves_.find(id);
  if (found == slaves_.end()) return false;
  const Slave& slave = found->second;
  if (slave.copy != nullptr) return slave.status.copy.bytes < slave.copy->id().size;
  return node_.written_lsn() > slave.sent_lsn || node_.committed_lsn() > slave.told_committed;
}

std::int64_t Master::next_heartbeat_ms(SlaveId id) const {
  const auto found = slaves_.find(id);
  return found == slaves_.end() ? 0 : found->second.sent_at_ms + options_.heartbeat.count();
}

std::vector<SlaveStatus> Master::slaves(std::int64_t now_ms) const {
  std::vector<SlaveStatus> all;
  for (const auto& [id, slave] : slaves_) {
    all.push_back(slave.status);
    if (slave.copy == nullptr)
      all.back().lag = timeline_.behind(slave.status.progress.applied, now_ms);
  }
  return all;
}

// --- what is committed ---

void Master::update_committed() {
  // What earlier terms left behind is committed with this term's first frame, not before: a quorum
  // may have it and still another node, with a later term in its log, be the next master (Ongaro
  // and Ousterhout, "In Search of an Understandable Consensus Algorithm", figure 8).
  if (waits_for_quorum() && quorum_.replicated_lsn() >= term_lsn_) {
    replicated_ = std::max(replicated_, quorum_.replicated_lsn());
    answered_ = std::max(answered_, std::min(replicated_, answers_.replicated_lsn()));
  }
  if (missing_ && reached() >= node_.durable_lsn()) {
    missing_ = false;
    logger_.info("replication: the quorum of {} has everything, commits wait for it",
                 options_.quorum);
  }
  tell_node();
}

void Master::tell_node() {
  if (options_.relays) return;
  Replicated replicated;
  replicated.quorum_missing = missing_;
  if (options_.ack == Ack::synced || options_.ack == Ack::applied)
    replicated.replicas = replicated_;
  const bool degraded = missing_ && options_.on_timeout == OnTimeout::degrade;
  if (waits_for_quorum() && !degraded) {
    replicated.committed = replicated_;
    if (options_.ack == Ack::applied) replicated.answered = answered_;
    replicated.refuses_writes = missing_;
  }
  node_.set_replicated(replicated);
}

void Master::miss_quorum(const std::string& why) {
  if (!waits_for_quorum() || options_.on_timeout == OnTimeout::block) return;
  missing_ = true;
  logger_.warning("replication: {}; until it is there, {}", why,
                  options_.on_timeout == OnTimeout::degrade
                      ? "commits do not wait for it (replication.on_timeout: degrade)"
                      : "writes are refused (replication.on_timeout: fail)");
  tell_node();
}

void Master::tick(std::int64_t now_ms) {
  timeline_.note(now_ms, node_.written_lsn(), node_.log_bytes());
  const bool waits = waits_for_quorum() && !missing_ && node_.durable_lsn() > reached();
  if (!waits || reached() != seen_reached_) {
    seen_reached_ = reached();
    stuck_since_ms_ = now_ms;
  } else if (now_ms - stuck_since_ms_ >= options_.timeout.count()) {
    miss_quorum("the quorum of " + std::to_string(options_.quorum) + " slave(s) does not answer");
  }
}

}  // namespace kimdb::replication
