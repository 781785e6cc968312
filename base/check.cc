#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace kimdb {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "kimdb: invariant broken at %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace kimdb
