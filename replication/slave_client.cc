#include "replication/slave_client.h"

#include <pthread.h>

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/connect.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "base/address.h"
#include "replication/channel.h"

namespace kimdb::replication {

using asio::ip::tcp;

namespace {

constexpr std::chrono::milliseconds kRetryMax{500};
constexpr std::chrono::milliseconds kWatchEvery{200};

void check(const Status& status) {
  if (!status) throw Disconnected{status.error().message};
}

}  // namespace

SlaveClient::SlaveClient(Node& node, Clock& clock, Logger& logger, SlaveOptions options)
    : clock_(clock), logger_(logger), slave_(node, logger, std::move(options)) {}

void SlaveClient::start() {
  asio::co_spawn(context_, run(), asio::detached);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "kimdb-slave");
    context_.run();
  });
}

void SlaveClient::stop() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
  // Its coroutine stays where it is; the master is not to count on the connection any more.
  if (const auto channel = channel_.lock()) channel->close();
}

MasterStatus SlaveClient::status() const {
  MutexLock lock(mutex_);
  return status_;
}

asio::awaitable<void> SlaveClient::run() {
  for (;;) {
    std::string why;
    try {
      co_await connect_and_follow();
    } catch (const Disconnected& disconnected) {
      why = disconnected.why;
    }
    slave_.disconnected();
    {
      MutexLock lock(mutex_);
      status_.connected = false;
      status_.why = why;
      status_.copy = {};
    }
    if (why.empty()) continue;  // a copy was installed, the log behind it is next
    // The same failure again and again is said once.
    if (why != last_failure_)
      logger_.warning("replication: master {}: {}", slave_.options().master_address, why);
    last_failure_ = why;
    asio::steady_timer pause(context_, std::min(slave_.options().heartbeat, kRetryMax));
    co_await pause.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> SlaveClient::connect_and_follow() {
  const auto address = parse_address(slave_.options().master_address);
  if (!address) throw Disconnected{address.error().message};
  asio::error_code error;
  tcp::resolver resolver(context_);
  const auto endpoints =
      co_await resolver.async_resolve(address->host, std::to_string(address->port),
                                      asio::redirect_error(asio::use_awaitable, error));
  tcp::socket socket(context_);
  if (!error)
    co_await asio::async_connect(socket, endpoints,
                                 asio::redirect_error(asio::use_awaitable, error));
  if (error) throw Disconnected{error.message()};
  socket.set_option(tcp::no_delay(true), error);

  const auto channel = std::make_shared<Channel>(std::move(socket), kMasterMessageBytesMax);
  channel_ = channel;
  std::string hello(kPreamble);
  check(slave_.connected(now_ms(), hello));
  asio::co_spawn(context_, watch(channel), asio::detached);
  try {
    if (slave_.options().tls != nullptr)
      co_await channel->encrypt(*slave_.options().tls, Channel::Side::slave);
    co_await channel->send(std::string_view(hello));
    co_await follow(*channel);
  } catch (const Disconnected&) {
    channel->close();
    throw;
  }
  channel->close();
  check(slave_.install_copy());
}

// Ends the connection where the master has been silent too long.
asio::awaitable<void> SlaveClient::watch(std::shared_ptr<Channel> channel) {
  while (channel->socket().is_open()) {
    if (slave_.is_silent(now_ms())) channel->close();
    asio::steady_timer pause(context_, kWatchEvery);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

// Until a copy has come whole.
asio::awaitable<void> SlaveClient::follow(Channel& channel) {
  std::string out;
  while (!slave_.copy_is_whole()) {
    check(slave_.receive(co_await channel.receive(), now_ms()));
    while (channel.has_message()) check(slave_.receive(co_await channel.receive(), now_ms()));
    out.clear();
    check(slave_.finish_batch(out));
    if (!out.empty()) co_await channel.send(std::string_view(out));
    out.clear();
    check(slave_.apply_batch(out));
    if (!out.empty()) co_await channel.send(std::string_view(out));
    note_heard();
  }
}

void SlaveClient::note_heard() {
  if (slave_.joined()) last_failure_.clear();
  MutexLock lock(mutex_);
  status_.copy = slave_.copy();
  status_.connected = slave_.joined();
  status_.why.clear();
  status_.last_lsn = slave_.master_lsn();
  status_.last_heard_ms = clock_.unix_ms();
  status_.lag = slave_.lag();
  if (status_.peers != slave_.peers()) status_.peers = slave_.peers();
}

}  // namespace kimdb::replication
