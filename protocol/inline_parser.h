// Redis' inline commands, as they are spoken on network.resp_address. Pure; any thread.
#pragma once

#include <string_view>

#include "protocol/request.h"

namespace kimdb::protocol {

// Appends the words of `line` (without its end) to `request`, by the rules of Redis 7.0's
// sdssplitargs: "…" knows \n \r \t \a \b \xHH, '…' knows \', quotes may open in the middle of a
// word and must end it. False where quotes are unbalanced. All words are copied to request.scratch.
bool split_inline(std::string_view line, Request& request);

}  // namespace kimdb::protocol
