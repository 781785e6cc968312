#include "replication/slave.h"

#include <algorithm>
#include <utility>

namespace kimdb::replication {

void Slave::connected(std::int64_t now_ms, std::string& out) {
  joined_ = false;
  heard_at_ms_ = now_ms;
  hello_ = {.cluster_id = node_.cluster_id(),
            .node_id = node_.node_id(),
            .term = node_.term(),
            .committed_lsn = node_.applied_lsn(),
            .log = node_.log_end()};
  hello_.chain = node_.chain_at(hello_.log.last_lsn).value_or(0);
  append_message(out, hello_);
}

bool Slave::is_silent(std::int64_t now_ms) const {
  return now_ms - heard_at_ms_ > silence_limit(options_.heartbeat).count();
}

Status Slave::receive(const Message& message, std::int64_t now_ms) {
  heard_at_ms_ = now_ms;
  if (!joined_) return join(message);
  if (const Frame* frame = std::get_if<Frame>(&message)) return take(*frame);
  const Heartbeat* heartbeat = std::get_if<Heartbeat>(&message);
  if (heartbeat == nullptr) return Error{ErrorCode::corrupt, "it sent what only a slave sends"};
  if (heartbeat->term != term_) return Error{ErrorCode::unavailable, "its term has changed"};
  committed_ = std::max(committed_, heartbeat->committed_lsn);
  master_lsn_ = heartbeat->last_lsn;
  return {};
}

Status Slave::join(const Message& message) {
  if (const Refusal* refusal = std::get_if<Refusal>(&message))
    return Error{ErrorCode::unavailable, "it refuses this slave: " + refusal->why};
  const Welcome* welcome = std::get_if<Welcome>(&message);
  if (welcome == nullptr) return Error{ErrorCode::corrupt, "it did not answer hello"};
  if (welcome->term < hello_.term)
    return Error{ErrorCode::unavailable, "it is of term " + std::to_string(welcome->term) +
                                             ", this slave has followed term " +
                                             std::to_string(hello_.term)};
  if (welcome->start_lsn > hello_.log.last_lsn || welcome->start_lsn < node_.applied_lsn())
    return Error{ErrorCode::corrupt, "it begins behind LSN " + std::to_string(welcome->start_lsn) +
                                         ", which this slave did not offer"};
  if (welcome->start_lsn < hello_.log.last_lsn) {
    const auto chain = node_.chain_at(welcome->start_lsn);
    if (!chain || *chain != welcome->chain)
      return Error{ErrorCode::corrupt, "the logs differ at or before LSN " +
                                           std::to_string(welcome->start_lsn) +
                                           ", where their terms part: one of them is damaged"};
    logger_.warning(
        "replication: LSNs {} to {} of this node are not in the master's log and were never "
        "committed; they are cut",
        welcome->start_lsn + 1, hello_.log.last_lsn);
    KIMDB_RETURN_IF_ERROR(node_.cut_behind(welcome->start_lsn));
  }
  if (hello_.log.last_lsn == 0) KIMDB_RETURN_IF_ERROR(node_.join_cluster(welcome->cluster_id));
  joined_ = true;
  term_ = welcome->term;
  received_ = synced_ = welcome->start_lsn;
  committed_ = welcome->committed_lsn;
  logger_.info("replication: following master {} (term {}) from LSN {}", options_.master_address,
               term_, welcome->start_lsn);
  return {};
}

Status Slave::take(const Frame& frame) {
  if (frame.header.term > term_)
    return Error{ErrorCode::corrupt, "it sent a frame of a later term than its own"};
  KIMDB_RETURN_IF_ERROR(node_.follow(frame));
  received_ = frame.header.last_lsn();
  committed_ = std::max(committed_, frame.header.committed_lsn);
  return {};
}

Status Slave::finish_batch(std::string& out) {
  if (!joined_) return {};
  if (synced_ < received_) KIMDB_RETURN_IF_ERROR(node_.sync());
  synced_ = received_;
  append_message(
      out,
      Acknowledgement{
          .term = term_, .received = received_, .synced = synced_, .applied = node_.applied_lsn()});
  return node_.apply_through(std::min(committed_, synced_));
}

}  // namespace kimdb::replication
