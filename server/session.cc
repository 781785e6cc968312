#include "server/session.h"

#include <utility>

#include "base/cycles.h"
#include "database/collection_watch.h"
#include "engine/document.h"
#include "server/connection_manager.h"

namespace kimdb::server {

using database::Outcome;
using protocol::ReplyWriter;
using protocol::RequestParser;

namespace {

// Before login.
constexpr std::size_t kStrangerMessageBytes = 16 << 10;
constexpr std::size_t kStrangerArguments = 16;

}  // namespace

Session::Session(IoThread& thread, ConnectionManager& connections, Socket socket, std::uint64_t id,
                 Kind kind, const ConnectionOptions& options)
    : Connection(thread, connections, std::move(socket), id, options),
      kind_(kind),
      state_(info_),
      parser_({}) {
  state_.peer_host = peer_host_;
  state_.receiver = this;
  state_.takes_rest = true;
  make_completion_ = [this] {
    return [self = std::static_pointer_cast<Session>(shared_from_this())](std::string reply,
                                                                          const Outcome& outcome) {
      self->thread_.post([self, reply = std::move(reply), outcome]() mutable {
        self->complete(std::move(reply), outcome);
      });
    };
  };
  state_.log_out(options.auth_enabled);
  set_limits();
}

void Session::set_limits() {
  protocol::ParserLimits limits{.message_bytes = options_.max_message_size,
                                .resp_only = kind_ == Kind::resp_only};
  if (options_.auth_enabled && !state_.authenticated) {
    limits.before_login = true;
    limits.message_bytes = std::min(limits.message_bytes, kStrangerMessageBytes);
    limits.arguments = kStrangerArguments;
  }
  parser_.set_limits(limits);
}

Session::~Session() = default;

void Session::on_open() {
  if (options_.greeting && kind_ == Kind::lines_and_resp && !refused()) send("HANDSHAKE|v1.0\n");
}

void Session::tell_tls(char first) {
  send(kind_ == Kind::resp_only || first == '*' ? "-ERR this port speaks TLS\r\n"
                                                : "ERROR: this port speaks TLS\n");
}

void Session::tell_too_many(char first) {
  const std::string limit = std::to_string(connections_.max_connections());
  send(first == '*' ? "-ERR max number of clients reached\r\n"
                    : "ERROR: too many connections (limit " + limit + ")\n");
}

void Session::on_input_ended() {
  // It may still read the reply, or be gone: nobody can tell.
  if (deferred_) thread_.database().cancel_waits(state_, database::Waiters::Cancel::endless);
}

void Session::on_received(std::string_view received) {
  if (input_.empty() && !is_busy()) return process(received);
  input_.append(received);
  if (!is_busy()) return process_kept();
  update_interest();  // enough is enough
}

// Parses and executes what is there; keeps what is left over.
void Session::process(std::string_view input) {
  if (!parser_.inside_request()) set_limits();  // CONFIG SET or RESET may have changed them
  std::string& out = thread_.output_buffer();
  out.clear();
  const std::size_t consumed = execute_all(input, out);
  if (!open_) return;
  if (!out.empty()) send(out);
  if (!open_) return;
  input_.assign(input.substr(consumed));
  if (input_.empty() && input_.capacity() > (64 << 10)) input_ = {};
  if (parser_.inside_request()) {
    if (started_request_ms_ == 0) started_request_ms_ = thread_.now_ms();
  } else {
    started_request_ms_ = 0;
  }
  update_interest();
  close_if_done();
}

// What came while the session could not go on.
void Session::process_kept() {
  const std::string input = std::move(input_);
  input_.clear();
  process(input);
}

// Requests are parsed some ahead, so that the memory they will look at comes while others are
// parsed and executed.
std::size_t Session::execute_all(std::string_view input, std::string& out) {
  std::size_t consumed = 0;
  while (consumed < input.size() && may_execute()) {
    Batch batch;
    std::size_t parsed_to = consumed;
    parse_ahead(input, parsed_to, batch);
    for (std::size_t i = 0; i < batch.size; ++i) {
      const std::size_t from = out.size();
      const protocol::Request& request = thread_.requests()[i];
      // Before a worker has the state.
      const protocol::Format format = state_.format(request.framing);
      const Outcome outcome = execute(request, batch.hashes[i], out);
      if (outcome.depends_on != 0 || outcome.explained || !marks_.empty())
        hold(out, from, outcome, format, !request.tag.empty());
      if (outcome.close) close_when_sent_ = true;
      consumed = batch.ends[i];
      // A flood of large replies goes out before more is executed.
      if (out.size() > kQueueSoftLimit) {
        send(out);
        out.clear();
      }
      if (!may_execute() && consumed < parsed_to) {
        parser_.reset();  // what was parsed ahead comes again
        return consumed;
      }
    }
    consumed = parsed_to;
    if (batch.end.outcome == RequestParser::Outcome::incomplete) return consumed;
    if (batch.end.outcome != RequestParser::Outcome::request) answer_malformed(batch.end, out);
  }
  return consumed;
}

// Parses up to a batch of requests from `offset` on, moving it behind them.
void Session::parse_ahead(std::string_view input, std::size_t& offset, Batch& batch) {
  while (batch.size < IoThread::kRequestsAhead && offset < input.size()) {
    batch.end = parser_.next(input.substr(offset), thread_.requests()[batch.size]);
    offset += batch.end.consumed;
    if (batch.end.outcome == RequestParser::Outcome::skipped) continue;
    if (batch.end.outcome != RequestParser::Outcome::request) break;
    batch.ends[batch.size++] = offset;
  }
  if (batch.end.outcome == RequestParser::Outcome::skipped)
    batch.end.outcome = RequestParser::Outcome::request;
  if (batch.size < 2) return;
  database::Database& database = thread_.database();
  for (std::size_t i = 0; i < batch.size; ++i)
    batch.hashes[i] = database.prefetch(state_, thread_.requests()[i]);
  for (std::size_t i = 0; i < batch.size; ++i) database.prefetch_entry(state_, batch.hashes[i]);
}

void Session::answer_malformed(const RequestParser::Parsed& parsed, std::string& out) {
  const std::size_t from = out.size();
  if (!parsed.error.empty()) {
    ReplyWriter writer(out, state_.format(parsed.framing));
    writer.error(parsed.error);
    thread_.database().statistics().answered_error(writer.error_code());
    if (state_.replies != database::Session::Replies::on) out.resize(from);
  }
  if (!marks_.empty()) hold(out, from, {}, state_.format(parsed.framing));
  if (parsed.outcome == RequestParser::Outcome::fatal) close_when_sent_ = true;
}

Outcome Session::execute(const protocol::Request& request, std::uint64_t hash, std::string& out) {
  info_.commands.store(info_.commands.load(std::memory_order_relaxed) + 1,
                       std::memory_order_relaxed);
  const protocol::Format format = state_.format(request.framing);
  const Outcome outcome = thread_.database().execute(state_, request, out,
                                                     {.now_ms = thread_.now_ms(),
                                                      .statistics = thread_.statistics(),
                                                      .first_key_hash = hash,
                                                      .defer = &make_completion_});
  if (outcome.deferred) {
    deferred_ = true;
    deferred_format_ = format;
    deferred_tagged_ = !request.tag.empty();
    info_.executing.store(true, std::memory_order_relaxed);
  }
  if (outcome.deferred) {  // a worker has the state now
    if (input_ended_) thread_.database().cancel_waits(state_, database::Waiters::Cancel::endless);
    return outcome;
  }
  explained_format_ = state_.format(request.framing);
  if (outcome.explained) begin_explanation(outcome);
  if (state_.subscribed() || state_.monitor) events_format_ = explained_format_;
  monitor_is_silent_ = state_.replies != database::Session::Replies::on;
  return outcome;
}

// The reply of a command that ran on a worker.
void Session::complete(std::string reply, Outcome outcome) {
  deferred_ = false;
  info_.executing.store(false, std::memory_order_relaxed);
  if (!open_) return thread_.database().end_session(state_);
  set_limits();  // it may have been AUTH
  if (outcome.close) close_when_sent_ = true;
  if (outcome.explained) begin_explanation(outcome);
  const bool streamed = streaming_;
  streaming_ = state_.rest != nullptr;
  info_.executing.store(streaming_, std::memory_order_relaxed);
  hold(reply, 0, outcome, deferred_format_, deferred_tagged_);
  holds_whole_ = !marks_.empty();
  if (!reply.empty()) send_whole(reply);
  if (!open_) return;
  if (streaming_) {
    ask_for_rest();
    return thread_.round_end();
  }
  if (streamed) deliver_events();
  if (!open_) return;
  if (!state_.watches.empty()) {
    if (!state_.subscribed()) events_format_ = deferred_format_;
    thread_.follow(shared_from_this());
    send_changes();
    if (!open_) return;
  }
  process_kept();
  thread_.round_end();
}

// One reply of a worker's may be of any length: it is there already.
void Session::send_whole(std::string_view reply) {
  sends_wholes_ = true;
  send(reply);
  sends_wholes_ = false;
}

// The next piece of a reply, once the one before has left for the most part.
void Session::ask_for_rest() {
  if (deferred_ || !marks_.empty() || congested()) return;
  deferred_ = true;
  info_.executing.store(true, std::memory_order_relaxed);
  thread_.database().continue_reply(state_, make_completion_());
}

// The rest of the reply is wanted no more.
void Session::end_stream() {
  streaming_ = false;
  thread_.database().drop_rest(state_);
}

// Takes the reply that begins at `from` out of `out` where it may not be sent yet; replies stay in
// order.
void Session::hold(std::string& out, std::size_t from, const Outcome& outcome,
                   protocol::Format format, bool tagged) {
  // The epoch is looked at last: a demotion raises it before it lets go of what replies wait for.
  const bool may_go = outcome.depends_on == 0 ||
                      (thread_.database().may_send(outcome.depends_on, outcome.acknowledge) &&
                       outcome.epoch == thread_.database().epoch());
  if (may_go && marks_.empty()) {
    if (outcome.explained) end_explanation(out);
    return;
  }
  const std::uint32_t replies = out.size() == from ? 0 : 1;
  held_.append(out, from);
  out.resize(from);
  const std::uint64_t end = held_base_ + held_.size();
  // What may go waits only for those before it.
  const Lsn lsn = may_go ? 0 : outcome.depends_on;
  const bool joins_last = !marks_.empty() && !tagged && !marks_.back().tagged &&
                          marks_.back().lsn >= lsn && (lsn != 0 || marks_.back().lsn == 0) &&
                          marks_.back().acknowledge == outcome.acknowledge &&
                          marks_.back().format == format && marks_.back().epoch == outcome.epoch;
  if (joins_last) {
    marks_.back().end = end;
    marks_.back().replies += replies;
  } else {
    marks_.push_back({end, lsn, outcome.acknowledge, format, tagged, replies, outcome.epoch});
  }
  thread_.wait_for(*this, lsn);
}

// The log got further, or will not: lets go what was waiting for that.
void Session::release() {
  if (!open_) return;
  const database::Database& database = thread_.database();
  std::string ready;
  std::uint64_t end = held_base_;
  for (; !marks_.empty(); marks_.pop_front()) {
    const Mark& mark = marks_.front();
    const bool reached = database.may_send(mark.lsn, mark.acknowledge);
    const bool fails = this->fails(mark);
    const bool goes = reached && !fails;
    if (!goes && !fails) break;
    const std::string_view replies =
        std::string_view(held_).substr(end - held_base_, mark.end - end);
    if (goes)
      ready += replies;
    else
      append_timeout(ready, replies, mark);
    end = mark.end;
  }
  const bool explained = explaining_ && marks_.empty();
  if (end != held_base_) {
    held_.erase(0, end - held_base_);
    held_base_ = end;
    if (held_.empty() && held_.capacity() > (64 << 10)) held_ = {};
    std::exchange(holds_whole_, false) ? send_whole(ready) : send(ready);
    if (!open_) return;
  }
  if (explained) finish_explanation();
  if (!open_) return;
  if (streaming_ && marks_.empty()) {
    if (!std::exchange(stream_fails_, false)) return ask_for_rest();
    end_stream();
    deliver_events();
    if (open_) process_kept();
    if (!open_) return;
  }
  if (!marks_.empty()) thread_.keep_waiting(*this);
  close_if_done();
}

bool Session::fails(const Mark& mark) const {
  const database::Database& database = thread_.database();
  if (mark.lsn == 0) return false;
  return mark.epoch != database.epoch() ||
         (database.may_fail(mark.acknowledge) && !database.may_send(mark.lsn, mark.acknowledge));
}

void Session::append_timeout(std::string& out, std::string_view replies, const Mark& mark) {
  if (mark.tagged) out += replies.substr(0, replies.find(' ') + 1);
  ReplyWriter writer(out, mark.format);
  for (std::uint32_t i = 0; i < mark.replies; ++i) writer.error(database::kReplicationTimeout);
  // The reply without its end is the last that waits.
  explained_fails_ = explaining_ && marks_.size() == 1;
  stream_fails_ = streaming_ && marks_.size() == 1;
}

// What follows the reply is known once the reply may go: until then the session does nothing else.
void Session::begin_explanation(const Outcome& outcome) {
  explaining_ = true;
  explained_ = outcome;
  explained_since_ = cycles_now();
}

void Session::end_explanation(std::string& out) {
  explaining_ = false;
  thread_.database().write_explanation(out, explained_format_, explained_,
                                       cycles_now() - explained_since_);
}

void Session::finish_explanation() {
  std::string tail;
  if (std::exchange(explained_fails_, false))
    explaining_ = false;  // an error has no explanation
  else
    end_explanation(tail);
  if (!tail.empty()) send(tail);
  if (open_) deliver_events();
  if (!open_) return;
  process_kept();
}

void Session::on_sent() {
  send_changes();
  if (!open_) return;
  if (streaming_) ask_for_rest();
  if (!congested() && !input_.empty() && !is_busy()) return process_kept();
  update_interest();
  close_if_done();
}

bool Session::takes_input() const { return !is_busy() || input_.size() <= kQueueSoftLimit; }

bool Session::is_done() {
  if (is_busy()) return false;
  deliver_events();  // what it published to itself
  return marks_.empty();
}

void Session::on_closed() {
  // A deferred command may still use the state; complete() ends it then.
  if (deferred_)
    thread_.database().cancel_waits(state_, database::Waiters::Cancel::all);
  else
    thread_.database().end_session(state_);
}

Connection::IdleLimit Session::idle_limit() const {
  if (deferred_ || streaming_) return {};
  const bool is_told = state_.subscribed() || state_.monitor || !state_.watches.empty();
  const IdleLimit silent{is_told ? std::chrono::milliseconds(0) : options_.idle_timeout.load(),
                         "network.idle_timeout"};
  const IdleLimit in_transaction{state_.sql_transaction == nullptr
                                     ? std::chrono::milliseconds(0)
                                     : options_.idle_transaction_timeout.load(),
                                 "sql.idle_transaction_timeout"};
  if (silent.time.count() == 0) return in_transaction;
  if (in_transaction.time.count() == 0) return silent;
  return in_transaction.time < silent.time ? in_transaction : silent;
}

// Who is told what happens is told no more.
void Session::on_tick() {
  const bool is_told = state_.subscribed() || state_.monitor || !state_.watches.empty();
  if (!deferred_ && is_told && state_.login_has_expired(thread_.now_ms()))
    return close("its login has expired");
  if (streaming_ && !deferred_ && congested() && state_.rest->is_overdue())
    close("does not take the rest of its answer (sql.answer_timeout)");
}

// --- events ---

void Session::deliver(std::shared_ptr<const database::Event> event,
                      std::shared_ptr<const std::string> pattern) {
  MutexLock lock(events_mutex_);
  events_bytes_ += event->payload.size() + event->channel.size() + 64;
  const bool first = events_.empty();
  events_.push_back({std::move(event), std::move(pattern)});
  if (events_bytes_ > options_.max_output_buffer) {
    events_.clear();
    events_bytes_ = 0;
    connections_.count_slow_client();
    close_from_anywhere("does not read its events (network.max_output_buffer)");
    return;
  }
  if (!first) return;
  thread_.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) static_cast<Session&>(*self).deliver_events();
  });
}

