#include "tests/replication/simulation.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/crc32c.h"
#include "wal/bytes.h"

namespace kimdb::replication::test {

// --- a node ---

class SimulatedNode::Frames final : public FrameSource {
 public:
  Frames(const SimulatedNode& node, Lsn after) : node_(node), next_(after + 1) {}

  Result<std::optional<Frame>> next(Lsn limit) override {
    if (next_ > limit || next_ > node_.frames_.size()) return std::optional<Frame>();
    if (next_ < node_.log_begin_) return Error{ErrorCode::not_found, "the log was removed"};
    const StoredFrame& frame = node_.frames_[next_++ - 1];
    return std::optional(Frame{frame.header, frame.payload});
  }

 private:
  const SimulatedNode& node_;
  Lsn next_;
};

class SimulatedNode::Source final : public SnapshotSource {
 public:
  explicit Source(Snapshot snapshot) : snapshot_(std::move(snapshot)) {}
  const wal::SnapshotId& id() const override { return snapshot_.id; }
  Result<std::string_view> read(std::uint64_t offset, std::size_t size) override {
    return std::string_view(snapshot_.bytes).substr(static_cast<std::size_t>(offset), size);
  }

 private:
  const Snapshot snapshot_;
};

SimulatedNode::SimulatedNode(std::uint8_t number, Random& random)
    : number_(number), random_(random), cluster_id_{static_cast<std::uint8_t>(100 + number)} {}

void SimulatedNode::add(wal::FrameHeader header, std::string payload) {
  header.first_lsn = last_lsn() + 1;
  header.count = 1;
  header.term = term_;
  header.committed_lsn = committed_lsn();
  header.payload_size = static_cast<std::uint32_t>(payload.size());
  header.chain = wal::next_chain(chain(), header, payload);
  frames_.push_back({header, std::move(payload)});
}

void SimulatedNode::append(const std::string& record) { add({}, record); }

void SimulatedNode::begin_term(std::uint64_t term) {
  term_ = term;
  history_.push_back({term_, last_lsn() + 1, node_id()});
  wal::FrameHeader header;
  header.flags = wal::kTermFrame;
  add(header, wal::encode_term_record({term_, node_id()}));
  durable_ = last_lsn();
}

// Of what was not synced, the first frames may have reached the disk all the same.
void SimulatedNode::crash() {
  frames_.resize(durable_ + random_.below(last_lsn() - durable_ + 1));
  std::erase_if(history_, [&](const auto& term) { return term.first_lsn > last_lsn(); });
  // A part of a copy is not synced as it comes.
  std::string& part = incoming_.bytes;
  if (!part.empty() && random_.below(4) == 0) part.resize(random_.below(part.size()) + 1);
  if (!part.empty() && random_.below(2) == 0) part[random_.below(part.size())] ^= 1;
}

// Recovery makes durable what is there; a slave applies what its log knows to be committed.
void SimulatedNode::restart_as(bool slave) {
  durable_ = last_lsn();
  Lsn committed = 0;
  for (const StoredFrame& frame : frames_)
    committed = std::max(committed, frame.header.committed_lsn);
  committed = std::min(committed, durable_);
  if (!snapshots_.empty()) committed = std::max(committed, snapshots_.back().id.lsn);
  replicated_ = committed;
  applied_lsn_ = slave ? committed : durable_;
}

std::vector<std::string> SimulatedNode::records(Lsn through) const {
  std::vector<std::string> all;
  for (Lsn lsn = 1; lsn <= through; ++lsn)
    if (!frames_[lsn - 1].header.is_term()) all.push_back(record(lsn));
  return all;
}

std::optional<std::uint32_t> SimulatedNode::chain_at(Lsn lsn) const {
  if (lsn > last_lsn() || (lsn + 1 < log_begin_ && lsn != last_lsn())) return std::nullopt;
  return lsn == 0 ? 0 : frames_[lsn - 1].header.chain;
}

Result<std::unique_ptr<FrameSource>> SimulatedNode::frames_behind(Lsn after) {
  if (after + 1 < log_begin_) return Error{ErrorCode::not_found, "the log was removed"};
  return std::unique_ptr<FrameSource>(std::make_unique<Frames>(*this, after));
}

Status SimulatedNode::join_cluster(const wal::Uuid& cluster_id) {
  cluster_id_ = cluster_id;
  return {};
}

Status SimulatedNode::follow(const Frame& frame) {
  const wal::FrameHeader& header = frame.header;
  if (header.first_lsn != last_lsn() + 1 ||
      header.chain != wal::next_chain(chain(), header, frame.payload))
    return Error{ErrorCode::corrupt, "the frame does not follow"};
  if (header.is_term()) {
    term_ = std::max(term_, header.term);
    history_.push_back(
        {header.term, header.first_lsn, wal::decode_term_record(frame.payload)->node_id});
  }
  frames_.push_back({header, std::string(frame.payload)});
  return {};
}

Status SimulatedNode::sync() {
  if (std::exchange(fails_sync_, false)) return Error{ErrorCode::io_error, "the disk has failed"};
  durable_ = last_lsn();
  return {};
}

Status SimulatedNode::cut_behind(Lsn lsn) {
  if (lsn < applied_lsn_) throw std::runtime_error("what was applied was cut");
  if (lsn + 1 < log_begin_) throw std::runtime_error("a cut before the log's begin");
  frames_.resize(lsn);
  durable_ = lsn;
  std::erase_if(history_, [&](const auto& term) { return term.first_lsn > lsn; });
  ++happened_.cuts;
  return {};
}

Status SimulatedNode::apply_through(Lsn committed) {
  if (committed > durable_) throw std::runtime_error("what is not durable was applied");
  applied_lsn_ = std::max(applied_lsn_, committed);
  return {};
}

// --- snapshots ---

void SimulatedNode::take_snapshot(std::size_t kept) {
  const Lsn lsn = std::min(committed_lsn(), applied_lsn_);
  if (lsn == 0 || (!snapshots_.empty() && snapshots_.back().id.lsn == lsn)) return;
  Snapshot snapshot;
  wal::ByteWriter head;
  wal::put_uuid(head, cluster_id_);
  snapshot.bytes = head.bytes();
  for (Lsn i = 1; i <= lsn; ++i)
    append_message(snapshot.bytes, Frame{frames_[i - 1].header, frames_[i - 1].payload});
  wal::ByteWriter crc;
  crc.put(crc32c(snapshot.bytes));
  snapshot.bytes += crc.bytes();
  snapshot.id = {lsn, frames_[lsn - 1].header.term, random_.next(), snapshot.bytes.size()};
  snapshots_.push_back(std::move(snapshot));
  if (snapshots_.size() < kept) return;
  if (snapshots_.size() > kept) snapshots_.erase(snapshots_.begin());
  log_begin_ = std::max(log_begin_, snapshots_.front().id.lsn + 1);
}

Result<std::unique_ptr<SnapshotSource>> SimulatedNode::open_snapshot(
    const wal::SnapshotId& wanted) {
  if (snapshots_.empty()) return Error{ErrorCode::not_found, "there is none"};
  const Snapshot* found = &snapshots_.back();
  for (const Snapshot& snapshot : snapshots_)
    if (snapshot.id == wanted) found = &snapshot;
  return std::unique_ptr<SnapshotSource>(std::make_unique<Source>(*found));
}

Status SimulatedNode::begin_copy(const wal::SnapshotId& snapshot) {
  if (incoming_.id == snapshot) {
    if (!incoming_.bytes.empty()) ++happened_.copies_resumed;
    return {};
  }
  incoming_ = {snapshot, {}};
  return {};
}

Status SimulatedNode::add_to_copy(const CopyPart& part) {
  if (part.offset != incoming_.bytes.size() ||
      part.bytes.size() > incoming_.id.size - incoming_.bytes.size())
    return Error{ErrorCode::corrupt, "the part does not follow"};
  incoming_.bytes += part.bytes;
  return {};
}

Status SimulatedNode::install_copy() {
  const Snapshot copy = std::exchange(incoming_, {});
  std::string_view rest = copy.bytes;
  const auto crc = wal::load<std::uint32_t>(rest.data() + rest.size() - sizeof(std::uint32_t));
  rest.remove_suffix(sizeof crc);
  if (crc32c(rest) != crc) {
    ++happened_.copies_spoiled;
    return Error{ErrorCode::corrupt, "the copy does not check"};
  }
  if (copy.id.lsn < applied_lsn_) throw std::runtime_error("older data replaced newer");
  frames_.clear();
  history_.clear();
  wal::ByteReader head(rest);
  cluster_id_ = wal::take_uuid(head);
  rest = head.rest();
  while (!rest.empty()) {
    const auto size = message_size(rest);
    const auto message = decode_message(rest.substr(0, *size));
    if (!follow(std::get<Frame>(*message))) throw std::runtime_error("a snapshot with a gap");
    rest.remove_prefix(*size);
  }
  if (last_lsn() != copy.id.lsn) throw std::runtime_error("a snapshot of another LSN");
  log_begin_ = copy.id.lsn + 1;
  durable_ = replicated_ = applied_lsn_ = copy.id.lsn;
  snapshots_ = {copy};
  ++happened_.copies;
  return {};
}

// --- the world ---

World::World(std::uint64_t seed, Logger& logger) : seed_(seed), random_(seed), logger_(logger) {
  const std::size_t nodes = 2 + random_.below(4);
  quorum_ = 1 + random_.below(nodes - 1);
  for (std::size_t i = 0; i < nodes; ++i) {
    machines_.emplace_back();
    machines_.back().node =
        std::make_unique<SimulatedNode>(static_cast<std::uint8_t>(i + 1), random_);
  }
  snapshots_often_ = chance(50);
  fails_ = chance(50);
  if (chance(30)) ack_ = Ack::applied;
  // Some slaves come late.
  for (std::size_t i = 0; i < nodes; ++i)
    if (i == master_ || chance(80)) start(i);
}

void World::fail(const std::string& what) const {
  throw std::runtime_error("seed " + std::to_string(seed_) + ": " + what);
}

void World::run() {
  for (int i = 0; i < 400; ++i) step();
  heal();
  check_end();
  for (const Machine& machine : machines_) {
    const SimulatedNode::Happened& happened = machine.node->happened();
    counts_.cuts += happened.cuts;
    counts_.copies += happened.copies;
    counts_.copies_resumed += happened.copies_resumed;
    counts_.copies_spoiled += happened.copies_spoiled;
  }
}

void World::step() {
  advance();
  if (chance(3)) disturb();
  const std::uint64_t event = random_.below(100);
  if (event < 40) {
    write();
  } else if (event < 65) {
    sync_master();
  } else if (event < 67) {
    crash(random_.below(machines_.size()));
  } else if (event < 70) {
    const std::size_t index = random_.below(machines_.size());
    if (machines_[index].link) {
      ++counts_.broken;
      break_link(index, "the connection broke");
    }
  } else if (event < 80) {
    // Where snapshots are many, who is down stays so for long enough to need a copy.
    const std::size_t index = random_.below(machines_.size());
    if (!machines_[index].up && (!snapshots_often_ || chance(25))) start(index);
  } else if (event < 85) {
    promote();
  } else if (event < (snapshots_often_ ? 100 : 87)) {
    take_snapshot();
  }
}

void World::disturb() {
  Machine& machine = machines_[random_.below(machines_.size())];
  if (!machine.up) return;
  const auto some_ms = [&] { return static_cast<std::int64_t>(random_.below(5000)); };
  switch (random_.below(4)) {
    case 0:
      machine.stands_still_until_ms = now_ms_ + some_ms();
      ++counts_.pauses;
      break;
    case 1:
      machine.clock_ahead_ms += some_ms();
      ++counts_.clock_jumps;
      break;
    case 2:
      if (!machine.link) return;
      (chance(50) ? machine.link->to_master_blocked_ms : machine.link->to_slave_blocked_ms) =
          now_ms_ + some_ms();
      ++counts_.one_way_cuts;
      break;
    default:
      machine.node->fail_next_sync();
  }
}

void World::advance() {
  now_ms_ += static_cast<std::int64_t>(random_.below(20));
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    Machine& machine = machines_[i];
    if (!runs(machine)) continue;
    if (machine.master) machine.master->tick(clock_of(machine));
    if (!machine.slave) continue;
    if (machine.link && machine.slave->is_silent(clock_of(machine))) break_link(i, "silent");
    if (!machine.link && (healing_ || chance(30))) connect(i);
    if (!machine.up) continue;
    deliver(i);
    pump(i);
  }
  note_acknowledged();
  promote_again();
}

