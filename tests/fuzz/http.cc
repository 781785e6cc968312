// Any bytes as the input of a connection that speaks HTTP, whole and cut in two: the same requests
// come out, and each is routed to a command or to a response.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "server/http/gzip.h"
#include "server/http/request_reader.h"
#include "server/http/rest.h"

using kimdb::server::HttpRequest;
using kimdb::server::HttpRequestReader;
using kimdb::server::RestCall;

namespace {

constexpr std::uint64_t kBodyMax = 4096;

void use(const HttpRequest& request) {
  const RestCall call = kimdb::server::route(request);
  KIMDB_CHECK(!call.words.empty() || call.stream != RestCall::Stream::none ||
              call.response.status >= 200);
  KIMDB_CHECK(call.words.empty() || call.answer != nullptr);
  const std::string* accepted = request.header("accept-encoding");
  if (accepted != nullptr) static_cast<void>(kimdb::server::accepts_gzip(*accepted));
}

// What the reader makes of the input where `first` bytes come before the others.
std::vector<std::string> read(std::string_view input, std::size_t first) {
  HttpRequestReader reader;
  std::vector<std::string> seen;
  std::string waiting;
  for (const std::string_view part : {input.substr(0, first), input.substr(first)}) {
    waiting += part;
    for (;;) {
      HttpRequest request;
      const auto result = reader.next(waiting, kBodyMax, request);
      KIMDB_CHECK(result.consumed <= waiting.size());
      waiting.erase(0, result.consumed);
      static_cast<void>(reader.wants_continue());
      // Where it is seen may depend on what has come.
      if (result.outcome == HttpRequestReader::Outcome::error) {
        KIMDB_CHECK(result.status >= 400 && !result.problem.empty());
        return seen;
      }
      if (result.outcome == HttpRequestReader::Outcome::incomplete) break;
      use(request);
      seen.push_back(request.method + " " + request.target + "\n" + request.body);
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> whole = read(input, size);
  KIMDB_CHECK(read(input, size / 2) == whole);
  return 0;
}
