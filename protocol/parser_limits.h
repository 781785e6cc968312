// What one request may be, at most. Checked before anything is allocated or waited for.
#pragma once

#include <cstddef>
#include <string>

namespace kimdb::protocol {

struct ParserLimits {
  std::size_t message_bytes = 1 << 20;  // a whole request
  std::size_t arguments = 1024 * 1024;  // words of one request
  bool resp_only =
      false;  // network.resp_address: a line is Redis' inline command, answered in RESP
  bool before_login = false;  // the limits are the small ones before AUTH: an error's text says so
};

// "ERR message exceeds 1MB (network.max_message_size)".
std::string message_too_large(const ParserLimits& limits);

}  // namespace kimdb::protocol