void World::write() {
  Machine& machine = machines_[master_];
  if (!runs(machine) || !machine.master) return;
  if (machine.node->refuses_writes()) {
    ++counts_.refused;
    return;
  }
  const std::string record = "write " + std::to_string(++last_write_);
  machine.node->append(record);
  waiting_[machine.node->last_lsn()] = record;
  ++counts_.writes;
}

void World::sync_master() {
  Machine& machine = machines_[master_];
  if (!runs(machine) || !machine.master) return;
  if (!machine.node->sync()) {
    ++counts_.disk_faults;
    return crash(master_);
  }
  machine.master->log_rose();
}

void World::take_snapshot() {
  const Machine& machine = machines_[random_.below(machines_.size())];
  if (!runs(machine)) return;
  machine.node->take_snapshot(snapshots_often_ ? 1 : 2);
  ++counts_.snapshots;
}

// A client is answered once its write is committed; then, and on every slave that has applied it,
// everybody may see it.
void World::note_acknowledged() {
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    const Machine& machine = machines_[i];
    if (!machine.up) continue;
    if (machine.slave) note_shown(i, machine.node->applied_lsn());
    if (!machine.master) continue;
    const Lsn committed = machine.node->committed_lsn();
    note_shown(i, std::min(committed, machine.node->last_lsn()));
    if (i != master_) continue;
    while (!waiting_.empty() && waiting_.begin()->first <= machine.node->answered_lsn()) {
      acknowledged_.insert(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      ++counts_.acknowledged;
    }
    // Whoever still waits is told that the outcome is unknown.
    if (machine.node->refuses_writes()) waiting_.clear();
  }
}

