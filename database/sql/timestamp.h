// TIMESTAMP as text: what SQL shows and takes for ms since 1970, UTC. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kimdb::database::sql {

// "1990-01-01 00:00:00", with ".250" where there are milliseconds: the order of the texts is that
// of the times. Of the years 0 to 9999.
void append_timestamp(std::string& out, std::int64_t unix_ms);
// The same, and ISO 8601: "1990-01-01", "1990-01-01T00:00", a fraction of seconds (cut to ms),
// behind it nothing (UTC), "Z" or "+02:00".
std::optional<std::int64_t> parse_timestamp(std::string_view text);

}  // namespace kimdb::database::sql
