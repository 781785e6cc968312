// From options to a server that is connected and logged in. Main thread.
#pragma once

#include <memory>

#include "base/result.h"
#include "cli/executor.h"
#include "cli/interrupt.h"
#include "cli/options.h"

namespace kimdb::cli {

// Asks for a password where a user is named or the server wants one.
Result<std::unique_ptr<Executor>> connect_to_server(const Options& options, Interrupt& interrupt);

}  // namespace kimdb::cli