void World::note_shown(std::size_t index, Lsn through) {
  const Lsn begin = shown_.empty() ? 1 : std::min(through, shown_.rbegin()->first);
  for (Lsn lsn = std::max<Lsn>(begin, 1); lsn <= through; ++lsn) {
    const auto [found, added] = shown_.emplace(lsn, machines_[index].node->record(lsn));
    if (!added && found->second != machines_[index].node->record(lsn))
      fail("two nodes showed different records at LSN " + std::to_string(lsn));
  }
}

void World::crash(std::size_t index) {
  Machine& machine = machines_[index];
  if (!machine.up) return;
  ++counts_.crashes;
  for (std::size_t i = 0; i < machines_.size(); ++i)
    if (machines_[i].link && machines_[i].link->master == index)
      break_link(i, "the master has crashed");
  break_link(index, "crashed");
  const Lsn before = machine.node->last_lsn();
  machine.node->crash();
  counts_.unsynced_lost += before - machine.node->last_lsn();
  machine.up = false;
  machine.master.reset();
  machine.slave.reset();
  // Those writes were never answered.
  if (index == master_) waiting_.clear();
}

void World::start(std::size_t index) {
  Machine& machine = machines_[index];
  machine.up = true;
  const bool is_master = index == master_;
  machine.node->restart_as(!is_master);
  if (is_master) {
    const Lsn committed = machine.node->committed_lsn();
    machine.node->begin_term(machine.node->term() + 1);
    lead(index, committed);
  } else {
    machine.slave = std::make_unique<Slave>(*machine.node, logger_, SlaveOptions{});
  }
}

