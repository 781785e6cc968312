// A position of the log as clients see it: <term>-<lsn>. Pure.
//
// A client that wrote on one server names the position of that to another one, which answers only
// when it is as far: so it reads what it wrote. The term tells positions apart that a former master
// gave to what the others have never had.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/lsn.h"
#include "wal/meta.h"

namespace kimdb::database {

struct ClientPosition {
  std::uint64_t term = 0;
  Lsn lsn = 0;
  bool operator==(const ClientPosition&) const = default;
};

std::string to_string(const ClientPosition& position);
std::optional<ClientPosition> parse_client_position(std::string_view text);

// Nothing where the history does not reach back so far.
std::optional<ClientPosition> position_of(const std::vector<wal::TermStart>& history, Lsn lsn);

enum class Reached {
  yes,
  not_yet,
  never,  // the history does not contain it
};
// Whether a node with this history that has applied everything up to `applied` is at the position.
Reached has_reached(const std::vector<wal::TermStart>& history, Lsn applied,
                    const ClientPosition& position);

}  // namespace kimdb::database
