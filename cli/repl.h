// The prompt: reads lines from a person, runs them, shows the replies. Main thread.
#pragma once

#include "cli/executor.h"
#include "cli/interrupt.h"
#include "cli/render.h"

namespace kimdb::cli {

// Returns at the end of input, `quit` or `exit`.
void run_repl(Executor& executor, const RenderOptions& options, Interrupt& interrupt);

}  // namespace kimdb::cli