// Among so many slaves that a quorum of them cannot have been elsewhere, the newest log has all
// that was acknowledged. While the master lives nobody is promoted. A former master that has not
// followed another one since is none of them: its log may look newer than those that took part in
// what came after it.
void World::promote() {
  if (machines_[master_].up) return;
  const std::size_t slaves = machines_.size() - 1;
  std::vector<std::size_t> up;
  for (std::size_t i = 0; i < machines_.size(); ++i)
    if (machines_[i].up &&
        !was_last_master(machines_[i].node->log_end(), machines_[i].node->node_id()))
      up.push_back(i);
  if (up.size() + quorum_ <= slaves) return;
  const auto newest = [&](std::size_t a, std::size_t b) {
    const auto key = [&](std::size_t i) {
      const LogEnd log = machines_[i].node->log_end();
      return std::pair(log.history.empty() ? 0 : log.history.back().term, log.last_lsn);
    };
    return key(a) < key(b);
  };
  const std::size_t chosen = *std::max_element(up.begin(), up.end(), newest);
  if (machines_[chosen].node->last_lsn() == 0) return;  // nobody has ever followed
  for (const std::size_t i : up) break_link(i, "the master is another one now");
  Machine& machine = machines_[chosen];
  ++counts_.promotions;
  if (!machine.node->sync()) {
    ++counts_.disk_faults;
    return crash(chosen);
  }
  const Lsn committed = machine.node->applied_lsn();
  machine.node->apply_all();
  machine.node->begin_term(wal::term_of_promotion(machine.node->term()));
  machine.slave.reset();
  lead(chosen, committed);
}

