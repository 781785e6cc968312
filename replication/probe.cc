#include "replication/probe.h"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <utility>

#include "base/address.h"
#include "replication/channel.h"
#include "replication/tls.h"

namespace kimdb::replication {
namespace {

using asio::ip::tcp;

asio::awaitable<void> ask(asio::io_context& context, const Address& address, Message question,
                          TlsContext* tls, Result<ProbeReply>& answer) {
  try {
    asio::error_code error;
    const tcp::endpoint endpoint(asio::ip::make_address(address.host, error), address.port);
    tcp::socket socket(context);
    if (!error)
      co_await socket.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
    if (error) throw Disconnected{error.message()};
    Channel channel(std::move(socket), kSlaveMessageBytesMax);
    if (tls != nullptr) co_await channel.encrypt(*tls, Channel::Side::slave);
    std::string bytes(kPreamble);
    append_message(bytes, question);
    co_await channel.send(std::string_view(bytes));
    const Message message = co_await channel.receive();
    const ProbeReply* reply = std::get_if<ProbeReply>(&message);
    if (reply == nullptr) throw Disconnected{"it does not tell"};
    answer = *reply;
  } catch (const Disconnected& disconnected) {
    answer = Error{ErrorCode::unavailable, disconnected.why};
  }
}

}  // namespace

Result<ProbeReply> probe(const std::string& address, const wal::Uuid& cluster_id,
                         const std::shared_ptr<TlsContext>& tls,
                         std::chrono::milliseconds timeout) {
  const auto parsed = parse_address(address);
  if (!parsed) return parsed.error();
  Result<ProbeReply> answer = Error{ErrorCode::unavailable, "it does not answer in time"};
  asio::io_context context(1);
  asio::co_spawn(context, ask(context, *parsed, Probe{cluster_id}, tls.get(), answer),
                 asio::detached);
  context.run_for(timeout);
  return answer;
}

}  // namespace kimdb::replication
