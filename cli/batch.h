// Commands from a pipe or a file, one a line, as the line protocol has them. Main thread.
#pragma once

#include "cli/executor.h"
#include "cli/interrupt.h"
#include "cli/render.h"

namespace kimdb::cli {

// Reads standard input to its end; sends what has arrived together and shows the replies in order.
// Every error is also told on standard error with the number of its line. Stops where the
// connection is lost. The exit code: 0, 1 where there were error replies, 2 where it stopped.
int run_batch(Executor& executor, const RenderOptions& options, Interrupt& interrupt);

}  // namespace kimdb::cli
