// ROLE, PROMOTE, REPLICAOF, WAIT, WAITLSN, POSITION: replication as a client sees it. Replies as
// Redis 7.0's where it has the command.

#include <algorithm>
#include <chrono>
#include <optional>

#include "database/arguments.h"
#include "database/command_table.h"
#include "database/database.h"
#include "protocol/numbers.h"

namespace kimdb::database {

namespace {

constexpr std::int64_t kWaitMsMax = std::int64_t{1} << 40;

Host::ReplicationStatus status_of(Context& c) {
  Host* host = c.database.host();
  return host == nullptr ? Host::ReplicationStatus() : host->replication_status();
}

struct HostAndPort {
  explicit HostAndPort(std::string_view address)
      : host(address.substr(0, address.rfind(':'))),
        port(address.substr(std::min(address.size(), host.size() + 1))) {}
  std::string_view host, port;
};

void role(Context& c) {
  const Host::ReplicationStatus status = status_of(c);
  // Of its log, not of what it has applied: this is what tells whom to promote.
  const auto lsn = static_cast<std::int64_t>(c.database.log().durable_lsn());
  if (c.database.is_slave()) {
    const HostAndPort master(status.master_address);
    c.reply.array(5);
    c.reply.bulk("slave");
    c.reply.bulk(master.host);
    c.reply.integer(std::atoi(std::string(master.port).c_str()));
    c.reply.bulk(status.connected ? "connected" : "connect");
    return c.reply.integer(lsn);
  }
  c.reply.array(3);
  c.reply.bulk("master");
  c.reply.integer(lsn);
  c.reply.array(status.slaves.size());
  for (const auto& slave : status.slaves) {
    const HostAndPort address(slave.address);
    c.reply.array(3);
    c.reply.bulk(address.host);
    c.reply.bulk(address.port);
    c.reply.bulk(std::to_string(slave.synced_lsn));
  }
}

void promote(Context& c) {
  const bool force = c.words.size() == 2 && is_word(c.words[1], "force");
  if (c.words.size() == 2 && !force) return syntax_error(c);
  if (c.database.host() == nullptr) return c.reply.error("ERR there is no replication here");
  const Status promoted = c.database.host()->promote(force);
  promoted ? c.reply.ok() : c.reply.error("ERR " + promoted.error().message);
}

void replicaof(Context& c) {
  if (c.database.host() == nullptr) return c.reply.error("ERR there is no replication here");
  const bool no_one = is_word(c.words[1], "no") && is_word(c.words[2], "one");
  const Status done = no_one ? c.database.host()->promote(false)
                             : c.database.host()->follow_master(std::string(c.words[1]) + ":" +
                                                                std::string(c.words[2]));
  done ? c.reply.ok() : c.reply.error("ERR " + done.error().message);
}

// --- waiting ---

std::optional<std::chrono::milliseconds> limit_of(std::string_view word) {
  const auto ms = protocol::parse_integer(word);
  if (!ms || *ms < 0 || *ms > kWaitMsMax) return std::nullopt;
  return std::chrono::milliseconds(*ms);
}

// An error reply where it is none.
bool is_limit(Context& c, std::string_view word) {
  const auto ms = integer_argument(c, word);
  if (!ms) return false;
  if (*ms >= 0 && *ms <= kWaitMsMax) return true;
  c.reply.error(*ms < 0 ? "ERR timeout is negative" : "ERR timeout is out of range");
  return false;
}

std::int64_t slaves_at(Database& database, Lsn lsn) {
  if (database.host() == nullptr) return 0;
  const Host::ReplicationStatus status = database.host()->replication_status();
  return std::count_if(status.slaves.begin(), status.slaves.end(),
                       [&](const auto& slave) { return slave.synced_lsn >= lsn; });
}

std::optional<Wait> wait_for_slaves(Database& database, const Session& session, Words words) {
  const auto wanted = protocol::parse_integer(words[1]);
  const auto limit = limit_of(words[2]);
  if (!wanted || !limit || database.is_slave()) return std::nullopt;
  const Lsn lsn = session.last_epoch == database.epoch() ? session.last_lsn : 0;
  database.log().request_sync(lsn);
  return Wait{
      .is_over = [&database, wanted = *wanted,
                  lsn] { return database.is_slave() || slaves_at(database, lsn) >= wanted; },
      .limit = *limit};
}

// How many slaves have synced what this connection has written or seen.
void wait(Context& c) {
  if (!integer_argument(c, c.words[1]) || !is_limit(c, c.words[2])) return;
  if (c.database.is_slave())
    return c.reply.error("ERR WAIT cannot be used with replica instances.");
  c.reply.integer(slaves_at(c.database, c.session.last_lsn));
}

std::optional<Wait> wait_for_position(Database& database, const Session&, Words words) {
  const auto position = parse_client_position(words[1]);
  const auto limit = limit_of(words[2]);
  if (!position || !limit) return std::nullopt;
  return Wait{.is_over =
                  [&database, position = *position] {
                    return database.has_reached(position) != Reached::not_yet;
                  },
              .limit = *limit};
}

void waitlsn(Context& c) {
  const auto position = parse_client_position(c.words[1]);
  if (!position) return c.reply.error(kNotAPosition);
  if (!is_limit(c, c.words[2])) return;
  const Reached reached = c.database.has_reached(*position);
  if (reached == Reached::never) return c.reply.error(kUnknownPosition);
  c.reply.integer(reached == Reached::yes);
}

void position(Context& c) {
  if (c.database.directory() == nullptr) return c.reply.error("ERR positions need wal.enabled");
  const Lsn lsn = c.session.last_lsn != 0 ? c.session.last_lsn : c.database.log().committed_lsn();
  const auto found = position_of(c.database.directory()->meta().history, lsn);
  if (!found) return c.reply.error(kUnknownPosition);
  c.depends_on(lsn);
  c.reply.bulk(to_string(*found));
}

constexpr CommandRow kRows[] = {
    {"role",
     1,
     kFast,
     {},
     role,
     "replication",
     "",
     "Whether this is a master or a slave, and whose."},
    {"promote",
     -1,
     kAdmin | kSlow | kNoMulti,
     {},
     promote,
     "replication",
     "[FORCE]",
     "Makes this slave a master; while its master answers only with FORCE."},
    {"replicaof",
     3,
     kAdmin | kSlow | kNoMulti,
     {},
     replicaof,
     "replication",
     "host port | NO ONE",
     "Follows the master whose replication.listen that is; NO ONE: as PROMOTE."},
    {"slaveof",
     3,
     kAdmin | kSlow | kNoMulti,
     {},
     replicaof,
     "replication",
     "host port | NO ONE",
     "REPLICAOF's older name."},
    {"wait",
     3,
     kSlow | kNoMulti,
     {},
     wait,
     "replication",
     "slaves ms",
     "Waits until so many slaves have synced what this connection has written; tells how many "
     "have.",
     {},
     wait_for_slaves},
    {"waitlsn",
     3,
     kSlow | kNoMulti,
     {},
     waitlsn,
     "replication",
     "position ms",
     "Waits until this server has reached the position; tells whether it has (1) or not (0).",
     {},
     wait_for_position},
    {"position",
     1,
     kFast,
     {},
     position,
     "replication",
     "",
     "Up to where this connection has written or read: for AFTER and WAITLSN on other servers."},
};

}  // namespace

std::span<const CommandRow> replication_commands() { return kRows; }

}  // namespace kimdb::database
