// FORMAT, which kimdb-cli answers itself: how it shows replies is its own. Pure; any thread.
#pragma once

#include "cli/executor.h"
#include "cli/options.h"

namespace kimdb::cli {

// `FORMAT name` sets `format`; `FORMAT` alone asks for it. The reply: OK, the name, or an error.
// `words` begins with FORMAT.
Value choose_output_format(const Words& words, OutputFormat& format);

}  // namespace kimdb::cli
