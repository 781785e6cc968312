// How long a log was at what time: tells how far behind it somebody is, in records, bytes and time.
// Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>

#include "base/lsn.h"

namespace kimdb::replication {

struct Lag {
  Lsn lsn = 0;              // records
  std::uint64_t bytes = 0;  // of the log; at least these where the timeline does not reach back
  std::int64_t ms = 0;      // since the first record was written that is missing; the same
};

class Timeline {
 public:
  // At this time the log ended at `lsn`, and so many bytes had been written to it. None of them
  // falls.
  void note(std::int64_t now_ms, Lsn lsn, std::uint64_t bytes);
  // How far behind the end noted last somebody is who has reached `lsn`.
  Lag behind(Lsn lsn, std::int64_t now_ms) const;

 private:
  struct Sample {
    std::int64_t time_ms;
    Lsn lsn;
    std::uint64_t bytes;
  };
  // Samples are at least so far apart, and older ones by this share of their age: what a lag may be
  // wrong by.
  static constexpr std::int64_t kApartMs = 20;
  static constexpr std::int64_t kShareOfAge = 64;
  static constexpr std::size_t kSamplesMax = 2048;

  std::deque<Sample> samples_;  // rising in all three
};

}  // namespace kimdb::replication
