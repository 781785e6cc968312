// Any bytes as what a client sends on a WebSocket, whole and cut in two: the same messages come
// out. And any text as a message: a command or an answer, which is JSON.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "engine/json_tree.h"
#include "server/http/socket_message.h"
#include "server/http/websocket_codec.h"

using kimdb::server::SocketCall;
using kimdb::server::WebSocketCodec;

namespace {

void use(std::string_view text) {
  const SocketCall call = kimdb::server::read_socket_message(text, 1'700'000'000'000);
  if (call.kind == SocketCall::Kind::answered)
    KIMDB_CHECK(kimdb::engine::parse_json_tree(call.reply).has_value());
  for (const SocketCall& operation : call.operations)
    if (operation.kind == SocketCall::Kind::answered)
      KIMDB_CHECK(kimdb::engine::parse_json_tree(kimdb::server::batch_result(operation, nullptr))
                      .has_value());
  kimdb::protocol::Value error;
  error.type = kimdb::protocol::Value::Type::error;
  error.string = "ERR " + std::string(text);
  KIMDB_CHECK(
      kimdb::engine::parse_json_tree(kimdb::server::socket_answer(call, error)).has_value());
}

std::vector<std::string> receive(std::string_view input, std::size_t first) {
  WebSocketCodec codec(4096);
  std::vector<std::string> messages;
  std::string answers;
  if (codec.receive(input.substr(0, first), messages, answers))
    static_cast<void>(codec.receive(input.substr(first), messages, answers));
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  use(input);
  const std::vector<std::string> whole = receive(input, size);
  KIMDB_CHECK(receive(input, size / 2) == whole);
  for (const std::string& message : whole) use(message);
  return 0;
}
