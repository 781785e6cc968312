// Which commands may be sent a second time when it is not known whether the first was executed.
// Pure; any thread.
#pragma once

#include <span>
#include <string_view>

namespace kimdb::client {

// True for commands that only look, and for those with an `ID <client> <sequence>` before them,
// which the server does once and answers again. Commands that this build of the library does not
// know are taken for writes.
bool is_repeatable(std::span<const std::string_view> words);

// The command behind its prefix words (ACK level, ID client sequence, AFTER position, EXPLAINED);
// empty where nothing follows them.
std::span<const std::string_view> without_prefixes(std::span<const std::string_view> words);

}  // namespace kimdb::client
