#include "server/http/websocket.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.h"
#include "engine/document.h"
#include "engine/json_reader.h"
#include "server/http/change_message.h"
#include "server/http/http_session.h"

namespace kimdb::server {

namespace {

using database::ChangeBatchPointer;
using database::DocumentChange;

constexpr std::size_t kInboxMessagesMax = 64;
constexpr std::size_t kInboxBytesMax = 1 << 20;
constexpr std::size_t kRepliesMax = 1024;
constexpr std::size_t kReplyBytesMax = 8 << 20;
constexpr std::size_t kSubscriptionsMax = 1000;

// Of filters and live queries at changes; then other connections have their turn.
constexpr std::size_t kLooksAtOnce = 20'000;

constexpr std::int64_t kPingMs = 15'000;
constexpr std::int64_t kSilenceMs = 60'000;
constexpr std::int64_t kLoginMs = 10'000;

void append_sync(std::string& out, const DocumentChange& change) {
  thread_local std::string text;
  text = "{\"type\":\"sync\",\"collection\":\"";
  text += change.collection();
  text += "\",";
  append_change_members(text, change);
  text += '}';
  append_text_frame(out, text);
}

// The change as if the document had been removed: a filter's subscriber has to forget it.
void append_sync_of_removal(std::string& out, const DocumentChange& change) {
  append_sync(out, {.kind = DocumentChange::Kind::remove,
                    .position = change.position,
                    .time_ms = change.time_ms,
                    .key = change.key});
}

// The frames of a batch for those who follow a whole collection: made once for all connections of
// this thread that come to it.
const std::string& shared_frames(const ChangeBatchPointer& batch, std::string_view collection) {
  struct Frames {
    std::weak_ptr<const database::ChangeBatch> batch;
    std::string collection;
    std::string bytes;
  };
  thread_local std::array<Frames, 16> made;
  thread_local std::size_t next = 0;
  for (const Frames& frames : made)
    if (frames.collection == collection && frames.batch.lock() == batch) return frames.bytes;
  Frames& frames = made[next++ % made.size()];
  frames.batch = batch;
  frames.collection = collection;
  frames.bytes.clear();
  for (const DocumentChange& change : batch->changes)
    if (change.collection() == collection) append_sync(frames.bytes, change);
  return frames.bytes;
}

}  // namespace

WebSocket::WebSocket(HttpSession& session, std::size_t message_bytes_max)
    : session_(session),
      codec_(message_bytes_max),
      begun_ms_(session.now_ms()),
      last_received_ms_(begun_ms_),
      last_ping_ms_(begun_ms_) {
  send_text("{\"type\":\"connected\"" + text_member("clientId", std::to_string(session_.id())) +
            text_member("serverId", session_.server_id()) + "}");
}

void WebSocket::send_text(std::string_view text) {
  std::string frame;
  append_text_frame(frame, text);
  session_.send_stream(frame);
}

// --- what the client says ---

bool WebSocket::takes_input() const {
  return !farewell_ && inbox_.size() < kInboxMessagesMax && inbox_bytes_ < kInboxBytesMax;
}

void WebSocket::on_received(std::string_view bytes) {
  if (ended_ || farewell_) return;
  last_received_ms_ = session_.now_ms();
  std::vector<std::string> messages;
  std::string protocol_answers;
  const bool goes_on = codec_.receive(bytes, messages, protocol_answers);
  if (!goes_on)
    farewell_ = std::move(protocol_answers);
  else if (!protocol_answers.empty())
    session_.send_stream(protocol_answers);
  for (std::string& message : messages) {
    inbox_bytes_ += message.size();
    inbox_.push_back(std::move(message));
  }
  process();
}

void WebSocket::process() {
  if (processing_) return;
  processing_ = true;
  while (!inbox_.empty() && !executing_ && !ended_ && replies_.size() < kRepliesMax &&
         reply_bytes_ < kReplyBytesMax && session_.wants_more()) {
    const std::string text = std::move(inbox_.front());
    inbox_.pop_front();
    inbox_bytes_ -= text.size();
    begin(read_socket_message(text, session_.now_ms()));
  }
  processing_ = false;
  // What has begun may have had changes while it could not tell them, and nobody says so again.
  if (std::exchange(some_begun_, false)) send_all_changes();
  refresh_one();
  session_.input_taken();
  end_when_done();
}

void WebSocket::end_when_done() {
  if (!farewell_ || ended_ || !inbox_.empty() || !replies_.empty() || executing_) return;
  ended_ = true;
  session_.send_stream(*farewell_);
  session_.finish_stream();
}

void WebSocket::begin(SocketCall call) {
  if (call.kind == SocketCall::Kind::answered) return answer(std::move(call.reply));
  session_.count_command();
  if (!session_.is_logged_in() && call.kind != SocketCall::Kind::auth)
    return answer(socket_error(call.echo, "not_authenticated", "log in first: auth"));
  if (session_.take_from_rate().count() != 0)
    return answer(socket_error(call.echo, "rate_limited", "more messages than http.rate_limit"));
  if ((call.kind == SocketCall::Kind::subscribe || call.kind == SocketCall::Kind::live_query) &&
      !session_.may_read(call.collection))
    return answer(socket_error(call.echo, "forbidden", "this login may not read the collection"));
  switch (call.kind) {
    case SocketCall::Kind::subscribe:
      return subscribe(call);
    case SocketCall::Kind::unsubscribe:
      return unsubscribe(call);
    case SocketCall::Kind::live_query:
      return begin_query(call);
    case SocketCall::Kind::end_query:
      end_query(call.query_id);
      return answer(socket_reply(call, call.reply_type, text_member("queryId", call.query_id)));
    case SocketCall::Kind::batch:
      return continue_batch(std::make_shared<Batch>(Batch{std::move(call), 0, {}, {}}));
    default:
      break;
  }
  const std::vector<std::string> words = std::move(call.words);
  execute(words, [this, call = std::move(call)](const protocol::Value& reply,
                                                const database::Outcome& outcome) {
    executed(call, reply, outcome);
  });
}

// One command after the other; what waits goes on behind it.
void WebSocket::execute(const std::vector<std::string>& words, Then then) {
  executing_ = true;
  session_.execute(words, [this, then = std::move(then)](const protocol::Value& reply,
                                                         const database::Outcome& outcome) {
    executing_ = false;
    then(reply, outcome);
    if (!executing_) process();
  });
}

void WebSocket::executed(const SocketCall& call, const protocol::Value& reply,
                         const database::Outcome& outcome) {
  if (call.kind == SocketCall::Kind::auth && !reply.is_error()) {
    answer(socket_answer(call, reply), outcome, call.echo);
    return end_forbidden();
  }
  if (call.shows_conflict && reply.is_error() &&
      reply.string.find("version conflict") != std::string::npos)
    return show_conflict(call);
  answer(socket_answer(call, reply), outcome, call.echo);
}

// Who has logged in anew may be somebody else.
void WebSocket::end_forbidden() {
  const auto ended = std::stable_partition(
      subscriptions_.begin(), subscriptions_.end(),
      [&](const auto& each) { return session_.may_read(each->watch.collection()); });
  for (auto each = ended; each != subscriptions_.end(); ++each)
    answer(socket_error(members_of(**each), "forbidden", "this login may not read the collection"));
  subscriptions_.erase(ended, subscriptions_.end());
}

void WebSocket::continue_batch(const std::shared_ptr<Batch>& batch) {
  const std::vector<SocketCall>& operations = batch->call.operations;
  const auto add = [batch](std::string_view result) {
    if (!batch->results.empty()) batch->results += ',';
    batch->results += result;
    ++batch->done;
  };
  while (batch->done < operations.size() &&
         operations[batch->done].kind == SocketCall::Kind::answered)
    add(batch_result(operations[batch->done], nullptr));
  if (batch->done == operations.size())
    return answer(
        socket_reply(batch->call, batch->call.reply_type, ",\"results\":[" + batch->results + "]"),
        batch->outcome, batch->call.echo);
  const auto then = [this, batch, add](const protocol::Value& reply,
                                       const database::Outcome& outcome) {
    add(batch_result(batch->call.operations[batch->done], &reply));
    // Where a master has become another one in between, nobody knows what became of the first.
    const bool is_later = outcome.depends_on > batch->outcome.depends_on;
    if (batch->outcome.depends_on == 0 || (is_later && outcome.epoch == batch->outcome.epoch))
      batch->outcome = outcome;
    continue_batch(batch);
  };
  execute(operations[batch->done].words, then);
}

// An update of a version that is not the newest: the client gets what is there.
void WebSocket::show_conflict(SocketCall call) {
  call.shows_conflict = false;
  call.answer = [](const SocketCall& asked, const protocol::Value& reply) {
    return text_member("id", asked.id) +
           ",\"conflict\":true,\"serverData\":" + (reply.is_null() ? "null" : reply.string);
  };
  execute({"DOC", "GET", call.collection, call.id},
          [this, call](const protocol::Value& reply, const database::Outcome& outcome) {
            executed(call, reply, outcome);
          });
}

// --- what it is answered ---

void WebSocket::answer(std::string text, const database::Outcome& outcome, std::string echo,
                       std::function<void()> sent, std::function<void()> failed) {
  if (ended_) return;
  reply_bytes_ += text.size() + echo.size();
  replies_.push_back(
      {outcome, std::move(text), std::move(echo), std::move(sent), std::move(failed)});
  if (replies_.size() == 1) send_replies();
  if (!replies_.empty() && session_.commit_of(outcome) == HttpSession::Commit::awaited)
    session_.wait_for(outcome.depends_on);
}

void WebSocket::release() {
  send_replies();
  if (!replies_.empty()) session_.keep_waiting();
  process();
}

void WebSocket::send_replies() {
  while (!replies_.empty() && session_.wants_more() && !ended_) {
    const HttpSession::Commit commit = session_.commit_of(replies_.front().outcome);
    if (commit == HttpSession::Commit::awaited) return;
    const Reply reply = std::move(replies_.front());
    replies_.pop_front();
    reply_bytes_ -= reply.text.size() + reply.echo.size();
    const bool reached = commit == HttpSession::Commit::reached;
    send_text(reached ? reply.text
                      : socket_error(reply.echo, "outcome_unknown",
                                     "the replicas did not acknowledge in time, outcome unknown"));
    if (const auto& then = reached ? reply.sent : reply.failed) then();
  }
}

// --- subscriptions ---

void WebSocket::subscribe(const SocketCall& call) {
  std::optional<engine::Filter> filter;
  if (!call.filter.empty()) {
    auto parsed = engine::Filter::parse(call.filter);
    if (!parsed) return answer(socket_error(call.echo, "bad_request", parsed.error().message));
    filter = std::move(*parsed);
  }
  const auto known =
      std::find_if(subscriptions_.begin(), subscriptions_.end(), [&](const auto& subscription) {
        return subscription->query == nullptr &&
               subscription->watch.collection() == call.collection;
      });
  if (known == subscriptions_.end() && subscriptions_.size() >= kSubscriptionsMax)
    return answer(socket_error(call.echo, "bad_request", "too many subscriptions"));
  auto reader = session_.subscribe(call.since);
  const bool unknown = !reader && call.since && reader.error().code == ErrorCode::not_found;
  if (unknown) reader = session_.subscribe(std::nullopt);
  if (!reader)
    return answer(socket_error(
        call.echo, reader.error().code == ErrorCode::unsupported ? "no_log" : "position_unknown",
        reader.error().message));
  // Another one of the same collection takes its place.
  if (known != subscriptions_.end()) subscriptions_.erase(known);
  const auto subscription = std::make_shared<Subscription>(Subscription{
      database::CollectionWatch(call.collection, std::move(*reader), std::move(filter)), nullptr});
  subscriptions_.push_back(subscription);
  if (unknown) return reset(call, subscription);
  answer(socket_reply(call, call.reply_type,
                      text_member("collection", call.collection) +
                          text_member("position", to_string(subscription->watch.reader().begin()))),
         {}, {}, [this, subscription] { begin_to_tell(*subscription); });
}

void WebSocket::unsubscribe(const SocketCall& call) {
  std::erase_if(subscriptions_, [&](const auto& subscription) {
    return subscription->query == nullptr && subscription->watch.collection() == call.collection;
  });
  answer(socket_reply(call, call.reply_type, text_member("collection", call.collection)));
}

void WebSocket::reset(const SocketCall& call, const std::shared_ptr<Subscription>& subscription) {
  const auto then = [this, call, subscription](const protocol::Value& reply,
                                               const database::Outcome& outcome) {
    const auto give_up = [this, subscription] { std::erase(subscriptions_, subscription); };
    if (reply.is_error()) {
      give_up();
      return answer(socket_answer(call, reply), outcome, call.echo);
    }
    // The state is the one at this LSN: what came before is in it. Its position comes when all has
    // been told.
    subscription->watch.reader().skip_to(outcome.depends_on);
    const std::string collection = text_member("collection", call.collection);
    answer(socket_reply(call, "reset", collection), outcome, call.echo, {}, give_up);
    for (const ShownDocument& document : shown_documents(reply))
      answer("{\"type\":\"sync\"" + collection + ",\"event\":\"insert\"" +
                 text_member("id", document.id) + ",\"data\":" + document.json +
                 ",\"_version\":" + std::to_string(document.version) +
                 ",\"timestamp\":" + std::to_string(session_.now_ms()) + "}",
             outcome, collection);
    const auto begin = [this, subscription] { begin_to_tell(*subscription); };
    const std::string position = text_member("position", session_.position_of(outcome.depends_on));
    answer(socket_reply(call, "live", collection + position), outcome, call.echo, begin, give_up);
  };
  execute({"DOC", "FIND", call.collection, call.filter.empty() ? "{}" : call.filter}, then);
}

void WebSocket::begin_to_tell(Subscription& subscription) {
  subscription.begun = true;
  some_begun_ = true;
}

void WebSocket::on_ready() {
  send_replies();
  process();
  send_all_changes();
  refresh_one();
}

void WebSocket::send_all_changes() {
  while (!ended_ && session_.wants_more() && send_changes()) {
  }
}

// Sends what comes next to those that are furthest behind, so that all of them come to the order of
// the log. False where there is nothing.
bool WebSocket::send_changes() {
  Lsn behind = 0;
  for (;;) {
    const std::vector<Subscription*> those = furthest_behind(behind);
    if (those.empty()) return false;
    const auto batch = those.front()->watch.reader().next();
    if (!batch) return lose(*those.front(), batch.error()), true;
    if (*batch != nullptr) return send_batch(*batch, those);
    behind =
        those.front()->watch.reader().after() + 1;  // the log is being read for them: others go on
  }
}

std::vector<WebSocket::Subscription*> WebSocket::furthest_behind(Lsn behind) {
  std::vector<Subscription*> those;
  for (const auto& subscription : subscriptions_) {
    const Lsn after = subscription->watch.reader().after();
    if (!subscription->begun || after < behind) continue;
    if (!those.empty() && after < those.front()->watch.reader().after()) those.clear();
    if (those.empty() || after == those.front()->watch.reader().after())
      those.push_back(subscription.get());
  }
  return those;
}

bool WebSocket::send_batch(const ChangeBatchPointer& batch,
                           const std::vector<Subscription*>& subscriptions) {
  Subscription& first = *subscriptions.front();
  if (subscriptions.size() == 1 && !first.watch.filtered() && first.query == nullptr &&
      first.watch.reader().is_at(*batch) && batch->bytes <= Connection::kSendBytes) {
    first.watch.reader().take(*batch);
    const std::string& frames = shared_frames(batch, first.watch.collection());
    if (!frames.empty()) session_.send_stream(frames);
    return true;
  }
  std::string out;
  Lsn before = 0;  // of the change before
  std::size_t looks = 0;
  for (const DocumentChange& change : batch->changes) {
    const Lsn lsn = change.position.position.lsn;
    if (lsn != before && (out.size() >= Connection::kSendBytes || looks >= kLooksAtOnce)) {
      if (!out.empty()) session_.send_stream(out);
      out.clear();
      // All of them have seen what came up to here.
      for (Subscription* subscription : subscriptions) subscription->watch.reader().skip_to(before);
      if (looks >= kLooksAtOnce) return session_.ask_later(), false;
      if (!session_.wants_more()) return true;
    }
    before = lsn;
    database::ShownChange shown(change);
    for (Subscription* subscription : subscriptions) {
      if (!subscription->watch.concerns(change)) continue;
      ++looks;
      append_change(*subscription, shown, out);
      subscription->watch.reader().take(change);
    }
  }
  for (Subscription* subscription : subscriptions) subscription->watch.reader().take(*batch);
  if (!out.empty()) session_.send_stream(out);
  return true;
}

void WebSocket::append_change(Subscription& subscription, database::ShownChange& shown,
                              std::string& out) {
  if (subscription.query != nullptr) return subscription.query->look_at(shown);
  const auto told = subscription.watch.look_at(shown);
  if (!told) return;
  const DocumentChange& change = shown.change();
  if (*told == DocumentChange::Kind::remove)
    append_sync_of_removal(out, change);
  else
    append_sync(out, change);
}

// What tells the client which one it is.
std::string WebSocket::members_of(const Subscription& subscription) {
  return subscription.query != nullptr ? text_member("queryId", subscription.query->id())
                                       : text_member("collection", subscription.watch.collection());
}

void WebSocket::lose(Subscription& subscription, const Error& why) {
  const std::string members = members_of(subscription);
  std::erase_if(subscriptions_, [&](const auto& each) { return each.get() == &subscription; });
  send_text(socket_error(members, "position_unknown", why.message));
}

// --- live queries ---

LiveQuery* WebSocket::find_query(const std::string& id) {
  for (const auto& subscription : subscriptions_)
    if (subscription->query != nullptr && subscription->query->id() == id)
      return subscription->query.get();
  return nullptr;
}

void WebSocket::end_query(const std::string& id) {
  std::erase_if(subscriptions_, [&](const auto& subscription) {
    return subscription->query != nullptr && subscription->query->id() == id;
  });
}

void WebSocket::begin_query(const SocketCall& call) {
  end_query(call.query_id);  // another one of the same name takes its place
  if (subscriptions_.size() >= kSubscriptionsMax)
    return answer(socket_error(call.echo, "bad_request", "too many subscriptions"));
  // Before the result is read: a change that is in it already does no harm.
  auto reader = session_.subscribe(std::nullopt);
  if (!reader) return answer(socket_error(call.echo, "no_log", reader.error().message));
  const auto begun = std::make_shared<Subscription>(Subscription{
      database::CollectionWatch(call.collection, std::move(*reader), std::nullopt), nullptr});
  execute(call.words,
          [this, call, begun](const protocol::Value& reply, const database::Outcome& outcome) {
            auto filter = engine::Filter::parse(call.filter);
            if (reply.is_error() || !filter)
              return answer(socket_answer(call, reply), outcome, call.echo);
            begun->query = std::make_unique<LiveQuery>(call.query_id, call.words,
                                                       std::move(*filter), shown_documents(reply));
            subscriptions_.push_back(begun);
            begin_to_tell(*begun);
            answer(socket_answer(call, reply), outcome, call.echo, {},
                   [this, id = call.query_id] { end_query(id); });
          });
}

void WebSocket::refresh_one() {
  if (executing_ || ended_ || farewell_ || !session_.wants_more() || replies_.size() >= kRepliesMax)
    return;
  const auto stale =
      std::find_if(subscriptions_.begin(), subscriptions_.end(), [](const auto& subscription) {
        return subscription->query != nullptr && subscription->query->stale();
      });
  if (stale == subscriptions_.end()) return;
  // The others come first next time.
  std::rotate(stale, stale + 1, subscriptions_.end());
  LiveQuery& query = *subscriptions_.back()->query;
  query.begin_asking();
  execute(query.words(), [this, id = query.id()](const protocol::Value& reply,
                                                 const database::Outcome& outcome) {
    LiveQuery* const asked = find_query(id);
    if (asked == nullptr) return;
    if (reply.is_error()) {
      answer(socket_error(text_member("queryId", id), "query_failed", reply.string), outcome);
      return end_query(id);
    }
    // Where the commit fails, nobody knows what the client has.
    for (std::string& message : asked->become(shown_documents(reply)))
      answer(std::move(message), outcome, text_member("queryId", id), {},
             [this, id] { end_query(id); });
  });
}

// --- time ---

void WebSocket::on_tick() {
  if (ended_ || farewell_) return;
  const std::int64_t now = session_.now_ms();
  // Nothing is read from who has much to read himself, or has said more than can be done.
  if (!session_.wants_more() || !takes_input()) last_received_ms_ = now;
  if (!executing_ && !session_.is_logged_in()) {
    if (session_.login_has_expired()) return dismiss("the login has expired");
    if (now - begun_ms_ >= kLoginMs) return dismiss("no login");
  }
  if (now - last_received_ms_ >= kSilenceMs) return session_.close("answers no pings");
  if (now - last_ping_ms_ < kPingMs) return;
  last_ping_ms_ = now;
  std::string frame;
  append_ping_frame(frame);
  session_.send_stream(frame);
}

void WebSocket::dismiss(std::string_view why) {
  std::string frame;
  append_close_frame(frame, CloseCode::policy_violation, why);
  ended_ = true;
  session_.send_stream(frame);
  session_.finish_stream();
}

void WebSocket::on_finish() {
  if (ended_) return;
  ended_ = true;
  std::string frames;
  append_text_frame(frames, "{\"type\":\"server_shutdown\"}");
  append_close_frame(frames, CloseCode::going_away, "the server stops");
  session_.send_stream(frames);
}

}  // namespace kimdb::server
