// The log sequence number: one number for each record of the log, from 1, without gaps.
//
// 0 is no LSN: "before the first record", "never written".
#pragma once

#include <cstdint>

namespace kimdb {

using Lsn = std::uint64_t;

}  // namespace kimdb
