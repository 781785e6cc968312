#include "replication/quorum.h"

namespace kimdb::replication {

void Quorum::acknowledged(std::uint64_t slave, const Acknowledgement& progress) {
  const auto found = slaves_.find(slave);
  if (found == slaves_.end()) return;
  const Lsn lsn = ack_ == Ack::received  ? progress.received
                  : ack_ == Ack::applied ? progress.applied
                                         : progress.synced;
  found->second = std::max(found->second, lsn);
}

Lsn Quorum::replicated_lsn() const {
  if (quorum_ == 0) return ~Lsn{0};
  if (slaves_.size() < quorum_) return 0;
  std::vector<Lsn> lsns;
  for (const auto& [slave, lsn] : slaves_) lsns.push_back(lsn);
  const auto nth = lsns.begin() + static_cast<std::ptrdiff_t>(quorum_) - 1;
  std::nth_element(lsns.begin(), nth, lsns.end(), std::greater<>());
  return *nth;
}

}  // namespace kimdb::replication
