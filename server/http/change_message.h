// A change of a document as JSON, for those who follow a collection by events or by WebSocket.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "database/change_feed.h"

namespace kimdb::server {

// "event":"update","id":…,"data":…,"_version":…,"position":…,"timestamp":…
void append_change_members(std::string& out, const database::DocumentChange& change);

}  // namespace kimdb::server
