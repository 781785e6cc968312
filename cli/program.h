// kimdb-cli behind its command line: which part does what was asked for. Main thread.
#pragma once

#include "cli/options.h"

namespace kimdb::cli {

// The exit code: 0; 1 where the server answered with an error; 2 where it could not be done.
int run_program(const Options& options);

}  // namespace kimdb::cli
