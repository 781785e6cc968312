#include "cli/output.h"

#include <cstdio>
#include <cstdlib>

namespace kimdb::cli {

void show(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  // SIGPIPE ends the process where it is not ignored; a full disk is told here.
  if (written && std::fflush(stdout) == 0) return;
  std::perror("kimdb-cli: writing the output");
  std::exit(kFailed);
}

void complain(std::string_view text) {
  std::fprintf(stderr, "kimdb-cli: %.*s\n", static_cast<int>(text.size()), text.data());
}

int fail(const Error& error) {
  complain(error.message);
  return kFailed;
}

}  // namespace kimdb::cli
