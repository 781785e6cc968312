// What the commands of a transaction in one request (TX) were answered, as JSON. Pure.
#pragma once

#include <string>
#include <string_view>

#include "protocol/reply_reader.h"

namespace kimdb::server {

// `[…]`, a result for each command. `commands`: the list that TX was given. Documents are JSON in
// JSON, no strings.
std::string transaction_results(std::string_view commands, const protocol::Value& reply);

}  // namespace kimdb::server
