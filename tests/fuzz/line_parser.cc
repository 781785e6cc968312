// Any bytes as the input of a connection that speaks lines, cut in two: the same requests must come
// out as from the whole, and every word must lie within the input or the scratch space (the
// sanitizers read them all).
#include "tests/fuzz/requests.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kimdb::fuzz::check_requests({reinterpret_cast<const char*>(data), size},
                              {.message_bytes = 256, .arguments = 16});
  return 0;
}
