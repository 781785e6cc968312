// From a request to a command: prefix words, rights, MULTI's queue, the worker pool.

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <thread>

#include "base/ascii.h"
#include "base/cycles.h"
#include "database/arguments.h"
#include "database/database.h"
#include "database/prefix.h"
#include "database/subcommand.h"
#include "protocol/numbers.h"
#include "protocol/quoting.h"

namespace kimdb::database {

using protocol::Format;
using protocol::Framing;
using protocol::ReplyWriter;

namespace {

// Redis' text, its odd spaces included: clients and its test suite compare it.
std::string unknown_command(Words words) {
  constexpr std::size_t kShownBytesMax = 128;
  std::string shown;
  for (std::size_t i = 1; i < words.size() && shown.size() < kShownBytesMax; ++i)
    shown += "'" + shown_as_c_string(words[i], kShownBytesMax - shown.size()) + "' ";
  return "ERR unknown command '" + shown_as_c_string(words[0], kShownBytesMax) +
         "', with args beginning with: " + shown;
}

// Of a command of Redis that works on another type than strings: what to do instead. For people on
// lines; RESP has Redis' bytes.
std::string absent_type(std::string_view command) {
  struct Type {
    std::string_view name;
    std::string_view instead;
    std::initializer_list<std::string_view> commands;
  };
  static constexpr std::string_view kDocuments =
      "fields are kept in documents: DOC PUT users u1 {\"name\": \"Kim\"}";
  static constexpr std::string_view kTables = "rows are kept in tables, see docs/sql.md";
  static const Type kTypes[] = {
      {"hashes",
       kDocuments,
       {"HSET", "HSETNX", "HMSET", "HGET", "HMGET", "HGETALL", "HDEL", "HINCRBY", "HINCRBYFLOAT",
        "HEXISTS", "HLEN", "HKEYS", "HVALS", "HSCAN"}},
      {"lists",
       kTables,
       {"LPUSH", "RPUSH", "LPOP", "RPOP", "LRANGE", "LLEN", "LINDEX", "LSET", "LREM", "LTRIM",
        "LINSERT", "BLPOP", "BRPOP", "LMOVE", "BLMOVE"}},
      {"sets", kTables, {"SADD", "SREM", "SMEMBERS", "SISMEMBER", "SCARD", "SPOP", "SSCAN"}},
      {"sorted sets",
       kTables,
       {"ZADD", "ZREM", "ZRANGE", "ZRANGEBYSCORE", "ZSCORE", "ZCARD", "ZINCRBY", "ZRANK", "ZPOPMIN",
        "ZPOPMAX", "ZSCAN"}},
      {"streams", kTables, {"XADD", "XREAD", "XRANGE", "XLEN", "XGROUP", "XREADGROUP", "XACK"}},
  };
  for (const Type& type : kTypes)
    for (const std::string_view name : type.commands)
      if (equals_ignoring_case(name, command))
        return "ERR unknown command '" + std::string(name) + "': there are no " +
               std::string(type.name) + " yet; " + std::string(type.instead);
  return {};
}

std::string unknown_command(Words words, Framing framing) {
  std::string absent = framing == Framing::line ? absent_type(words[0]) : std::string();
  return absent.empty() ? unknown_command(words) : absent;
}

std::string wrong_arity(std::string_view name) {
  return "ERR wrong number of arguments for '" + std::string(name) + "' command";
}

std::string unauthenticated(Framing framing) {
  return framing == Framing::line ? "ERR authentication required"
                                  : "NOAUTH Authentication required.";
}

bool allows(const Rights& rights, const CommandRow& row, std::uint32_t flags, Words words) {
  if ((flags & kAdmin) && rights.role != Role::admin) return false;
  if ((flags & kWrite) && rights.role == Role::readonly) return false;
  if (!rights.collections) return true;
  if (!(flags & kCollection))
    return !(flags & (kRead | kWrite | kPubSub | kWholeKeyspace)) && row.keys.first == 0;
  const Access needed = (flags & kWrite) ? Access::write : Access::read;
  return words.size() <= 2 || rights.access_to(words[2]) >= needed;
}

// HELLO … AUTH user password.
bool logs_in(const CommandRow& row, Words words) {
  return row.name == "hello" && std::any_of(words.begin(), words.end(), [](std::string_view word) {
           return equals_ignoring_case(word, "auth");
         });
}

// Password hashing takes tens of milliseconds; HELLO does it only where it carries AUTH.
bool goes_to_workers(const CommandRow& row, Words words) {
  return (flags_of(row, words) & kSlow) || logs_in(row, words);
}

// Why the command must not run inside BEGIN … COMMIT; empty: it may. What would look past the
// transaction, or could not be taken back with it, is refused.
std::string transaction_refusal(const CommandRow& row, std::uint32_t flags, Words words,
                                const Prefix& prefix) {
  if (!prefix.client.empty()) return "ERR inside BEGIN … COMMIT a command has no ID of its own";
  const bool is_sql_statement = row.name == "sql";
  const bool looks_past = (flags & kWholeKeyspace) && !(flags & kInTransaction);
  const bool cannot_be_undone = (flags & kNoMulti) && !(flags & kAdmin) && !is_sql_statement;
  const bool touches_data = flags & (kRead | kWrite);
  const bool idle_time = row.name == "object" && words.size() > 1 && is_word(words[1], "idletime");
  if ((touches_data && (looks_past || cannot_be_undone || idle_time)) || row.name == "watch" ||
      row.name == "publish")
    return "ERR '" + full_name(row, words) +
           "' is no part of a transaction: COMMIT or ROLLBACK first";
  return {};
}

// The words as the slow log and MONITOR may show them: without passwords.
std::vector<std::string_view> redacted(const CommandRow& row, Words words) {
  constexpr std::string_view kRedacted = "(redacted)";
  std::vector<std::string_view> shown(words.begin(), words.end());
  if (row.name == "auth") std::fill(shown.begin() + 1, shown.end(), kRedacted);
  if (row.name != "hello") return shown;
  const auto auth = std::find_if(shown.begin(), shown.end(), [](std::string_view word) {
    return equals_ignoring_case(word, "auth");
  });
  if (auth != shown.end()) std::fill(auth + 1, shown.end(), kRedacted);
  return shown;
}

// What a refused command means for the transaction that it should have become a part of.
void refuse(Session& session, const CommandRow* row, std::string_view why, ReplyWriter& reply) {
  if (session.in_transaction) session.transaction_failed = true;
  if (row == nullptr || row->name != "exec") return reply.error(why);
  // An EXEC that cannot be carried out ends the transaction, as in Redis.
  end_transaction(session);
  if (why.starts_with("ERR ")) why.remove_prefix(4);
  reply.error("EXECABORT Transaction discarded because of: " + std::string(why));
}

}  // namespace

Outcome Database::execute(Session& session, const protocol::Request& request, std::string& out,
                          const ExecuteOptions& options) {
  const std::size_t start = out.size();
  Outcome outcome = dispatch(session, request, out, options);
  if (session.replies != Session::Replies::on && !outcome.deferred) [[unlikely]]
    silence(session, out, start, session.format(request.framing), outcome);
  return outcome;
}

// CLIENT REPLY OFF and SKIP: whatever the command was answered, nobody is told but of events.
void Database::silence(Session& session, std::string& out, std::size_t start, Format format,
                       Outcome& outcome) {
  out.resize(start);
  ReplyWriter events(out, format);
  protocol::render(session.told_in_silence, events);
  session.told_in_silence.clear();
  outcome.explained = false;
  // SKIP: the reply after this one is left out, too.
  if (session.replies == Session::Replies::skip_this) session.replies = Session::Replies::on;
  if (session.replies == Session::Replies::skip_next) session.replies = Session::Replies::skip_this;
}

Outcome Database::dispatch(Session& session, const protocol::Request& request, std::string& out,
                           const ExecuteOptions& options) {
  Words words = request.words;
  const std::size_t start = out.size();
  ReplyWriter reply(out, session.format(request.framing));
  reply.tag(request.tag);
  Prefix prefix;
  // A line that begins with a verb of SQL: the SQL command with that line.
  std::vector<std::string_view> sql_words;
  if (is_sql(request)) [[unlikely]] {
    sql_words.assign(words.begin(), words.end());
    sql_words.back() = "SQL";
    sql_words.push_back(request.sql);
    words = sql_words;
  }
  const CommandRow* row = commands_.find(words[0]);
  if (row == nullptr) [[unlikely]] {
    const Status taken = take_prefixes(words, prefix);
    row = !taken.has_value() || words.empty() ? nullptr : commands_.find(words[0]);
    if (row == nullptr) {
      const bool stranger = options_.auth_enabled && !session.authenticated;
      refuse(session, nullptr,
             !taken.has_value() ? taken.error().message
             : stranger         ? unauthenticated(request.framing)
             : words.empty()    ? "ERR a command is missing after its prefix"
                                : unknown_command(words, request.framing),
             reply);
      statistics_.answered_error(reply.error_code());
      return {};
    }
  }
  session.info.last_command.store(row, std::memory_order_relaxed);

  std::string why = refusal(session, *row, words, request.framing, prefix);
  const bool queues = why.empty() && session.in_transaction && !(row->flags & kConnection);
  if (queues) why = queue_command(session, *row, words);
  if (!why.empty()) [[unlikely]] {
    refuse(session, row, why, reply);
    statistics_.answered_error(reply.error_code());
    if (options.statistics != nullptr) options.statistics->rejected(row->index);
    return {};
  }
  if (queues) {
    reply.simple("QUEUED");
    return {};
  }
  if (goes_to_workers(*row, words) || prefix.after) [[unlikely]] {
    std::optional<Wait> wait = wait_of(session, *row, words, prefix);
    if (options.defer != nullptr && (wait || goes_to_workers(*row, words))) {
      out.resize(start);
      defer(session, *row, words, request, prefix, options, std::move(wait));
      return {.deferred = true};
    }
    if (wait) wait_here(*wait);
    if (why = after_refusal(prefix); !why.empty()) {
      refuse(session, row, why, reply);
      statistics_.answered_error(reply.error_code());
      return {};
    }
  }
  if (words.size() == request.words.size())
    return run_measured(session, *row, words, reply, prefix, options);
  // What was hashed ahead is the second word of the request, which is another one here.
  ExecuteOptions unhashed = options;
  unhashed.first_key_hash = 0;
  return run_measured(session, *row, words, reply, prefix, unhashed);
}

Outcome Database::run_measured(Session& session, const CommandRow& row, Words words,
                               ReplyWriter& reply, const Prefix& prefix,
                               const ExecuteOptions& options) {
  const std::uint64_t begin = cycles_now();
  const Outcome outcome = run(session, row, words, reply, prefix, options);
  const std::uint64_t ticks = cycles_now() - begin;
  if (options.statistics != nullptr)
    options.statistics->executed(row.index, ticks, reply.wrote_error());
  if (reply.wrote_error()) [[unlikely]]
    statistics_.answered_error(reply.error_code());
  if (slowlog_.slow(ticks)) [[unlikely]] {
    slowlog_.add(options.now_ms,
                 static_cast<std::uint64_t>(static_cast<double>(ticks) / cycles_per_microsecond()),
                 redacted(row, words), session.info.address, session.info.name());
  }
  if (pubsub_.monitored()) [[unlikely]]
    feed_monitors(session, row, words, options.now_ms);
  return outcome;
}

Status Database::take_prefixes(Words& words, Prefix& prefix) const {
  const auto is = [&](std::string_view name) { return equals_ignoring_case(words[0], name); };
  while (!words.empty()) {
    std::size_t taken = 1;
    if (is("explained")) {
      prefix.explained = true;
    } else if (is("ack") && words.size() > 1) {
      taken = 2;
      if (equals_ignoring_case(words[1], "memory")) {
        prefix.acknowledge = Acknowledge::memory;
      } else if (equals_ignoring_case(words[1], "synced")) {
        prefix.acknowledge = Acknowledge::synced;
      } else if (equals_ignoring_case(words[1], "replica")) {
        if (replicas_lsn() == ~Lsn{0})
          return Error{ErrorCode::unsupported,
                       "ERR ACK replica needs a master with replication.ack: synced or applied"};
        prefix.acknowledge = Acknowledge::replica;
      } else {
        return Error{ErrorCode::invalid_argument, "ERR ACK takes memory, synced or replica"};
      }
    } else if (is("after") && words.size() > 1) {
      taken = 2;
      prefix.after = parse_client_position(words[1]);
      if (!prefix.after) return Error{ErrorCode::invalid_argument, std::string(kNotAPosition)};
    } else if (is("id") && words.size() > 2) {
      taken = 3;
      const auto sequence = protocol::parse_integer(words[2]);
      if (!sequence || *sequence < 1)
        return Error{ErrorCode::invalid_argument,
                     "ERR ID takes a client's name and a sequence number from 1"};
      if (words[1].empty() || words[1].size() > 256)
        return Error{ErrorCode::invalid_argument,
                     "ERR ID: the client's name must have 1 to 256 bytes"};
      prefix.client = words[1];
      prefix.sequence = static_cast<std::uint64_t>(*sequence);
    } else {
      return {};
    }
    words = words.subspan(taken);
  }
  return {};
}

// Why the command must not run; empty: it may.
std::string Database::refusal(const Session& session, const CommandRow& row, Words words,
                              Framing framing, const Prefix& prefix) const {
  if (!arity_fits(row.arity, words)) return wrong_arity(row.name);
  std::uint32_t flags = row.flags;
  if (!row.subcommands.empty()) {
    if (std::string wrong = subcommand_error(row, words); !wrong.empty()) return wrong;
    flags = flags_of(row, words);
  }
  if (options_.auth_enabled && !(flags & kNoAuth)) {
    if (!session.authenticated) return unauthenticated(framing);
    if (session.expires_at_ms != 0 && session.login_has_expired(environment_.clock.unix_ms()))
      return "NOAUTH the token has expired";
    // A numbered command leaves a record of its own, whatever it does.
    const bool leaves_record = !prefix.client.empty();
    if (!allows(session.rights, row, flags, words) ||
        (leaves_record && session.rights.role == Role::readonly))
      return "NOPERM this user has no permissions to run the '" + full_name(row, words) +
             "' command";
  }
  // A numbered EXEC leaves a record, whatever it does.
  if (((flags & kWrite) || !prefix.client.empty()) && is_slave()) [[unlikely]] {
    if (framing == Framing::resp) return std::string(kReadOnly);
    MutexLock lock(master_address_mutex_);
    const std::string& master = master_address_;
    return "ERR write operations not allowed on slave replica" +
           (master.empty() ? "" : " (master " + master + ")");
  }
  if (!prefix.client.empty() && !(flags & (kWrite | kTransaction)))
    return "ERR ID goes before a command that writes, or EXEC";
  if ((prefix.explained || prefix.after || !prefix.client.empty()) && session.in_transaction &&
      !(flags & kTransaction))
    return "ERR inside MULTI, ID, EXPLAINED and AFTER go before EXEC";
  // Such a command waits for something itself, or events may come before its own reply.
  if (prefix.after && (row.waits_for != nullptr || row.name == "monitor" ||
                       ((flags & kPubSub) && (flags & kSubscribed))))
    return "ERR AFTER does not go before '" + std::string(row.name) + "'";
  // These are answered by one event for each channel, not by a reply that something could follow.
  if (prefix.explained && (flags & kPubSub) && (flags & kSubscribed))
    return "ERR EXPLAINED does not go before '" + std::string(row.name) + "'";
  if (session.subscribed() && session.resp_format == Format::resp2 && framing == Framing::resp &&
      !(flags & kSubscribed))
    return "ERR Can't execute '" + full_name(row, words) +
           "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
           "context";
  if (session.sql_transaction != nullptr) {
    if (std::string wrong = transaction_refusal(row, flags, words, prefix); !wrong.empty())
      return wrong;
  }
  if (session.in_transaction && ((flags & kNoMulti) || logs_in(row, words)))
    return "ERR Command not allowed inside a transaction";
  return {};
}

// Why it cannot be queued; empty: it is.
std::string Database::queue_command(Session& session, const CommandRow& row, Words words) {
  // Redis answers so while commands are queued, too: that is the time to tell.
  if ((flags_of(row, words) & kDenyOom) && !make_room()) return std::string(kOutOfMemory);
  // No fewer than what they can become in the record: an operation has less than 32 bytes of its
  // own, a command that takes no key still one.
  std::size_t bytes = session.queued_bytes + 64;
  for (const std::string_view word : words) bytes += word.size() + 32;
  if (bytes > options_.log.max_transaction_size)
    return "ERR transaction exceeds wal.max_transaction_size";
  Prepared prepared;
  if (std::string wrong = prepare(*this, row, words, prepared); !wrong.empty()) return wrong;
  session.queued_bytes = bytes;
  session.queue.push_back({&row, {words.begin(), words.end()}, std::move(prepared)});
  session.info.queued.store(static_cast<std::int32_t>(session.queue.size()),
                            std::memory_order_relaxed);
  return {};
}

// Runs the command on a worker thread, its words copied: the session does nothing else until it is
// completed.
void Database::defer(Session& session, const CommandRow& row, Words words,
                     const protocol::Request& request, const Prefix& prefix,
                     const ExecuteOptions& options, std::optional<Wait> wait) {
  struct Deferred {
    std::vector<std::string> texts;
    std::string tag;
    std::string client;
    Prefix prefix;
  };
  auto deferred = std::make_shared<Deferred>();
  deferred->texts.assign(words.begin(), words.end());
  deferred->tag = request.tag;
  deferred->client = prefix.client;
  deferred->prefix = prefix;
  deferred->prefix.client = deferred->client;
  const auto run = [this, &session, &row, deferred, format = session.format(request.framing),
                    completion = (*options.defer)()](std::size_t worker) {
    const std::vector<std::string_view> views(deferred->texts.begin(), deferred->texts.end());
    std::string out;
    ReplyWriter reply(out, format);
    reply.tag(deferred->tag);
    const ExecuteOptions here{.now_ms = now_ms(),
                              .statistics = worker_statistics_[worker],
                              .may_leave_rest = session.takes_rest && !deferred->prefix.explained &&
                                                session.replies == Session::Replies::on};
    Outcome outcome;
    if (const std::string why = after_refusal(deferred->prefix); !why.empty()) {
      refuse(session, &row, why, reply);
      statistics_.answered_error(reply.error_code());
    } else {
      outcome = run_measured(session, row, views, reply, deferred->prefix, here);
    }
    if (session.replies != Session::Replies::on) silence(session, out, 0, format, outcome);
    completion(std::move(out), outcome);
  };
  if (!wait) return workers_.post(run);
  waiters_.add(&session, std::move(*wait), environment_.clock.monotonic_ns(),
               [this, run] { workers_.post(run); });
  check_waiters();  // it may have happened since it was looked at
}

void Database::continue_reply(Session& session, Completion completion) {
  workers_.post([&session, completion = std::move(completion)](std::size_t) {
    std::string out;
    const ReplyStream::State state = session.rest->next(out);
    if (state != ReplyStream::State::more) session.rest = nullptr;
    completion(std::move(out), {.close = state == ReplyStream::State::broken});
  });
}

void Database::drop_rest(Session& session) {
  workers_.post([rest = std::shared_ptr<ReplyStream>(std::move(session.rest))](std::size_t) {});
}

std::optional<Wait> Database::wait_of(const Session& session, const CommandRow& row, Words words,
                                      const Prefix& prefix) {
  std::optional<Wait> wait;
  if (prefix.after)
    wait = Wait{
        .is_over = [this, after = *prefix.after] { return has_reached(after) != Reached::not_yet; },
        .limit = kAfterLimit};
  else if (row.waits_for != nullptr)
    wait = row.waits_for(*this, session, words);
  if (wait && wait->is_over()) wait.reset();
  return wait;
}

// Why the command must not run although its wait is over; empty: it may.
std::string Database::after_refusal(const Prefix& prefix) const {
  if (!prefix.after) return {};
  switch (has_reached(*prefix.after)) {
    case Reached::yes:
      return {};
    case Reached::not_yet:
      return "TIMEOUT this server has not reached position " + to_string(*prefix.after) + " in " +
             std::to_string(kAfterLimit.count()) + " ms";
    case Reached::never:
      return std::string(kUnknownPosition);
  }
  return {};
}

// Where nobody can complete a request later: the embedded library, kimdb-cli --local.
void Database::wait_here(const Wait& wait) {
  const std::int64_t begin = environment_.clock.monotonic_ns();
  while (!wait.is_over()) {
    const std::int64_t waited_ms = (environment_.clock.monotonic_ns() - begin) / 1'000'000;
    if (wait.limit.count() != 0 && waited_ms >= wait.limit.count()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// As Redis does, after the command was executed, and without those for administrators.
void Database::feed_monitors(const Session& session, const CommandRow& row, Words words,
                             std::int64_t now_ms) {
  if (flags_of(row, words) & kAdmin) return;
  char head[64];
  std::snprintf(head, sizeof head, "%lld.%06lld", static_cast<long long>(now_ms / 1000),
                static_cast<long long>(now_ms % 1000 * 1000));
  std::string line = std::string(head) + " [" + std::to_string(session.keyspace) + " " +
                     session.info.address + "]";
  for (const std::string_view word : redacted(row, words)) {
    line += ' ';
    protocol::append_quoted(line, word);
  }
  pubsub_.feed_monitors(line);
}

void Database::write_explanation(std::string& out, Format format, const Outcome& outcome,
                                 std::uint64_t wait_ticks) {
  ReplyWriter reply(out, format);
  const auto stage = [&](std::string_view name, std::uint64_t ticks) {
    reply.bulk(name);
    reply.double_value(static_cast<double>(static_cast<std::int64_t>(
                           static_cast<double>(ticks) * 1000 / cycles_per_microsecond())) /
                       1000);
  };
  reply.map(4);
  stage("lock_us", outcome.timings.lock);
  stage("execute_us", outcome.timings.execute);
  stage("log_us", outcome.timings.log);
  stage("sync_us", wait_ticks);
}

std::uint64_t Database::prefetch(const Session& session, const protocol::Request& request) {
  if (request.words.size() < 2) return 0;
  const std::uint64_t hash = engine_.hash(request.words[1]);
  engine_.prefetch(session.keyspace, hash);
  return hash;
}

void Database::prefetch_entry(const Session& session, std::uint64_t hash) {
  if (hash != 0) engine_.prefetch_entry(session.keyspace, hash);
}

}  // namespace kimdb::database