void Session::deliver_events() {
  if (inside_reply()) return;
  std::vector<PendingEvent> events;
  {
    MutexLock lock(events_mutex_);
    events.swap(events_);
    events_bytes_ = 0;
  }
  if (!open_) return;
  std::string out;
  ReplyWriter writer(out, events_format_);
  for (const PendingEvent& pending : events) {
    const database::Event& event = *pending.event;
    switch (event.kind) {
      case database::Event::Kind::message:
        writer.push(3);
        writer.bulk("message");
        writer.bulk(event.channel);
        writer.bulk(event.payload);
        break;
      case database::Event::Kind::pattern_message:
        writer.push(4);
        writer.bulk("pmessage");
        writer.bulk(*pending.pattern);
        writer.bulk(event.channel);
        writer.bulk(event.payload);
        break;
      case database::Event::Kind::monitor:
        if (monitor_is_silent_) break;
        writer.simple(event.payload);
        break;
    }
  }
  if (!marks_.empty()) hold(out, 0, {}, events_format_);  // behind the replies that wait
  if (!out.empty()) send(out);
}

// --- changes ---

void Session::on_changes() { send_changes(); }

// What a worker has, or a reply that has no end yet, is left alone: it comes here when it is done.
void Session::send_changes() {
  if (is_busy()) return;
  for (auto watch = state_.watches.begin(); watch != state_.watches.end();) {
    const auto current = watch++;
    if (!open_ || congested()) return;
    if (!send_changes(*current->second)) state_.watches.erase(current);
  }
}

