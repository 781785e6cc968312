#include "tests/support/temporary_directory.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace kimdb::support {

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "kimdb-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw std::runtime_error("cannot make a temporary directory like " + pattern);
  }
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  if (std::getenv("KIMDB_KEEP") != nullptr) {
    std::printf("kept: %s\n", path_.c_str());
    return;
  }
  // A destructor has nobody to tell; a directory that stays is only untidy.
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace kimdb::support
