#include "replication/timeline.h"

#include <algorithm>

namespace kimdb::replication {

void Timeline::note(std::int64_t now_ms, Lsn lsn, std::uint64_t bytes) {
  if (!samples_.empty() && samples_.back().lsn >= lsn) return;
  if (samples_.size() > 1 && now_ms - samples_.back().time_ms < kApartMs) {
    samples_.back().lsn = lsn;
    samples_.back().bytes = bytes;
    return;
  }
  samples_.push_back({now_ms, lsn, bytes});
  if (samples_.size() <= kSamplesMax) return;
  // The older, the coarser: what is left is apart by a share of its age.
  std::deque<Sample> kept;
  for (auto sample = samples_.rbegin(); sample != samples_.rend(); ++sample)
    if (kept.empty() || sample + 1 == samples_.rend() ||
        kept.front().time_ms - sample->time_ms >= (now_ms - sample->time_ms) / kShareOfAge)
      kept.push_front(*sample);
  samples_ = std::move(kept);
}

Lag Timeline::behind(Lsn lsn, std::int64_t now_ms) const {
  if (samples_.empty() || samples_.back().lsn <= lsn) return {};
  const auto missing =
      std::upper_bound(samples_.begin(), samples_.end(), lsn,
                       [](Lsn value, const Sample& sample) { return value < sample.lsn; });
  const Sample& had = missing == samples_.begin() ? *missing : *(missing - 1);
  return {.lsn = samples_.back().lsn - lsn,
          .bytes = samples_.back().bytes - had.bytes,
          .ms = std::max<std::int64_t>(0, now_ms - missing->time_ms)};
}

}  // namespace kimdb::replication
