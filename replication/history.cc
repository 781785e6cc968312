#include "replication/history.h"

#include <algorithm>

namespace kimdb::replication {
namespace {

// Where the term of history[index] ends.
Lsn end_of_term(const LogEnd& log, std::size_t index) {
  return index + 1 < log.history.size()
             ? std::min(log.history[index + 1].first_lsn - 1, log.last_lsn)
             : log.last_lsn;
}

// Whether the history names the term of the log's first frame.
bool is_whole(const LogEnd& log) { return !log.history.empty() && log.history[0].first_lsn <= 1; }

}  // namespace

std::optional<Lsn> last_common_lsn(const LogEnd& a, const LogEnd& b) {
  if (a.last_lsn == 0 || b.last_lsn == 0) return 0;
  std::size_t i = a.history.size(), j = b.history.size();
  while (i != 0 && j != 0) {
    const wal::TermStart& in_a = a.history[i - 1];
    const wal::TermStart& in_b = b.history[j - 1];
    if (in_a.term > in_b.term) {
      --i;
    } else if (in_b.term > in_a.term) {
      --j;
    } else if (in_a.node_id != in_b.node_id) {  // the same number, given by two nodes
      --i;
      --j;
    } else if (in_a.first_lsn != in_b.first_lsn) {
      return std::nullopt;
    } else {
      return std::min(end_of_term(a, i - 1), end_of_term(b, j - 1));
    }
  }
  if (is_whole(a) && is_whole(b)) return 0;
  return std::nullopt;
}

bool was_last_master(const LogEnd& log, const wal::Uuid& node_id) {
  return !log.history.empty() && log.history.back().node_id == node_id;
}

}  // namespace kimdb::replication
