#include "replication/master_server.h"

#include <pthread.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
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

std::string text_of(const tcp::endpoint& endpoint) {
  return to_string(Address{endpoint.address().to_string(), endpoint.port()});
}

}  // namespace

struct MasterServer::Connection {
  Connection(tcp::socket socket, SlaveId number, std::int64_t now_ms)
      : channel(std::move(socket), kSlaveMessageBytesMax),
        id(number),
        heard_at_ms(now_ms),
        wake(channel.socket().get_executor()) {}

  void end(std::string reason) {
    if (why.empty()) why = std::move(reason);
    channel.close();
    wake.cancel();
  }

  Channel channel;
  const SlaveId id;
  std::int64_t heard_at_ms;
  asio::steady_timer wake;  // cancelled: there may be more to send
  std::string why;          // it has ended; empty: it has not
};

MasterServer::MasterServer(Node& node, Clock& clock, Logger& logger, MasterOptions options)
    : node_(node), clock_(clock), logger_(logger), options_(std::move(options)) {}

Status MasterServer::listen() {
  const auto address = parse_address(options_.listen);
  if (!address) return Error(address.error()).in("replication.listen");
  asio::error_code error;
  const tcp::endpoint endpoint =
      address->host.empty()
          ? tcp::endpoint(tcp::v6(), address->port)
          : tcp::endpoint(asio::ip::make_address(address->host, error), address->port);
  if (!error) acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(64, error);
  if (error)
    return Error{ErrorCode::unavailable, "cannot listen on " + options_.listen +
                                             " (replication.listen): " + error.message()};
  logger_.info("replication: listening for slaves on {}", text_of(acceptor_.local_endpoint()));
  return {};
}

void MasterServer::start(Lsn committed) {
  {
    MutexLock lock(mutex_);
    master_ = std::make_unique<Master>(node_, logger_, options_, committed, now_ms());
  }
  asio::co_spawn(context_, accept(), asio::detached);
  asio::co_spawn(context_, tick(), asio::detached);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "kimdb-master");
    context_.run();
  });
}

void MasterServer::stop() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
  asio::error_code ignored;
  acceptor_.close(ignored);
  for (const auto& [id, connection] : connections_) connection->channel.close();
  MutexLock lock(mutex_);
  if (master_ != nullptr) master_->leave_all("this server has stopped serving slaves");
}

void MasterServer::log_rose() {
  if (!senders_wait_.exchange(false)) return;
  asio::post(context_, [this] {
    {
      MutexLock lock(mutex_);
      if (master_ != nullptr) master_->log_rose();
    }
    wake_senders();
  });
}

Status MasterServer::change_log(const std::function<Status()>& change) {
  MutexLock lock(mutex_);
  if (master_ != nullptr) master_->leave_all("the log that it was sent has changed");
  return change();
}

void MasterServer::wake_senders() {
  for (const auto& [id, connection] : connections_) connection->wake.cancel();
}

MasterServer::Snapshot MasterServer::status() const {
  MutexLock lock(mutex_);
  if (master_ == nullptr) return {};
  return {master_->slaves(now_ms()), master_->quorum_missing(), master_->higher_term()};
}

asio::awaitable<void> MasterServer::tick() {
  for (;;) {
    asio::steady_timer pause(context_, std::chrono::milliseconds(50));
    co_await pause.async_wait(asio::use_awaitable);
    // A slave answers every heartbeat.
    const std::int64_t silent_since = now_ms() - silence_limit(options_.heartbeat).count();
    for (const auto& [id, connection] : connections_)
      if (connection->heard_at_ms < silent_since) connection->end("it is silent");
    MutexLock lock(mutex_);
    master_->tick(now_ms());
  }
}

asio::awaitable<void> MasterServer::accept() {
  for (;;) {
    asio::error_code error;
    tcp::socket socket =
        co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {  // out of descriptors, say: trying again at once would only spin
      if (!acceptor_.is_open()) ignore(listen(), "it is tried again");
      asio::steady_timer pause(context_, std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    socket.set_option(tcp::no_delay(true), error);
    auto connection = std::make_shared<Connection>(std::move(socket), ++last_id_, now_ms());
    connections_[connection->id] = connection;
    asio::co_spawn(context_, serve(std::move(connection)), asio::detached);
  }
}

asio::awaitable<void> MasterServer::serve(std::shared_ptr<Connection> connection) {
  asio::error_code error;
  const std::string address = text_of(connection->channel.socket().remote_endpoint(error));
  bool joined = false;
  try {
    if (options_.tls != nullptr)
      co_await connection->channel.encrypt(*options_.tls, Channel::Side::master);
    co_await connection->channel.expect_preamble();
    const Message message = co_await connection->channel.receive();
    if (std::holds_alternative<Probe>(message)) {
      Message reply;
      {
        MutexLock lock(mutex_);
        reply = master_->answer_probe();
      }
      co_await connection->channel.send(reply);
      connections_.erase(connection->id);
      co_return;
    }
    const Hello* hello = std::get_if<Hello>(&message);
    if (hello == nullptr) throw Disconnected{"it did not say hello"};
    std::string answer;
    Status answered;
    {
      MutexLock lock(mutex_);
      answered = master_->join(connection->id, address, *hello, now_ms(), answer);
    }
    if (!answer.empty()) co_await connection->channel.send(std::string_view(answer));
    if (!answered) throw Disconnected{answered.error().message};
    joined = true;
    connection->heard_at_ms = now_ms();
    asio::co_spawn(context_, receive_all(connection), asio::detached);
    co_await send_all(*connection);
  } catch (const Disconnected& disconnected) {
    connection->end(disconnected.why);
  }
  if (!joined)
    logger_.warning("replication: {} was not taken as a slave: {}", address, connection->why);
  connections_.erase(connection->id);
  MutexLock lock(mutex_);
  master_->leave(connection->id, connection->why);
}

asio::awaitable<void> MasterServer::send_all(Connection& connection) {
  std::string out;
  while (connection.why.empty()) {
    out.clear();
    std::int64_t heartbeat_in = 0;
    {
      MutexLock lock(mutex_);
      const Status collected = master_->collect(connection.id, now_ms(), out);
      if (!collected) throw Disconnected{collected.error().message};
      heartbeat_in = master_->next_heartbeat_ms(connection.id) - now_ms();
    }
    if (!out.empty()) {
      co_await connection.channel.send(std::string_view(out));
      continue;
    }
    // Announced first, looked again after: a commit behind the look wakes.
    connection.wake.expires_after(
        std::chrono::milliseconds(std::max<std::int64_t>(1, heartbeat_in)));
    senders_wait_.store(true);
    {
      MutexLock lock(mutex_);
      if (master_->has_news(connection.id)) continue;
    }
    asio::error_code ignored;
    co_await connection.wake.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

asio::awaitable<void> MasterServer::receive_all(std::shared_ptr<Connection> connection) {
  try {
    for (;;) {
      const Message message = co_await connection->channel.receive();
      connection->heard_at_ms = now_ms();
      {
        MutexLock lock(mutex_);
        if (const Status received = master_->receive(connection->id, message); !received)
          throw Disconnected{received.error().message};
      }
      wake_senders();  // what is committed now is to be told
    }
  } catch (const Disconnected& disconnected) {
    connection->end(disconnected.why);
  }
}

}  // namespace kimdb::replication
