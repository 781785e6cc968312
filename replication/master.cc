#include "replication/master.h"

#include <algorithm>
#include <utility>

namespace kimdb::replication {

Master::Master(Node& node, Logger& logger, MasterOptions options, Lsn committed,
               std::int64_t now_ms)
    : node_(node),
      logger_(logger),
      options_(std::move(options)),
      quorum_(options_.ack, options_.quorum),
      term_lsn_(node.log_end().history.back().first_lsn),
      replicated_(committed),
      stuck_since_ms_(now_ms) {
  node_.set_replicated_lsn(waits_for_quorum() ? replicated_ : ~Lsn{0});
  if (waits_for_quorum() && options_.on_timeout == OnTimeout::degrade)
    degrade("no slave yet, a quorum of " + std::to_string(options_.quorum) + " is asked for");
}

// --- slaves ---

Status Master::join(SlaveId id, const std::string& address, const Hello& hello, std::int64_t now_ms,
                    std::string& out) {
  const MasterState state{.cluster_id = node_.cluster_id(),
                          .node_id = node_.node_id(),
                          .term = node_.term(),
                          .log = node_.log_end(),
                          .committed_lsn = node_.committed_lsn()};
  const auto answer = answer_hello(state, hello, [this](Lsn lsn) { return node_.chain_at(lsn); });
  if (const Refusal* refusal = std::get_if<Refusal>(&answer)) {
    if (hello.term > state.term) higher_term_ = std::max(higher_term_, hello.term);
    append_message(out, *refusal);
    return Error{ErrorCode::unavailable, refusal->why};
  }
  const Welcome& welcome = std::get<Welcome>(answer);
  auto frames = node_.frames_behind(welcome.start_lsn);
  if (!frames) return std::move(frames).error();
  append_message(out, welcome);
  Slave& slave = slaves_[id];
  slave.status.address = address;
  slave.status.last_heard_ms = node_.unix_ms();
  slave.frames = std::move(*frames);
  slave.sent_lsn = welcome.start_lsn;
  slave.sent_at_ms = now_ms;
  quorum_.joined(id);
  logger_.info("replication: slave {} joined behind LSN {}", address, welcome.start_lsn);
  return {};
}

Status Master::receive(SlaveId id, const Message& message) {
  const auto found = slaves_.find(id);
  const auto* progress = std::get_if<Acknowledgement>(&message);
  if (found == slaves_.end() || progress == nullptr)
    return Error{ErrorCode::corrupt, "it sent something else than acknowledgements"};
  if (progress->term != node_.term())
    return Error{ErrorCode::unavailable, "it acknowledges another term"};
  if (progress->synced > found->second.sent_lsn)
    return Error{ErrorCode::corrupt, "it acknowledges what was never sent"};
  found->second.status.progress = *progress;
  found->second.status.last_heard_ms = node_.unix_ms();
  quorum_.acknowledged(id, *progress);
  update_committed();
  return {};
}

void Master::leave(SlaveId id, const std::string& why) {
  const auto found = slaves_.find(id);
  if (found == slaves_.end()) return;
  logger_.warning("replication: slave {} left: {}", found->second.status.address, why);
  slaves_.erase(found);
  quorum_.left(id);
}

Status Master::collect(SlaveId id, std::int64_t now_ms, std::string& out) {
  const auto found = slaves_.find(id);
  if (found == slaves_.end()) return Error{ErrorCode::not_found, "no such slave"};
  Slave& slave = found->second;
  const std::size_t begin = out.size();
  const Lsn limit = node_.durable_lsn();
  while (out.size() - begin < kBatchBytes) {
    const auto frame = slave.frames->next(limit);
    if (!frame) return frame.error();
    if (!frame->has_value()) break;
    append_message(out, **frame);
    slave.sent_lsn = (*frame)->header.last_lsn();
  }
  const Lsn committed = node_.committed_lsn();
  if (committed > slave.told_committed || now_ms >= next_heartbeat_ms(id)) {
    slave.told_committed = committed;
    append_message(out, Heartbeat{.term = node_.term(),
                                  .committed_lsn = committed,
                                  .last_lsn = limit,
                                  .time_ms = node_.unix_ms()});
  }
  if (out.size() != begin) slave.sent_at_ms = now_ms;
  return {};
}

bool Master::has_news(SlaveId id) const {
  const auto found = slaves_.find(id);
  return found != slaves_.end() && (node_.durable_lsn() > found->second.sent_lsn ||
                                    node_.committed_lsn() > found->second.told_committed);
}

std::int64_t Master::next_heartbeat_ms(SlaveId id) const {
  const auto found = slaves_.find(id);
  return found == slaves_.end() ? 0 : found->second.sent_at_ms + options_.heartbeat.count();
}

std::vector<SlaveStatus> Master::slaves() const {
  std::vector<SlaveStatus> all;
  for (const auto& [id, slave] : slaves_) all.push_back(slave.status);
  return all;
}

// --- what is committed ---

void Master::update_committed() {
  if (!waits_for_quorum()) return;
  // What earlier terms left behind is committed with this term's first frame, not before: a quorum
  // may have it and still another node, with a later term in its log, be the next master (Ongaro
  // and Ousterhout, "In Search of an Understandable Consensus Algorithm", figure 8).
  if (quorum_.replicated_lsn() >= term_lsn_)
    replicated_ = std::max(replicated_, quorum_.replicated_lsn());
  if (degraded_) {
    if (quorum_.replicated_lsn() < node_.durable_lsn()) return;
    degraded_ = false;
    logger_.info("replication: the quorum of {} has everything, commits wait for it",
                 options_.quorum);
  }
  node_.set_replicated_lsn(replicated_);
}

void Master::degrade(const std::string& why) {
  degraded_ = true;
  logger_.warning(
      "replication: {}; until it is there, commits do not wait for it (replication.on_timeout: "
      "degrade)",
      why);
  node_.set_replicated_lsn(~Lsn{0});
}

void Master::tick(std::int64_t now_ms) {
  const bool commits_wait = waits_for_quorum() && !degraded_ && node_.durable_lsn() > replicated_;
  if (!commits_wait || replicated_ != seen_replicated_) {
    seen_replicated_ = replicated_;
    stuck_since_ms_ = now_ms;
  } else if (now_ms - stuck_since_ms_ >= options_.timeout.count() &&
             options_.on_timeout == OnTimeout::degrade) {
    degrade("the quorum of " + std::to_string(options_.quorum) + " slave(s) does not answer");
  }
}

}  // namespace kimdb::replication
