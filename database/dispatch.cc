// From a request to a command: prefix words, rights, MULTI's queue, the worker pool.

#include <algorithm>
#include <cstdio>

#include "base/cycles.h"
#include "database/database.h"
#include "database/prefix.h"
#include "protocol/ascii.h"
#include "protocol/numbers.h"
#include "protocol/quoting.h"

namespace kimdb::database {

using protocol::Format;
using protocol::Framing;
using protocol::ReplyWriter;

namespace {

// Whether the reply that begins at `start` of `out` is an error.
bool is_error(const std::string& out, std::size_t start, const ReplyWriter& reply) {
  if (start >= out.size()) return false;
  if (reply.is_resp()) return out[start] == '-';
  return std::string_view(out).substr(start).starts_with("ERROR:");
}

// Redis' text, its odd spaces included: clients and its test suite compare it.
std::string unknown_command(Words words) {
  std::string text = "ERR unknown command '" + std::string(words[0].substr(0, 128)) +
                     "', with args beginning with: ";
  std::string shown;
  for (std::size_t i = 1; i < words.size() && shown.size() < 128; ++i)
    shown += "'" + std::string(words[i].substr(0, 128 - shown.size())) + "' ";
  return text + shown;
}

bool arity_fits(const CommandRow& row, std::size_t words) {
  return row.arity >= 0 ? words == static_cast<std::size_t>(row.arity)
                        : words >= static_cast<std::size_t>(-row.arity);
}

// Password hashing takes tens of milliseconds; HELLO does it only where it carries AUTH.
bool goes_to_workers(const CommandRow& row, Words words) {
  if (row.flags & kSlow) return true;
  return row.name == "hello" && std::any_of(words.begin(), words.end(), [](std::string_view word) {
           return protocol::equals_ignoring_case(word, "auth");
         });
}

}  // namespace

Outcome Database::execute(Session& session, const protocol::Request& request, std::string& out,
                          const ExecuteOptions& options) {
  Words words = request.words;
  const std::size_t start = out.size();
  ReplyWriter reply(out, session.format(request.framing));
  reply.tag(request.tag);
  Prefix prefix;
  if (is_sql(request)) [[unlikely]] {
    reply.error("ERR this version has no tables and no SQL; HELP lists the commands there are");
    return {};
  }
  const CommandRow* row = commands_.find(words[0]);
  if (row == nullptr) [[unlikely]] {
    if (const Status taken = take_prefixes(words, prefix); !taken.has_value()) {
      reply.error(taken.error().message);
      return {};
    }
    row = words.empty() ? nullptr : commands_.find(words[0]);
    if (row == nullptr) {
      if (session.in_transaction) session.transaction_failed = true;
      if (options_.auth_enabled && !session.authenticated)
        refuse_unauthenticated(request.framing, reply);
      else
        reply.error(words.empty() ? "ERR a command is missing after its prefix"
                                  : unknown_command(words));
      return {};
    }
  }
  session.info.last_command.store(row, std::memory_order_relaxed);

  if (refuse(session, *row, words, request.framing, prefix, reply)) {
    if (session.in_transaction) session.transaction_failed = true;
    if (options.statistics != nullptr) options.statistics->rejected(row->index);
    return {};
  }
  if (session.in_transaction && !(row->flags & kConnection)) {
    queue_command(session, *row, words);
    reply.simple("QUEUED");
    return {};
  }
  if (options.defer != nullptr && goes_to_workers(*row, words)) [[unlikely]] {
    out.resize(start);
    defer(session, *row, words, request, prefix, options);
    return {.deferred = true};
  }
  return run_measured(session, *row, words, reply, prefix, start, options);
}

Outcome Database::run_measured(Session& session, const CommandRow& row, Words words,
                               ReplyWriter& reply, const Prefix& prefix, std::size_t start,
                               const ExecuteOptions& options) {
  if (pubsub_.monitored()) [[unlikely]]
    feed_monitors(session, words, options.now_ms);
  std::string& out = reply.out();
  const std::size_t reply_start = out.size();
  const std::uint64_t begin = cycles_now();
  const Outcome outcome = run(session, row, words, reply, prefix, options);
  const std::uint64_t ticks = cycles_now() - begin;
  if (options.statistics != nullptr)
    options.statistics->executed(row.index, ticks, is_error(out, reply_start, reply));
  if (slowlog_.slow(ticks)) [[unlikely]] {
    slowlog_.add(options.now_ms,
                 static_cast<std::uint64_t>(static_cast<double>(ticks) / cycles_per_microsecond()),
                 words, session.info.address, session.info.name());
  }
  if (session.replies != Session::Replies::on) [[unlikely]] {
    // CLIENT REPLY SKIP: the reply after this one is left out too.
    out.resize(start);
    if (session.replies == Session::Replies::skip_this) session.replies = Session::Replies::on;
    if (session.replies == Session::Replies::skip_next)
      session.replies = Session::Replies::skip_this;
  }
  return outcome;
}

Status Database::take_prefixes(Words& words, Prefix& prefix) const {
  const auto is = [&](std::string_view name) {
    return protocol::equals_ignoring_case(words[0], name);
  };
  while (!words.empty()) {
    std::size_t taken = 1;
    if (is("explained")) {
      prefix.explained = true;
    } else if (is("ack") && words.size() > 1) {
      taken = 2;
      if (protocol::equals_ignoring_case(words[1], "memory")) {
        prefix.acknowledge = Acknowledge::memory;
      } else if (protocol::equals_ignoring_case(words[1], "synced")) {
        prefix.acknowledge = Acknowledge::synced;
      } else if (protocol::equals_ignoring_case(words[1], "replica")) {
        return Error{ErrorCode::unsupported,
                     "ERR ACK replica needs replication, which is not enabled"};
      } else {
        return Error{ErrorCode::invalid_argument, "ERR ACK takes memory, synced or replica"};
      }
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

void Database::refuse_unauthenticated(Framing framing, ReplyWriter& reply) {
  reply.error(framing == Framing::line ? "ERR authentication required"
                                       : "NOAUTH Authentication required.");
}

// Answers with an error, and says so, where the command must not run.
bool Database::refuse(const Session& session, const CommandRow& row, Words words, Framing framing,
                      const Prefix& prefix, ReplyWriter& reply) {
  if (!arity_fits(row, words.size())) {
    reply.error("ERR wrong number of arguments for '" + std::string(row.name) + "' command");
    return true;
  }
  if (options_.auth_enabled && !(row.flags & kNoAuth)) {
    if (!session.authenticated) {
      refuse_unauthenticated(framing, reply);
      return true;
    }
    if (((row.flags & kAdmin) && session.role != Role::admin) ||
        ((row.flags & kWrite) && session.role == Role::readonly)) {
      reply.error("NOPERM this user has no permissions to run the '" + std::string(row.name) +
                  "' command");
      return true;
    }
  }
  if (!prefix.client.empty() && !(row.flags & (kWrite | kTransaction))) {
    reply.error("ERR ID goes before a command that writes, or EXEC");
    return true;
  }
  if ((prefix.explained || !prefix.client.empty()) && session.in_transaction &&
      !(row.flags & kTransaction)) {
    reply.error("ERR inside MULTI, ID and EXPLAINED go before EXEC");
    return true;
  }
  if (session.subscribed() && session.resp_format == Format::resp2 && framing == Framing::resp &&
      !(row.flags & kSubscribed)) {
    reply.error("ERR Can't execute '" + std::string(row.name) +
                "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
                "this context");
    return true;
  }
  if (session.in_transaction && (row.flags & kNoMulti)) {
    reply.error("ERR Command not allowed inside a transaction");
    return true;
  }
  return false;
}

void Database::queue_command(Session& session, const CommandRow& row, Words words) {
  for (const std::string_view word : words) session.queued_bytes += word.size() + 16;
  session.queue.push_back({&row, {words.begin(), words.end()}});
  session.info.queued.store(static_cast<std::int32_t>(session.queue.size()),
                            std::memory_order_relaxed);
}

// Runs the command on a worker thread, its words copied: the session does nothing else until it is
// completed.
void Database::defer(Session& session, const CommandRow& row, Words words,
                     const protocol::Request& request, const Prefix& prefix,
                     const ExecuteOptions& options) {
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
  workers_.post([this, &session, &row, deferred, format = session.format(request.framing),
                 completion = (*options.defer)(), now_ms = options.now_ms] {
    const std::vector<std::string_view> views(deferred->texts.begin(), deferred->texts.end());
    std::string out;
    ReplyWriter reply(out, format);
    reply.tag(deferred->tag);
    const ExecuteOptions here{.now_ms = now_ms};
    const Outcome outcome = run_measured(session, row, views, reply, deferred->prefix, 0, here);
    completion(std::move(out), outcome);
  });
}

void Database::feed_monitors(const Session& session, Words words, std::int64_t now_ms) {
  if (protocol::equals_ignoring_case(words[0], "auth") ||
      protocol::equals_ignoring_case(words[0], "hello"))
    return;
  char head[64];
  std::snprintf(head, sizeof head, "%lld.%06lld", static_cast<long long>(now_ms / 1000),
                static_cast<long long>(now_ms % 1000 * 1000));
  std::string line = std::string(head) + " [" + std::to_string(session.keyspace) + " " +
                     session.info.address + "]";
  for (const std::string_view word : words) {
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
  engine::Partition& partition = engine_.partition_of(hash);
  if (partition.mutex().try_lock()) {
    partition.prefetch(session.keyspace, hash);
    partition.mutex().unlock();
  }
  return hash;
}

void Database::prefetch_entry(const Session& session, std::uint64_t hash) {
  engine::Partition& partition = engine_.partition_of(hash);
  if (hash == 0 || !partition.mutex().try_lock()) return;
  partition.prefetch_entry(session.keyspace, hash);
  partition.mutex().unlock();
}

}  // namespace kimdb::database