// False where the watch has come to its end.
bool Session::send_changes(database::CollectionWatch& watch) {
  std::string out;
  ReplyWriter writer(out, events_format_);
  const auto flush = [&] {
    if (!marks_.empty()) hold(out, 0, {}, events_format_);  // behind the replies that wait
    if (!out.empty()) send(out);
    out.clear();
  };
  while (open_ && !congested()) {
    const auto batch = watch.reader().next();
    if (!batch) {
      writer.push(3);
      writer.bulk("unwatched");
      writer.bulk(watch.collection());
      writer.bulk(batch.error().message);
      flush();
      return false;
    }
    if (*batch == nullptr) break;
    for (const database::DocumentChange& change : (*batch)->changes) {
      if (!watch.concerns(change)) continue;
      database::ShownChange shown(change);
      const auto told = watch.look_at(shown);
      watch.reader().take(change);
      if (!told) continue;
      writer.push(6);
      writer.bulk("change");
      writer.bulk(watch.collection());
      writer.bulk(database::event_name(*told));
      writer.bulk(change.id());
      if (*told == database::DocumentChange::Kind::remove) {
        writer.null();
      } else {
        std::string document;
        engine::append_document(document, change.id(), engine::read_document(change.value));
        writer.bulk(document);
      }
      writer.bulk(to_string(change.position));
      if (out.size() >= kSendBytes) flush();
      if (!open_ || congested()) return true;
    }
    watch.reader().take(**batch);
    flush();
  }
  flush();
  return true;
}

}  // namespace kimdb::server
