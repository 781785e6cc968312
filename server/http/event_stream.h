// Changes of a collection as Server-Sent Events: one event for each, whose id is the position
// behind it. A browser that connects anew names the last id it has seen.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
#pragma once

#include <string>

#include "database/change_feed.h"

namespace kimdb::server {

// What a stream begins with.
std::string first_event(const database::FeedPosition& position);
std::string to_events(const database::DocumentChanges& changes);

}  // namespace kimdb::server
