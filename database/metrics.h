// The text of METRICS and of GET /metrics: Prometheus' text format 0.0.4, with HELP and TYPE of
// each metric.
//
// Names and units are Prometheus' conventions (seconds, bytes, counters that end in _total); what
// is counted, is counted since the server started, whatever CONFIG RESETSTAT does.
#pragma once

#include <string>

namespace kimdb::database {

class Context;

// Looks at every partition. Waits for no commit, so that it answers also while a master lacks its
// quorum: the numbers may be those of writes that are not committed yet.
std::string metrics_text(Context& c);

}  // namespace kimdb::database
