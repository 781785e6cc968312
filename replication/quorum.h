// How far the slaves are, and so what a commit may count on. Pure; one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/lsn.h"
#include "replication/message.h"
#include "replication/options.h"

namespace kimdb::replication {

class Quorum {
 public:
  Quorum(Ack ack, std::size_t quorum) : ack_(ack), quorum_(ack == Ack::none ? 0 : quorum) {}

  void joined(std::uint64_t slave) { slaves_[slave]; }
  void left(std::uint64_t slave) { slaves_.erase(slave); }
  // Acknowledgements never take back what earlier ones said.
  void acknowledged(std::uint64_t slave, const Acknowledgement& progress);

  // The highest LSN that as many slaves have acknowledged as are asked for; ~0 where none is.
  Lsn replicated_lsn() const;
  bool met() const { return slaves_.size() >= quorum_; }

 private:
  const Ack ack_;
  const std::size_t quorum_;
  std::map<std::uint64_t, Lsn> slaves_;
};

}  // namespace kimdb::replication
