// Writing to standard output, whole and in order. Main thread.
#pragma once

#include <string_view>

namespace kimdb::cli {

// Flushed at once. The process ends quietly when nobody reads any more (`kimdb-cli … | head`).
void show(std::string_view text);

// One line on standard error, "kimdb-cli: " before it.
void complain(std::string_view text);

}  // namespace kimdb::cli
