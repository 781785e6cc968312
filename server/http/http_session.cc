#include "server/http/http_session.h"

#include <algorithm>
#include <utility>

#include "base/address.h"
#include "base/ascii.h"
#include "engine/document.h"
#include "server/connection_manager.h"
#include "server/http/event_stream.h"
#include "server/http/gzip.h"
#include "server/http/json_rows.h"
#include "server/http/websocket.h"
#include "server/http/websocket_codec.h"

namespace kimdb::server {

namespace {

// "localhost:40000" without its port.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

// An address cannot be made to point here by somebody else's name server.
bool is_address(std::string_view host) {
  return host.starts_with('[') ||
         (!host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// Large texts are compressed for those who take that. What has an ETag is not: it says the bytes.
void compress(const HttpRequest& request, HttpResponse& response) {
  constexpr std::size_t kLarge = 4 << 10;
  const bool has_tag = std::any_of(response.headers.begin(), response.headers.end(),
                                   [](const auto& header) { return header.first == "ETag"; });
  if (response.body.size() < kLarge || has_tag ||
      response.content_type == "application/octet-stream")
    return;
  response.headers.emplace_back("Vary", "Accept-Encoding");
  const std::string* accepted = request.header("accept-encoding");
  if (accepted == nullptr || !accepts_gzip(*accepted)) return;
  response.body = gzip(response.body);
  response.headers.emplace_back("Content-Encoding", "gzip");
}

// The command that logs in with an Authorization header.
std::optional<std::vector<std::string>> login_of(std::string_view authorization) {
  const auto after = [&](std::string_view scheme) -> std::optional<std::string_view> {
    if (!equals_ignoring_case(authorization.substr(0, scheme.size()), scheme)) return std::nullopt;
    return authorization.substr(scheme.size());
  };
  if (const auto token = after("bearer "); token && database::is_token(*token))
    return std::vector<std::string>{"AUTH", std::string(*token)};
  const auto basic = after("basic ");
  const auto credentials = basic ? base64_decode(*basic) : std::nullopt;
  const std::size_t colon = credentials ? credentials->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  return std::vector<std::string>{"AUTH", credentials->substr(0, colon),
                                  credentials->substr(colon + 1)};
}

}  // namespace

HttpSession::HttpSession(IoThread& thread, ConnectionManager& connections, Socket socket,
                         std::uint64_t id, const ConnectionOptions& options,
                         const HttpOptions& http)
    : Connection(thread, connections, std::move(socket), id, options), http_(http), state_(info_) {
  sends_wholes_ = true;
  state_.peer_host = peer_host_;
  state_.resp_format = protocol::Format::resp3;
  state_.stateless = true;
  info_.protocol.store(database::SessionInfo::Protocol::http, std::memory_order_relaxed);
  state_.streams_lists = true;
  state_.log_out(options.auth_enabled);
  make_completion_ = [this] {
    return [self = std::static_pointer_cast<HttpSession>(shared_from_this())](
               std::string reply, const database::Outcome& outcome) {
      self->thread_.post([self, reply = std::move(reply), outcome] {
        self->deferred_ = false;
        self->info_.executing.store(false, std::memory_order_relaxed);
        if (!self->open_) return self->thread_.database().end_session(self->state_);
        self->streams_rows_ ? self->send_part(reply, outcome) : self->complete(reply, outcome);
        self->thread_.round_end();
      });
    };
  };
}

HttpSession::~HttpSession() = default;

void HttpSession::tell_too_many(char) {
  send(to_bytes(problem(503, "too_many_connections", "network.max_connections is reached"), false,
                false));
}

void HttpSession::tell_tls(char) {
  send(to_bytes(problem(400, "tls_required", "this port speaks HTTPS"), false, false));
}

void HttpSession::on_received(std::string_view received) {
  if (stream_ != nullptr) return stream_->on_received(received);
  input_.append(received);
  process();
}

void HttpSession::on_sent() {
  if (stream_ != nullptr)
    stream_->on_ready();
  else if (streams_rows_)
    ask_for_rest();
  else
    process();
  update_interest();
  close_if_done();
}

void HttpSession::on_closed() {
  // It may be the stream that closes the connection: it goes when that is done.
  thread_.post([stream = std::shared_ptr<HttpStream>(std::move(stream_))] {});
  then_ = nullptr;
  // A deferred command may still use the state; its completion ends it then.
  if (deferred_)
    thread_.database().cancel_waits(state_, database::Waiters::Cancel::all);
  else
    thread_.database().end_session(state_);
}

// Reads the requests that are there, until one has to wait.
void HttpSession::process() {
  processing_ = true;
  std::size_t at = 0;  // in input_
  while (open_ && !busy_ && !close_when_sent_ && !congested() && at < input_.size()) {
    const HttpRequestReader::Read read =
        reader_.next(std::string_view(input_).substr(at), http_.max_body_size, request_);
    at += read.consumed;
    if (read.outcome == HttpRequestReader::Outcome::incomplete) {
      if (started_request_ms_ == 0) started_request_ms_ = thread_.now_ms();
      if (reader_.wants_continue()) send("HTTP/1.1 100 Continue\r\n\r\n");
      break;
    }
    started_request_ms_ = 0;
    if (read.outcome == HttpRequestReader::Outcome::error) {
      // Where the next request begins nobody knows.
      request_ = {};
      request_.keep_alive = false;
      lingers_ = true;
      respond(problem(read.status,
                      read.status == 413   ? "body_too_large"
                      : read.status == 431 ? "headers_too_large"
                                           : "bad_request",
                      read.problem));
      break;
    }
    busy_ = true;
    begin();
  }
  input_.erase(0, at);
  if (input_.empty() && input_.capacity() > (64 << 10)) input_ = {};
  processing_ = false;
  // What came behind the request is the stream's.
  if (stream_ != nullptr && !input_.empty()) stream_->on_received(std::exchange(input_, {}));
  if (!open_) return;
  update_interest();
  close_if_done();
}

void HttpSession::count_command() {
  info_.commands.store(info_.commands.load(std::memory_order_relaxed) + 1,
                       std::memory_order_relaxed);
}

std::chrono::milliseconds HttpSession::take_from_rate() {
  if (http_.rate_limiter == nullptr || !http_.rate_limiter->limits()) return {};
  const std::string who = state_.authenticated ? "user " + info_.user() : peer_host_;
  return http_.rate_limiter->take(who, thread_.now_ms());
}

void HttpSession::begin() {
  count_command();
  if (refuse_stranger()) return;
  call_ = route(request_);
  if (call_.words.empty() && call_.stream == RestCall::Stream::none)
    return respond(std::move(call_.response));
  if (!options_.auth_enabled || call_.open) return call();
  const std::string* authorization = request_.header("authorization");
  // A browser cannot send one when it opens a WebSocket: a message logs in.
  if (authorization == nullptr && call_.stream == RestCall::Stream::websocket) {
    state_.log_out(true);  // what came before may have been somebody else's
    return call();
  }
  if (authorization == nullptr)
    return respond(
        problem(401, "not_authenticated", "log in by Authorization: Basic … or Bearer …"));
  // A password takes its time to check: once for each connection.
  if (state_.authenticated && *authorization == authorization_ &&
      !state_.login_has_expired(thread_.now_ms()))
    return call();
  login_and_go_on(*authorization);
}

// A page of somebody else's must not reach this server through its visitor's browser, neither by a
// name that was made to point here (Host) nor directly (Origin). True where it was refused, or
// answered as a browser's question before such a request.
bool HttpSession::refuse_stranger() {
  const std::string* host = request_.header("host");
  const std::string name = host == nullptr ? "" : lower_case(host_of(*host));
  if (name != "localhost" && !is_address(name) && !contains(http_.hosts, name)) {
    respond(problem(403, "foreign_host",
                    "this server is called by an address, as localhost, or by a name of "
                    "http.hosts"));
    return true;
  }
  const std::string* origin = request_.header("origin");
  if (origin == nullptr || is_own_origin(*origin)) {
    if (request_.method != "OPTIONS") return false;
    respond({.status = 204});
    return true;
  }
  if (!contains(http_.cors_origins, *origin) && !contains(http_.cors_origins, "*")) {
    respond(problem(403, "foreign_origin", "this origin is not in http.cors_origins"));
    return true;
  }
  if (request_.method != "OPTIONS") return false;
  respond({.status = 204,
           .headers = {{"Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE"},
                       {"Access-Control-Allow-Headers",
                        "Authorization, Content-Type, If-Match, If-None-Match, X-Kimdb-Min-LSN"},
                       {"Access-Control-Max-Age", "600"}}});
  return true;
}

bool HttpSession::is_own_origin(std::string_view origin) const {
  const std::string scheme = options_.tls == nullptr ? "http://" : "https://";
  const std::string* host = request_.header("host");
  return host != nullptr && origin == scheme + *host;
}

void HttpSession::login_and_go_on(std::string_view authorization) {
  const auto words = login_of(authorization);
  if (!words)
    return respond(problem(401, "not_authenticated",
                           "Authorization takes Basic credentials or a Bearer token"));
  state_.log_out(true);
  asked_authorization_ = authorization;
  execute(*words,
          [this](const protocol::Value& reply, const database::Outcome&) { logged_in(reply); });
}

void HttpSession::logged_in(const protocol::Value& reply) {
  if (reply.is_error()) return respond(problem_of(request_, reply.string));
  authorization_ = asked_authorization_;
  call();
}

void HttpSession::call() {
  if (const auto wait = call_.open ? std::chrono::milliseconds(0) : take_from_rate();
      wait.count() != 0) {
    HttpResponse response = problem(429, "rate_limited", "more requests than http.rate_limit");
    response.headers.emplace_back("Retry-After", std::to_string((wait.count() + 999) / 1000));
    return respond(std::move(response));
  }
  if (call_.stream == RestCall::Stream::events) return begin_events();
  if (call_.stream == RestCall::Stream::websocket) return begin_websocket();
  // What is open waits for nothing: anybody may ask it.
  const std::string* least = call_.open ? nullptr : request_.header("x-kimdb-min-lsn");
  if (least != nullptr) call_.words.insert(call_.words.begin(), {"AFTER", *least});
  const auto then = [this](const protocol::Value& reply, const database::Outcome& outcome) {
    called(reply, outcome);
  };
  if (!call_.open || !options_.auth_enabled) return execute(call_.words, then);
  // What is open is answered whoever has logged in on this connection.
  const auto rights = std::exchange(state_.rights, {database::Role::readonly, {}});
  const bool authenticated = std::exchange(state_.authenticated, true);
  const std::int64_t expires_at_ms = std::exchange(state_.expires_at_ms, 0);
  execute(call_.words, then);
  state_.rights = rights;
  state_.authenticated = authenticated;
  state_.expires_at_ms = expires_at_ms;
}

void HttpSession::execute(const std::vector<std::string>& words, Then then) {
  protocol::Request request;
  request.framing = protocol::Framing::resp;
  request.words.assign(words.begin(), words.end());
  then_ = std::move(then);
  state_.takes_rest = busy_ && call_.streams_rows && request_.takes_chunks;
  std::string reply;
  const database::Outcome outcome = thread_.database().execute(
      state_, request, reply,
      {.now_ms = thread_.now_ms(), .statistics = thread_.statistics(), .defer = &make_completion_});
  if (!outcome.deferred) return complete(reply, outcome);
  deferred_ = true;
  info_.executing.store(true, std::memory_order_relaxed);
}

void HttpSession::complete(std::string_view reply, const database::Outcome& outcome) {
  if (state_.rest != nullptr) return begin_rows(reply, outcome);
  protocol::Value value;
  protocol::ReplyReader reader;
  const Then then = std::exchange(then_, nullptr);
  if (reader.next(reply, value).outcome != protocol::ReplyReader::Outcome::value) {
    value = {};
    value.type = protocol::Value::Type::error;
    value.string = "TOOLARGE the result is too large: set a limit";
  }
  then(value, outcome);
}

// The rows are many: they are made into JSON, and sent, piece by piece.
void HttpSession::begin_rows(std::string_view reply, const database::Outcome& outcome) {
  then_ = nullptr;
  streams_rows_ = true;
  state_.rest = std::make_unique<JsonRows>(std::string(reply), std::move(state_.rest));
  response_ = {};
  await_commit(outcome);
}

void HttpSession::ask_for_rest() {
  if (deferred_ || awaits_commit_ || congested()) return;
  deferred_ = true;
  info_.executing.store(true, std::memory_order_relaxed);
  thread_.database().continue_reply(state_, make_completion_());
}

void HttpSession::send_part(std::string_view part, const database::Outcome& outcome) {
  send(part);
  if (!open_) return;
  if (state_.rest != nullptr) return ask_for_rest();
  // What is cut short can only be told so by the end of the connection.
  if (outcome.close) request_.keep_alive = false;
  end_response();
}

void HttpSession::called(const protocol::Value& reply, const database::Outcome& outcome) {
  response_ = reply.is_error() ? problem_of(request_, reply.string)
                               : call_.answer(request_, reply, outcome.depends_on);
  await_commit(outcome);
}

// response_ leaves once what it shows is committed.
void HttpSession::await_commit(const database::Outcome& outcome) {
  if (const std::string shown = outcome.depends_on != 0 ? position_of(outcome.depends_on) : "";
      !shown.empty())
    response_.headers.emplace_back("X-Kimdb-LSN", shown);
  outcome_ = outcome;
  awaits_commit_ = true;
  if (outcome.depends_on != 0 &&
      !thread_.database().may_send(outcome.depends_on, outcome.acknowledge))
    return thread_.wait_for(*this, outcome.depends_on);
  release();
}

std::string HttpSession::position_of(Lsn lsn) {
  const wal::DataDirectory* directory = thread_.database().directory();
  if (directory == nullptr) return {};
  const auto position = database::position_of(directory->meta().history, lsn);
  return position ? to_string(*position) : std::string();
}

HttpSession::Commit HttpSession::commit_of(const database::Outcome& outcome) {
  const database::Database& database = thread_.database();
  if (outcome.depends_on == 0) return Commit::reached;
  const bool reached = database.may_send(outcome.depends_on, outcome.acknowledge);
  if (outcome.epoch != database.epoch() || (!reached && database.may_fail(outcome.acknowledge)))
    return Commit::fails;
  return reached ? Commit::reached : Commit::awaited;
}

void HttpSession::release() {
  if (!open_) return;
  if (stream_ != nullptr) return stream_->release();
  if (!awaits_commit_) return;
  const Commit commit = commit_of(outcome_);
  if (commit == Commit::awaited) return thread_.keep_waiting(*this);
  awaits_commit_ = false;
  if (streams_rows_ && commit == Commit::reached) {
    add_cors(response_);
    send(to_head(response_, BodyEnd::last_chunk) +
         (request_.keep_alive ? "\r\n" : "Connection: close\r\n\r\n"));
    if (open_) ask_for_rest();
    return;
  }
  if (std::exchange(streams_rows_, false)) thread_.database().drop_rest(state_);
  respond(commit == Commit::fails ? problem_of(request_, database::kReplicationTimeout)
                                  : std::move(response_));
}

// --- changes ---

void HttpSession::begin_events() {
  const std::string collection = request_.path[1];
  if (!engine::is_collection_name(collection))
    return respond(problem(400, "bad_request", "there are no collections of this name"));
  if (!may_read(collection))
    return respond(problem(403, "forbidden", "this login may not read the collection"));
  // What a browser has seen last is newer than what its page asked for.
  const std::string* text = request_.header("last-event-id");
  if (text == nullptr) text = request_.parameter("since");
  const auto since = text == nullptr ? std::nullopt : database::parse_feed_position(*text);
  if (text != nullptr && !since)
    return respond(problem(400, "bad_request", "since takes a position that an event had as id"));
  auto reader = thread_.database().change_feed().subscribe(since, thread_);
  if (!reader)
    return respond(reader.error().code == ErrorCode::unsupported
                       ? problem(400, "no_log", reader.error().message)
                       : problem(410, "position_unknown",
                                 reader.error().message + ": read the collection and begin anew"));
  if (input_ended_) return close("");
  HttpResponse response{.content_type = "text/event-stream",
                        .headers = {{"Cache-Control", "no-store"}}};
  if (request_.method == "HEAD") return respond(std::move(response));
  add_cors(response);
  send(to_head(response, BodyEnd::connection));
  info_.protocol.store(database::SessionInfo::Protocol::events, std::memory_order_relaxed);
  if (open_) begin_stream(std::make_unique<EventStream>(*this, collection, std::move(*reader)));
}

void HttpSession::begin_websocket() {
  const auto has_token = [&](std::string_view name, std::string_view token) {
    const std::string* value = request_.header(name);
    return value != nullptr && lower_case(*value).find(token) != std::string::npos;
  };
  const std::string* key = request_.header("sec-websocket-key");
  const std::string* version = request_.header("sec-websocket-version");
  if (!has_token("connection", "upgrade") || key == nullptr || version == nullptr ||
      *version != "13") {
    HttpResponse response =
        problem(426, "websocket_required", "this path speaks WebSocket, version 13");
    response.headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}};
    return respond(std::move(response));
  }
  if (const auto bytes = base64_decode(*key); !bytes || bytes->size() != 16)
    return respond(problem(400, "bad_request", "Sec-WebSocket-Key is no 16 bytes in base64"));
  if (input_ended_) return close("");
  send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      websocket_accept(*key) + "\r\n\r\n");
  info_.protocol.store(database::SessionInfo::Protocol::websocket, std::memory_order_relaxed);
  if (open_) begin_stream(std::make_unique<WebSocket>(*this, options_.max_message_size));
}

