// What the fuzz targets of both request framings have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "protocol/request_parser.h"

namespace kimdb::fuzz {

// Appends all that `parser` makes of `input` to `seen`, and returns how much of it is done with.
inline std::size_t drain(protocol::RequestParser& parser, std::string_view input, std::string& seen,
                         bool& ended) {
  using Outcome = protocol::RequestParser::Outcome;
  protocol::Request request;
  std::size_t position = 0;
  while (!ended) {
    const auto parsed = parser.next(input.substr(position), request);
    KIMDB_CHECK(parsed.consumed <= input.size() - position);
    position += parsed.consumed;
    if (parsed.outcome == Outcome::incomplete) break;
    KIMDB_CHECK(parsed.consumed > 0);
    if (parsed.outcome == Outcome::skipped) continue;
    ended = parsed.outcome == Outcome::fatal;
    seen += static_cast<char>('0' + static_cast<int>(parsed.outcome));
    seen.append(parsed.error).append(request.tag).append("\n");
    if (parsed.outcome != Outcome::request) continue;
    KIMDB_CHECK(!request.words.empty());
    for (const std::string_view word : request.words) {
      seen.append(std::to_string(word.size())).append(" ").append(word);
    }
    seen.append(request.line).append(request.sql);
  }
  return position;
}

// The first byte of `input` says where the rest is cut in two.
inline void check_requests(std::string_view input, protocol::ParserLimits limits) {
  if (input.empty()) return;
  const std::size_t cut = static_cast<unsigned char>(input[0]) % input.size();
  input.remove_prefix(1);

  std::string whole;
  bool whole_ended = false;
  protocol::RequestParser whole_parser(limits);
  drain(whole_parser, input, whole, whole_ended);

  std::string pieces;
  bool pieces_ended = false;
  protocol::RequestParser parser(limits);
  const std::string first(input.substr(0, cut));
  const std::size_t done = drain(parser, first, pieces, pieces_ended);
  const std::string second(input.substr(done));
  drain(parser, second, pieces, pieces_ended);
  KIMDB_CHECK(pieces == whole);
  KIMDB_CHECK(pieces_ended == whole_ended);
}

}  // namespace kimdb::fuzz
