#include "protocol/parser_limits.h"

#include "base/units.h"

namespace kimdb::protocol {

std::string message_too_large(const ParserLimits& limits) {
  std::string text = "ERR message exceeds " + format_size(limits.message_bytes);
  text += limits.before_login ? " before authentication" : " (network.max_message_size)";
  return text;
}

}  // namespace kimdb::protocol