// A slave has seen a term of a master that is gone, and that nobody else has heard of.
void World::promote_again() {
  Machine& machine = machines_[master_];
  if (!machine.master || machine.master->higher_term() == 0) return;
  for (std::size_t i = 0; i < machines_.size(); ++i) break_link(i, "the term has changed");
  ++counts_.promoted_again;
  machine.node->begin_term(wal::term_of_promotion(machine.master->higher_term()));
  lead(master_, machine.node->committed_lsn());
}

void World::lead(std::size_t index, Lsn committed) {
  machines_[index].master = std::make_unique<Master>(
      *machines_[index].node, logger_,
      MasterOptions{.ack = ack_,
                    .quorum = quorum_,
                    .timeout = std::chrono::milliseconds(500),
                    .on_timeout = fails_ ? OnTimeout::fail : OnTimeout::block,
                    .batch_bytes = 1 + random_.below(1000)},
      committed, clock_of(machines_[index]));
  master_ = index;
}

// --- messages ---

void World::break_link(std::size_t slave, const std::string& why) {
  Machine& machine = machines_[slave];
  if (!machine.link) return;
  if (Master* master = machines_[machine.link->master].master.get()) master->leave(slave, why);
  machine.link.reset();
  if (machine.slave) machine.slave->disconnected();
}

void World::connect(std::size_t slave) {
  if (!runs(machines_[master_])) return;
  Machine& machine = machines_[slave];
  std::string hello;
  if (!machine.slave->connected(clock_of(machine), hello)) {
    ++counts_.disk_faults;
    return crash(slave);
  }
  machine.link.emplace(master_);
  send(machine.link->to_master, machine.link->last_to_master_ms, std::move(hello));
}

void World::send(std::deque<Letter>& queue, std::int64_t& last_ms, std::string bytes) {
  if (bytes.empty()) return;
  last_ms = std::max(last_ms, now_ms_ + static_cast<std::int64_t>(random_.below(60)));
  queue.push_back({last_ms, std::move(bytes)});
}

