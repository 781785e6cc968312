// Any bytes as the input of the RESP port, cut in two: the same requests must come out as from the
// whole. The same bytes as a server's replies must be no more than an error for the client's
// reader.
#include "protocol/reply_reader.h"
#include "tests/fuzz/requests.h"

namespace {

void check_replies(std::string_view input) {
  kimdb::protocol::ReplyReader reader({.message_bytes = 1 << 20, .elements = 1024, .depth = 16});
  kimdb::protocol::Value value;
  while (true) {
    const auto parsed = reader.next(input, value);
    KIMDB_CHECK(parsed.consumed <= input.size());
    input.remove_prefix(parsed.consumed);
    if (parsed.outcome != kimdb::protocol::ReplyReader::Outcome::value) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  kimdb::fuzz::check_requests(input, {.message_bytes = 256, .arguments = 16, .resp_only = true});
  check_replies(input.substr(input.empty() ? 0 : 1));
  return 0;
}
