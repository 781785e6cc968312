#include "server/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <asio/ip/v6_only.hpp>
#include <asio/steady_timer.hpp>
#include <thread>

#include "base/address.h"
#include "database/sql/sql.h"

namespace kimdb::server {

using asio::ip::tcp;

namespace {

// "a, b" as a and b.
std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
  }
  return items;
}

// Has TCP find out whether the other side is there: after `silence`, and then, as Redis does, three
// times within as long again. A system that cannot do that keeps the connection all the same.
void keep_alive(int socket, std::chrono::milliseconds silence) {
  if (silence.count() == 0) return;
  const int seconds = static_cast<int>(std::chrono::ceil<std::chrono::seconds>(silence).count());
  const auto set = [socket](int level, int option, int value) {
    static_cast<void>(::setsockopt(socket, level, option, &value, sizeof value));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / 3));
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace

Server::Server(asio::io_context& control, database::Database& database, Logger& logger,
               LiveConfig& config, std::string config_file, std::function<void(bool save)> stop)
    : control_(control),
      database_(database),
      logger_(logger),
      config_(config),
      config_file_(std::move(config_file)),
      stop_(std::move(stop)),
      connections_(logger, config.current().network.max_connections) {
  const Config current = config.current();
  connection_options_.auth_enabled = current.auth.enabled;
  apply_to_connections(current);
  http_options_ = {.max_body_size = current.http.max_body_size,
                   .cors_origins = split_list(current.http.cors_origins),
                   .hosts = split_list(current.http.hosts),
                   .rate_limiter = &rate_limiter_};
  rate_limiter_.set_rate(current.http.rate_limit);
  // By default one processor is left to the log's writer, the workers and the clients of the same
  // machine.
  const unsigned processors = std::max(2u, std::thread::hardware_concurrency());
  const std::size_t count =
      current.network.io_threads != 0 ? current.network.io_threads : processors - 1;
  for (std::size_t i = 0; i < count; ++i) threads_.push_back(std::make_unique<IoThread>(database));
}

Server::~Server() { stop(); }

Status Server::listen() {
  const Config current = config_.current();
  const NetworkConfig& network = current.network;
  if (const TlsConfig& tls = current.tls; !tls.cert.empty()) {
    auto context = make_tls_context({.ca = tls.client_ca, .cert = tls.cert, .key = tls.key},
                                    TlsSide::server, {"tls.client_ca", "tls.cert", "tls.key"});
    if (!context) return std::move(context).error();
    connection_options_.tls = std::move(*context);
  }
  KIMDB_RETURN_IF_ERROR(listen_at(network.address, "network.address", Protocol::lines_and_resp));
  if (!network.resp_address.empty())
    KIMDB_RETURN_IF_ERROR(
        listen_at(network.resp_address, "network.resp_address", Protocol::resp_only));
  if (current.http.address.empty()) return {};
  Status http = listen_at(current.http.address, "http.address", Protocol::http);
  serves_http_ = http.has_value();
  // Who has not asked for it does without.
  if (!http && !config_.is_set("http.address")) {
    logger_.warning("no HTTP: {}", http.error().message);
    return {};
  }
  return http;
}

Status Server::listen_at(const std::string& address, std::string_view key, Protocol protocol) {
  const auto parsed = parse_address(address);
  if (!parsed) return Error(parsed.error()).in(key);
  const auto failed = [&](const asio::error_code& error) {
    const std::string what =
        error == asio::error::address_in_use
            ? "another program listens there, another kimdb-server perhaps: stop that one, or give "
              "this one another address by --set " +
                  std::string(key) + "=HOST:PORT"
            : error.message();
    return Error{ErrorCode::unavailable,
                 "cannot listen on " + address + " (" + std::string(key) + "): " + what};
  };
  asio::error_code error;
  tcp::resolver resolver(control_);
  const auto found =
      parsed->host.empty()
          ? tcp::resolver::results_type::create(tcp::endpoint(tcp::v6(), parsed->port), "", "")
          : resolver.resolve(parsed->host, std::to_string(parsed->port), error);
  if (error) return failed(error);
  const tcp::endpoint endpoint = found.begin()->endpoint();
  auto listener = std::make_unique<Listener>(Listener{tcp::acceptor(control_), protocol});
  tcp::acceptor& acceptor = listener->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && parsed->host.empty()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(4096, error);
  if (error) return failed(error);
  if (protocol == Protocol::lines_and_resp) port_ = acceptor.local_endpoint().port();
  logger_.info("listening on {}:{}{}", endpoint.address().to_string(),
               acceptor.local_endpoint().port(),
               protocol == Protocol::resp_only ? " (RESP)"
               : protocol == Protocol::http    ? " (HTTP)"
                                               : "");
  listeners_.push_back(std::move(listener));
  return {};
}

void Server::start() {
  for (auto& listener : listeners_) accept(*listener);
  for (auto& thread : threads_) thread->start();
}

