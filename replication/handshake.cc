#include "replication/handshake.h"

namespace kimdb::replication {

std::variant<Welcome, CopyOffer, Refusal> answer_hello(const MasterState& master,
                                                       const Hello& hello,
                                                       const ChainAt& chain_at) {
  const auto refuse = [&](std::string why) { return Refusal{master.term, std::move(why)}; };
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  const bool is_empty = hello.log.last_lsn == 0;
  if (hello.protocol != kProtocolVersion)
    return refuse("it speaks version " + number(hello.protocol) +
                  " of the replication protocol, the master " + number(kProtocolVersion));
  if (hello.node_id == master.node_id)
    return refuse("its data directory is a copy of the master's, or the master's own");
  if (!is_empty && hello.cluster_id != master.cluster_id)
    return refuse("its data belongs to another cluster (" + wal::to_string(hello.cluster_id) +
                  ", the master's is " + wal::to_string(master.cluster_id) +
                  "); a new slave begins with an empty wal.data_directory");
  if (hello.term > master.term)
    return refuse("it has seen term " + number(hello.term) + ", the master is of term " +
                  number(master.term) +
                  ": another master has taken over; where this one is to be the master all the "
                  "same, PROMOTE FORCE on it begins a higher term");
  const std::optional<Lsn> common = last_common_lsn(master.log, hello.log);
  if (!common)
    return refuse(
        "the histories of terms do not tell what its log and the master's have in common; start it "
        "with an empty wal.data_directory");
  if (*common < hello.committed_lsn)
    return refuse("it holds committed data up to LSN " + number(hello.committed_lsn) +
                  ", of which the master has what lies at or below LSN " + number(*common) +
                  ": the older data never replaces the newer");
  const std::optional<std::uint32_t> chain = chain_at(*common);
  if (!chain)
    return CopyOffer{.cluster_id = master.cluster_id,
                     .node_id = master.node_id,
                     .term = master.term,
                     .common_lsn = *common};
  if (*common == hello.log.last_lsn && *chain != hello.chain)
    return refuse("its log and the master's differ at or before LSN " + number(*common) +
                  ", although they have the same terms: one of them is damaged");
  return Welcome{.cluster_id = master.cluster_id,
                 .node_id = master.node_id,
                 .term = master.term,
                 .start_lsn = *common,
                 .chain = *chain,
                 .committed_lsn = master.committed_lsn};
}

}  // namespace kimdb::replication
