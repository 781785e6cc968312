#include "database/client_position.h"

#include <algorithm>
#include <charconv>

namespace kimdb::database {

std::string to_string(const ClientPosition& position) {
  return std::to_string(position.term) + "-" + std::to_string(position.lsn);
}

std::optional<ClientPosition> parse_client_position(std::string_view text) {
  ClientPosition position;
  const char* const end = text.data() + text.size();
  const auto term = std::from_chars(text.data(), end, position.term);
  if (term.ec != std::errc() || term.ptr == end || *term.ptr != '-') return std::nullopt;
  const auto lsn = std::from_chars(term.ptr + 1, end, position.lsn);
  if (lsn.ec != std::errc() || lsn.ptr != end) return std::nullopt;
  return position;
}

std::optional<ClientPosition> position_of(const std::vector<wal::TermStart>& history, Lsn lsn) {
  for (auto term = history.rbegin(); term != history.rend(); ++term)
    if (term->first_lsn <= lsn) return ClientPosition{term->term, lsn};
  return std::nullopt;
}

Reached has_reached(const std::vector<wal::TermStart>& history, Lsn applied,
                    const ClientPosition& position) {
  const auto term = std::find_if(history.begin(), history.end(), [&](const wal::TermStart& start) {
    return start.term >= position.term;
  });
  if (term == history.end()) return Reached::not_yet;  // a later term than this node knows
  const auto next = term + 1;
  if (term->term != position.term || position.lsn < term->first_lsn ||
      (next != history.end() && position.lsn >= next->first_lsn))
    return Reached::never;
  return position.lsn <= applied ? Reached::yes : Reached::not_yet;
}

}  // namespace kimdb::database
