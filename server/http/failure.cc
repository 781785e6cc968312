#include "server/http/failure.h"

#include <algorithm>
#include <array>

namespace kimdb::server {

Failure failure_of(std::string_view error) {
  const std::string_view word = error.substr(0, error.find(' '));
  const std::string_view text = word.size() == error.size() ? error : error.substr(word.size() + 1);
  constexpr std::array kKnown = {
      std::pair{std::string_view("READONLY"), Failure{503, "read_only", {}}},
      std::pair{std::string_view("NOREPLICAS"), Failure{503, "no_replicas", {}}},
      std::pair{std::string_view("REPL_TIMEOUT"), Failure{503, "outcome_unknown", {}}},
      std::pair{std::string_view("UNKNOWNOUTCOME"), Failure{503, "outcome_unknown", {}}},
      std::pair{std::string_view("TIMEOUT"), Failure{503, "not_reached", {}}},
      std::pair{std::string_view("UNKNOWNPOSITION"), Failure{410, "position_unknown", {}}},
      std::pair{std::string_view("OOM"), Failure{507, "out_of_memory", {}}},
      std::pair{std::string_view("TOOLARGE"), Failure{507, "result_too_large", {}}},
      std::pair{std::string_view("NOPERM"), Failure{403, "forbidden", {}}},
      std::pair{std::string_view("NOAUTH"), Failure{401, "not_authenticated", {}}},
      std::pair{std::string_view("WRONGPASS"), Failure{401, "not_authenticated", {}}},
  };
  // A client gets itself a new token then.
  if ((word == "WRONGPASS" || word == "NOAUTH") && text.find("expired") != std::string_view::npos)
    return {401, "token_expired", text};
  for (const auto& [known, failure] : kKnown)
    if (word == known) return {failure.status, failure.code, text};
  if (text.find("wal.max_transaction_size") != std::string_view::npos)
    return {413, "body_too_large", text};
  // Of a batch the item comes first: "item 3: document not found"; of a transaction the command, of
  // several statements which of them.
  std::string_view what = text;
  if (what.starts_with("item ") || what.starts_with("command ") || what.starts_with("statement "))
    what.remove_prefix(std::min(what.size(), what.find(": ") + 2));
  if (what.starts_with("version conflict")) return {409, "conflict", text};
  if (what.starts_with("write conflict")) return {409, "conflict", text};
  if (what.starts_with("duplicate key") || what.starts_with("duplicate primary key"))
    return {409, "duplicate_key", text};
  if (what.starts_with("there is a document")) return {409, "conflict", text};
  if (what.starts_with("another index is being made")) return {503, "busy", text};
  if (what.starts_with("there is an index")) return {409, "conflict", text};
  if (what.starts_with("document not found") || what.starts_with("there is no index"))
    return {404, "not_found", text};
  if (what.starts_with("this server's history does not contain"))
    return {410, "position_unknown", text};
  if (what.starts_with("invalid JSON")) return {400, "invalid_json", text};
  return {400, "bad_request", text};
}

}  // namespace kimdb::server
