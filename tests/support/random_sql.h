// Random statements that define and change three tables, and all that can be seen of these.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/random.h"

namespace kimdb::support {

class RandomSql {
 public:
  explicit RandomSql(Random& random) : random_(random) {}

  // Of tables a, b and c. One in a few is refused: the table or column is not there, a key is
  // taken.
  std::string next();
  // Numbers that the server gives are another server's only where nobody was killed: leaves
  // AUTO_INCREMENT out.
  void give_all_keys() { gives_all_keys_ = true; }

 private:
  Random& random_;
  bool gives_all_keys_ = false;
};

// What the tables of RandomSql are, and hold. `run` gives the reply to a statement as lines.
std::string dump_tables(const std::function<std::string(const std::string&)>& run);

// The lines in order, the first `in_place` of them as they are.
std::string sorted_lines(const std::string& text, std::ptrdiff_t in_place = 0);

}  // namespace kimdb::support