// What has arrived; a letter may hold several messages.
void World::deliver(std::size_t slave) {
  Machine& machine = machines_[slave];
  const auto messages = [&](std::string_view bytes, const auto& take) {
    while (!bytes.empty()) {
      const auto size = message_size(bytes);
      if (!size) fail("a message cannot be read");
      const auto message = decode_message(bytes.substr(0, *size));
      if (!message) fail("a message cannot be read");
      if (Status taken = take(*message); !taken) return taken;
      bytes.remove_prefix(*size);
    }
    return Status();
  };
  while (machine.link && runs(machines_[machine.link->master]) &&
         machine.link->to_master_blocked_ms <= now_ms_ && !machine.link->to_master.empty() &&
         machine.link->to_master.front().arrives_ms <= now_ms_) {
    const Letter letter = std::move(machine.link->to_master.front());
    machine.link->to_master.pop_front();
    Machine& at = machines_[machine.link->master];
    Master& master = *at.master;
    std::string answer;
    const Status taken = messages(letter.bytes, [&](const Message& message) {
      if (const Hello* hello = std::get_if<Hello>(&message))
        return master.join(slave, "slave", *hello, clock_of(at), answer);
      return master.receive(slave, message);
    });
    send(machine.link->to_slave, machine.link->last_to_slave_ms, std::move(answer));
    if (!taken) {
      if (healing_ && master.higher_term() == 0)
        fail("a slave is refused for good: " + taken.error().message);
      break_link(slave, taken.error().message);
    }
  }
  bool received = false;
  Status taken;
  while (taken && machine.link && machine.link->to_slave_blocked_ms <= now_ms_ &&
         !machine.link->to_slave.empty() && machine.link->to_slave.front().arrives_ms <= now_ms_) {
    const Letter letter = std::move(machine.link->to_slave.front());
    machine.link->to_slave.pop_front();
    received = true;
    taken = messages(letter.bytes, [&](const Message& message) {
      return machine.slave->receive(message, clock_of(machine));
    });
  }
  if (received && taken) {
    // It may crash between taking and syncing.
    if (!healing_ && chance(machine.slave->copy().bytes != 0 ? 8 : 2)) return crash(slave);
    std::string acknowledgement;
    taken = machine.slave->finish_batch(acknowledgement);
    if (taken) taken = machine.slave->apply_batch(acknowledgement);
    send(machine.link->to_master, machine.link->last_to_master_ms, std::move(acknowledgement));
  }
  if (!taken && taken.error().code == ErrorCode::io_error) {
    ++counts_.disk_faults;
    return crash(slave);
  }
  if (!taken) {
    // A log that snapshots have replaced is followed by a copy.
    if (healing_) fail("a slave gives up: " + taken.error().message);
    break_link(slave, taken.error().message);
  } else if (machine.slave->copy_is_whole()) {
    install_copy(slave);
  }
}

void World::install_copy(std::size_t slave) {
  Machine& machine = machines_[slave];
  break_link(slave, "the copy has come");
  if (!healing_ && chance(10)) return crash(slave);
  // One that a crash has spoiled is asked for again.
  ignore(machine.slave->install_copy(), "counted by the node");
}

void World::pump(std::size_t slave) {
  Machine& machine = machines_[slave];
  if (!machine.link) return;
  const Machine& at = machines_[machine.link->master];
  std::string out;
  // Before it has joined there is nothing to collect.
  if (!runs(at) || at.master == nullptr || !at.master->collect(slave, clock_of(at), out)) return;
  send(machine.link->to_slave, machine.link->last_to_slave_ms, std::move(out));
}

// --- the end ---

void World::heal() {
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    machines_[i].stands_still_until_ms = 0;
    if (machines_[i].link)
      machines_[i].link->to_master_blocked_ms = machines_[i].link->to_slave_blocked_ms = 0;
    machines_[i].node->repair_disk();
    if (!machines_[i].up) start(i);
  }
  healing_ = true;
  const auto level = [&] {
    return std::all_of(machines_.begin(), machines_.end(), [&](const Machine& machine) {
      const SimulatedNode& master = *machines_[master_].node;
      return machine.node->durable_lsn() == master.last_lsn() &&
             (machine.master || machine.node->applied_lsn() == master.last_lsn());
    });
  };
  bool written = false;
  for (int i = 0; i < 20'000 && !(written && level() && waiting_.empty()); ++i) {
    advance();
    sync_master();
    if (!written && !machines_[master_].node->refuses_writes()) {
      write();
      written = true;
    }
  }
  if (!written) fail("writes are refused for ever");
  if (!level()) fail("the nodes do not become equal");
}

void World::check_end() {
  const SimulatedNode& master = *machines_[master_].node;
  const std::vector<std::string> records = master.records(master.last_lsn());
  for (const Machine& machine : machines_) {
    const SimulatedNode& node = *machine.node;
    if (node.records(machine.master ? node.last_lsn() : node.applied_lsn()) != records)
      fail("the nodes differ in the end");
  }
  const std::set<std::string> there(records.begin(), records.end());
  if (there.size() != records.size()) fail("a write is there twice");
  for (const std::string& write : acknowledged_)
    if (!there.contains(write)) fail("acknowledged and lost: " + write);
  for (const auto& [lsn, record] : shown_)
    if (master.record(lsn) != record) fail("shown and taken back: " + record);
  if (!waiting_.empty()) fail("a write is never answered");
}

}  // namespace kimdb::replication::test
