// A new empty directory that is removed, with all that is in it, when the object goes away.
//
// Support code of the tests throws where something is wrong with the machine: doctest reports that
// as the test's failure. KIMDB_KEEP=1 keeps the directories and prints their names, to look at what
// a failed test left.
#pragma once

#include <string>

namespace kimdb::support {

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace kimdb::support
