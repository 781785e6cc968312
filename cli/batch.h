// Commands from a pipe or a file, one a line, as the line protocol has them; SQL statements to
// their semicolon. Main thread.
#pragma once

#include "cli/executor.h"
#include "cli/interrupt.h"
#include "cli/render.h"

namespace kimdb::cli {

// Reads standard input to its end; sends what has arrived together and shows the replies in order.
// Every error is also told on standard error with the number of its line. Stops where the
// connection is lost with a transaction or with a reply. The exit code: 0, 1 where there were error
// replies or the input ends inside a statement or a transaction, 2 where it stopped.
int run_batch(Executor& executor, const RenderOptions& options, Interrupt& interrupt);

}  // namespace kimdb::cli