void HttpSession::begin_stream(std::unique_ptr<HttpStream> stream) {
  request_ = {};
  call_ = {};
  if (!open_) return;
  stream_ = std::move(stream);
  thread_.follow(shared_from_this());
  stream_->on_ready();
  if (!processing_) process();  // what came while the login was checked
}

void HttpSession::on_changes() {
  if (stream_ != nullptr && wants_more()) stream_->on_ready();
}

void HttpSession::on_input_ended() {
  if (stream_ != nullptr) close("");
}

void HttpSession::on_finish() {
  if (stream_ != nullptr) stream_->on_finish();
}

void HttpSession::on_tick() {
  if (stream_ != nullptr) stream_->on_tick();
  if (streams_rows_ && !deferred_ && congested() && state_.rest->is_overdue())
    close("does not take the rest of its answer (sql.answer_timeout)");
}

void HttpSession::add_cors(HttpResponse& response) const {
  const std::string* origin = request_.header("origin");
  if (origin == nullptr ||
      (!contains(http_.cors_origins, *origin) && !contains(http_.cors_origins, "*")))
    return;
  response.headers.emplace_back("Access-Control-Allow-Origin", *origin);
  response.headers.emplace_back("Access-Control-Expose-Headers",
                                "ETag, Location, Retry-After, X-Kimdb-LSN");
  response.headers.emplace_back("Vary", "Origin");
}

void HttpSession::respond(HttpResponse response) {
  add_cors(response);
  compress(request_, response);
  if (response.status == 401)
    response.headers.insert(response.headers.end(),
                            {{"WWW-Authenticate", "Basic realm=\"kimdb\", charset=\"UTF-8\""},
                             {"WWW-Authenticate", "Bearer realm=\"kimdb\""}});
  send(to_bytes(response, request_.keep_alive, request_.method == "HEAD"));
  if (open_) end_response();
}

void HttpSession::end_response() {
  busy_ = false;
  streams_rows_ = false;
  // A connection that is kept keeps no body.
  request_.body = {};
  call_ = {};
  if (!request_.keep_alive) close_when_sent_ = true;
  if (!processing_) process();  // else it goes on by itself
}

}  // namespace kimdb::server
