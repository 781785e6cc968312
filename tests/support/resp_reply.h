// One RESP2 or RESP3 reply, whole: its bytes as they came, and what they mean. Independent of
// protocol/ and client/, so that a fault there does not hide itself.
//
// https://redis.io/docs/latest/develop/reference/protocol-spec/
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kimdb::support {

struct RespReply {
  std::string raw;
  char type = 0;                    // the first byte: + - : $ * _ # , ( ! = % ~ >
  std::string text;                 // of a scalar: what follows the type, or a bulk's bytes
  std::vector<RespReply> elements;  // of an aggregate; a map's keys and values in turn
  bool null = false;                // $-1, *-1 or _

  bool is_error() const { return type == '-' || type == '!'; }
};

// Parses the first reply of `bytes`. Returns its size, 0 where it is not whole yet. Throws
// std::runtime_error where the bytes are no RESP.
std::size_t parse_reply(std::string_view bytes, RespReply& reply);

// Bytes as a person can read them: \r, \n and what is not printable escaped, what is behind the
// first `shown` bytes cut.
std::string readable(std::string_view bytes, std::size_t shown = 2000);

}  // namespace kimdb::support
