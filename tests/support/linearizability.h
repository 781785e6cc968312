// Whether what clients saw of one key could have come from a server that does one operation after
// the other, each at a moment between its call and its return.
//
// Wing and Gong, "Testing and Verifying Concurrent Objects" (1993), with the list and the cache of
// Lowe, "Testing for Linearizability" (2017). Linearizability is local: a history of many keys is
// linearizable where that of each key is. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace kimdb::support {

// An operation on a register that holds a number, or nothing.
struct RegisterOperation {
  enum class Kind {
    get,     // gives the value
    set,     // to `argument`; gives nothing
    getset,  // the same; gives the value before
    add,     // 1, to 0 where there is nothing; gives the value after
    remove,  // gives 1 where there was a value, else 0
  };
  // Of an operation whose outcome is unknown: it may have been done at any time since, or never.
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  Kind kind = Kind::get;
  std::int64_t argument = 0;
  std::optional<std::int64_t> result;
  std::int64_t called = 0;  // on one clock
  std::int64_t returned = kNever;
};

// The register holds nothing at first. Throws std::runtime_error where the search takes too long to
// tell, which a history that is linearizable hardly makes it do.
bool is_linearizable(const std::vector<RegisterOperation>& history);

}  // namespace kimdb::support
