// Reads requests of HTTP/1.1 out of a stream of bytes, across any split of it. What the grammar is,
// Boost.Beast knows.
//
// Pure: bytes in, values out. One for each connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace kimdb::server {

class HttpRequestReader {
 public:
  HttpRequestReader();
  ~HttpRequestReader();

  enum class Outcome {
    request,     // `request` is filled
    incomplete,  // more bytes are needed
    error,       // `status` and `problem` say what; the connection is of no more use
  };
  struct Read {
    Outcome outcome = Outcome::incomplete;
    std::size_t consumed = 0;  // bytes of the input that are done with
    int status = 0;
    std::string problem;
  };
  // The unconsumed bytes must come again, with more behind them.
  Read next(std::string_view input, std::uint64_t body_bytes_max, HttpRequest& request);
  // The client waits to be told that it may send the body ("100 Continue"); true once.
  bool wants_continue();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kimdb::server