// On main's thread, as the listeners' handlers are.
void Server::stop() {
  for (auto& listener : listeners_) {
    asio::error_code ignored;
    listener->acceptor.close(ignored);
  }
  // They stay: a worker may still post the end of a command to one.
  for (auto& thread : threads_) thread->stop();
}

void Server::wake() {
  for (auto& thread : threads_) thread->wake();
}

void Server::accept(Listener& listener) {
  listener.acceptor.async_accept(
      [this, &listener](const asio::error_code& error, tcp::socket accepted) {
        if (error == asio::error::operation_aborted || !listener.acceptor.is_open()) return;
        if (!error) {
          begin_connection(std::move(accepted), listener.protocol);
          return accept(listener);
        }
        // Out of descriptors, say: trying again at once would only spin.
        logger_.warning("cannot accept a connection: {}", error.message());
        auto timer = std::make_shared<asio::steady_timer>(control_, std::chrono::milliseconds(100));
        timer->async_wait([this, &listener, timer](const asio::error_code& stopped) {
          if (!stopped && listener.acceptor.is_open()) accept(listener);
        });
      });
}

void Server::begin_connection(tcp::socket accepted, Protocol protocol) {
  const auto text = [](const tcp::endpoint& endpoint) {
    return to_string(Address{endpoint.address().to_string(), endpoint.port()});
  };
  asio::error_code error;
  accepted.non_blocking(true, error);
  if (!error) accepted.set_option(tcp::no_delay(true), error);
  if (!error) keep_alive(accepted.native_handle(), tcp_keepalive_);
  const tcp::endpoint peer = error ? tcp::endpoint() : accepted.remote_endpoint(error);
  const tcp::endpoint local = error ? tcp::endpoint() : accepted.local_endpoint(error);
  if (error) return;  // it is gone already
  const bool refused = connections_.full();
  if (refused && connections_.too_many_refused()) return;
  const std::uint64_t id = refused ? 0 : connections_.next_id();
  // Connections go to the threads in turn; each stays where it is.
  IoThread& thread = *threads_[next_thread_++ % threads_.size()];
  Socket socket{.fd = UniqueFd(accepted.release(error)),
                .peer_host = peer.address().to_string(),
                .peer_address = text(peer),
                .local_address = text(local)};
  std::shared_ptr<Connection> connection;
  if (protocol == Protocol::http)
    connection = std::make_shared<HttpSession>(thread, connections_, std::move(socket), id,
                                               connection_options_, http_options_);
  else
    connection = std::make_shared<Session>(
        thread, connections_, std::move(socket), id,
        protocol == Protocol::resp_only ? Session::Kind::resp_only : Session::Kind::lines_and_resp,
        connection_options_);
  connections_.began(connection);
  thread.post([connection] { connection->start(); });
}

void Server::apply_to_connections(const Config& config) {
  const NetworkConfig& network = config.network;
  connection_options_.max_message_size = network.max_message_size;
  connection_options_.max_output_buffer = network.max_output_buffer;
  connection_options_.idle_timeout = network.idle_timeout;
  connection_options_.http_idle_timeout = config.http.idle_timeout;
  connection_options_.idle_transaction_timeout = config.sql.idle_transaction_timeout;
  tcp_keepalive_ = network.tcp_keepalive;
  connection_options_.request_timeout = network.request_timeout;
  connection_options_.greeting = network.greeting;
}

void Server::apply(const Config& config) {
  apply_to_connections(config);
  database_.set_snapshot_interval(config.snapshot.interval);
  connections_.set_max_connections(config.network.max_connections);
  database_.set_max_memory(config.engine.max_memory);
  database_.set_eviction(config.engine.eviction == Eviction::allkeys_lru);
  database_.slowlog().set_threshold(config.slowlog.threshold);
  database_.slowlog().set_entries_max(config.slowlog.max_entries);
  database_.sql().set_limits({.timeout = config.sql.statement_timeout,
                              .memory = config.sql.max_memory,
                              .answer_timeout = config.sql.answer_timeout,
                              .history = config.sql.keep_history});
  logger_.set_level(config.logging.level);
  rate_limiter_.set_rate(config.http.rate_limit);
}

void Server::for_each_session(
    const std::function<void(const database::SessionInfo&)>& visit) const {
  connections_.for_each(visit);
}

bool Server::kill_session(std::uint64_t id) { return connections_.kill(id); }

database::Host::NetworkStatistics Server::network_statistics() const {
  return {.connections_received = connections_.received(),
          .connections_rejected = connections_.rejected(),
          .slow_clients_dropped = connections_.slow_clients(),
          .bytes_in = connections_.bytes_in(),
          .bytes_out = connections_.bytes_out(),
          .max_connections = connections_.max_connections(),
          .port = port_};
}

std::vector<std::pair<std::string, std::string>> Server::config_get(
    std::string_view pattern) const {
  return config_.get(pattern);
}

Status Server::config_set(const std::vector<std::pair<std::string, std::string>>& settings) {
  return config_.set(settings);
}

Status Server::config_rewrite() { return config_.rewrite(); }

}  // namespace kimdb::server
