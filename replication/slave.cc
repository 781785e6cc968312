#include "replication/slave.h"

#include <algorithm>
#include <utility>

namespace kimdb::replication {

Status Slave::connected(std::int64_t now_ms, std::string& out) {
  disconnected();
  // The connection before may have ended between a frame and its sync: the log goes on behind it.
  KIMDB_RETURN_IF_ERROR(node_.sync());
  master_log_ = {};  // it may be another one's, or begin anew
  heard_at_ms_ = now_ms;
  hello_ = {.cluster_id = node_.cluster_id(),
            .node_id = node_.node_id(),
            .term = node_.term(),
            .committed_lsn = node_.applied_lsn(),
            .log = node_.log_end(),
            .copy = node_.copy(),
            .listen_port = options_.listen_port};
  hello_.chain = node_.chain_at(hello_.log.last_lsn).value_or(0);
  append_message(out, hello_);
  return {};
}

bool Slave::is_silent(std::int64_t now_ms) const {
  return now_ms - heard_at_ms_ > silence_limit(options_.heartbeat).count();
}

Status Slave::receive(const Message& message, std::int64_t now_ms) {
  heard_at_ms_ = now_ms;
  if (copying_) {
    if (std::holds_alternative<Heartbeat>(message)) return {};
    const CopyPart* part = std::get_if<CopyPart>(&message);
    if (part == nullptr) return Error{ErrorCode::corrupt, "it sent no part of the copy"};
    return take_part(*part, now_ms);
  }
  if (!joined_) return join(message);
  if (const Frame* frame = std::get_if<Frame>(&message)) return take(*frame);
  if (const Peers* peers = std::get_if<Peers>(&message)) {
    peers_ = peers->addresses;
    return {};
  }
  const Heartbeat* heartbeat = std::get_if<Heartbeat>(&message);
  if (heartbeat == nullptr) return Error{ErrorCode::corrupt, "it sent what only a slave sends"};
  if (heartbeat->term != term_) return Error{ErrorCode::unavailable, "its term has changed"};
  committed_ = std::max(committed_, heartbeat->committed_lsn);
  master_lsn_ = heartbeat->last_lsn;
  master_time_ms_ = heartbeat->time_ms;
  master_log_.note(heartbeat->time_ms, heartbeat->last_lsn, heartbeat->log_bytes);
  return {};
}

Status Slave::join(const Message& message) {
  if (const Refusal* refusal = std::get_if<Refusal>(&message))
    return Error{ErrorCode::unavailable, "it refuses this slave: " + refusal->why};
  if (const CopyOffer* offer = std::get_if<CopyOffer>(&message)) return begin_copying(*offer);
  if (const Welcome* welcome = std::get_if<Welcome>(&message)) return begin_following(*welcome);
  return Error{ErrorCode::corrupt, "it did not answer hello"};
}

Status Slave::check_master(std::uint64_t term, Lsn lsn) const {
  if (term < hello_.term)
    return Error{ErrorCode::unavailable, "it is of term " + std::to_string(term) +
                                             ", this slave has followed term " +
                                             std::to_string(hello_.term)};
  if (lsn > hello_.log.last_lsn || lsn < node_.applied_lsn())
    return Error{ErrorCode::corrupt, "it begins behind LSN " + std::to_string(lsn) +
                                         ", which this slave did not offer"};
  return {};
}

Status Slave::begin_following(const Welcome& welcome) {
  KIMDB_RETURN_IF_ERROR(check_master(welcome.term, welcome.start_lsn));
  if (welcome.start_lsn < hello_.log.last_lsn) {
    const auto chain = node_.chain_at(welcome.start_lsn);
    if (!chain || *chain != welcome.chain)
      return Error{ErrorCode::corrupt, "the logs differ at or before LSN " +
                                           std::to_string(welcome.start_lsn) +
                                           ", where their terms part: one of them is damaged"};
  }
  KIMDB_RETURN_IF_ERROR(cut_behind(welcome.start_lsn));
  if (hello_.log.last_lsn == 0) KIMDB_RETURN_IF_ERROR(node_.join_cluster(welcome.cluster_id));
  joined_ = true;
  term_ = welcome.term;
  wants_applied_ = welcome.wants_applied;
  received_ = synced_ = welcome.start_lsn;
  committed_ = welcome.committed_lsn;
  logger_.info("replication: following master {} (term {}) from LSN {}", options_.master_address,
               term_, welcome.start_lsn);
  return {};
}

Status Slave::begin_copying(const CopyOffer& offer) {
  KIMDB_RETURN_IF_ERROR(check_master(offer.term, offer.common_lsn));
  const wal::SnapshotId& snapshot = offer.copy.snapshot;
  if (snapshot.lsn <= offer.common_lsn || offer.copy.bytes > snapshot.size)
    return Error{ErrorCode::corrupt, "it offers a copy that this slave cannot use"};
  KIMDB_RETURN_IF_ERROR(cut_behind(offer.common_lsn));
  KIMDB_RETURN_IF_ERROR(node_.begin_copy(snapshot));
  copying_ = true;
  copy_logged_ms_ = heard_at_ms_;
  term_ = offer.term;
  logger_.info(
      "replication: the log of master {} does not reach back to LSN {}: it sends a copy of its "
      "data at LSN {}, from byte {} of {}",
      options_.master_address, offer.common_lsn + 1, snapshot.lsn, offer.copy.bytes, snapshot.size);
  return {};
}

Status Slave::cut_behind(Lsn lsn) {
  if (lsn == hello_.log.last_lsn) return {};
  logger_.warning(
      "replication: LSNs {} to {} of this node are not in the master's log and were never "
      "committed; they are cut",
      lsn + 1, hello_.log.last_lsn);
  return node_.cut_behind(lsn);
}

Status Slave::take_part(const CopyPart& part, std::int64_t now_ms) {
  KIMDB_RETURN_IF_ERROR(node_.add_to_copy(part));
  const CopyProgress copy = node_.copy();
  if (now_ms - copy_logged_ms_ >= kProgressLoggedEveryMs) {
    copy_logged_ms_ = now_ms;
    logger_.info("replication: {} of {} MB of the copy have come", copy.bytes >> 20,
                 copy.snapshot.size >> 20);
  }
  return {};
}

bool Slave::copy_is_whole() const {
  if (!copying_) return false;
  const CopyProgress copy = node_.copy();
  return copy.bytes == copy.snapshot.size;
}

Status Slave::install_copy() {
  logger_.info("replication: the copy has come, it is being loaded");
  return node_.install_copy();
}

Status Slave::take(const Frame& frame) {
  if (frame.header.term > term_)
    return Error{ErrorCode::unavailable, "its term has changed"};  // a slave's that relays
  KIMDB_RETURN_IF_ERROR(node_.follow(frame));
  received_ = frame.header.last_lsn();
  committed_ = std::max(committed_, frame.header.committed_lsn);
  return {};
}

Status Slave::finish_batch(std::string& out) {
  if (copying_) append_message(out, CopyAcknowledgement{term_, node_.copy().bytes});
  if (!joined_) return {};
  if (synced_ < received_) KIMDB_RETURN_IF_ERROR(node_.sync());
  synced_ = received_;
  acknowledge(out);
  return {};
}

Status Slave::apply_batch(std::string& out) {
  if (!joined_) return {};
  const Lsn before = node_.applied_lsn();
  KIMDB_RETURN_IF_ERROR(node_.apply_through(std::min(committed_, synced_)));
  if (wants_applied_ && node_.applied_lsn() != before) acknowledge(out);
  return {};
}

void Slave::acknowledge(std::string& out) const {
  append_message(
      out,
      Acknowledgement{
          .term = term_, .received = received_, .synced = synced_, .applied = node_.applied_lsn()});
}

}  // namespace kimdb::replication
