// What the process tells: standard output, whole and in order, complaints, and how it ended. Main
// thread.
#pragma once

#include <string_view>

#include "base/result.h"

namespace kimdb::cli {

// Exit codes.
constexpr int kDone = 0;
constexpr int kRefused = 1;  // an error was the answer; a log is damaged
constexpr int kFailed = 2;   // there was no answer, or the options cannot be used

// Flushed at once. The process ends quietly when nobody reads any more (`kimdb-cli … | head`).
void show(std::string_view text);

// One line on standard error, "kimdb-cli: " before it.
void complain(std::string_view text);

// Complains. kFailed, so that a command can return it.
int fail(const Error& error);

}  // namespace kimdb::cli
