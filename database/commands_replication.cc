// ROLE, PROMOTE, WAIT: replication as a client sees it. Replies as Redis 7.0's where it has the
// command.

#include <algorithm>
#include <chrono>
#include <thread>

#include "database/arguments.h"
#include "database/command_table.h"
#include "database/database.h"

namespace kimdb::database {

namespace {

using namespace std::chrono_literals;

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

// How many slaves have synced everything up to now, once there are as many as asked for or the time
// is over (0: no end, but that of the slaves that there are).
void wait(Context& c) {
  const auto wanted = integer_argument(c, c.words[1]);
  if (!wanted) return;
  const auto timeout_ms = integer_argument(c, c.words[2]);
  if (!timeout_ms) return;
  if (*timeout_ms < 0) return c.reply.error("ERR timeout is negative");
  if (c.database.is_slave())
    return c.reply.error("ERR WAIT cannot be used with replica instances.");
  const Lsn lsn = c.database.log().last_lsn();
  c.database.log().request_sync(lsn);
  const std::int64_t begin = c.database.clock().monotonic_ns();
  for (;;) {
    const Host::ReplicationStatus status = status_of(c);
    const auto reached = std::count_if(status.slaves.begin(), status.slaves.end(),
                                       [&](const auto& slave) { return slave.synced_lsn >= lsn; });
    const std::int64_t waited_ms = (c.database.clock().monotonic_ns() - begin) / 1'000'000;
    if (reached >= *wanted || (*timeout_ms != 0 && waited_ms >= *timeout_ms))
      return c.reply.integer(reached);
    std::this_thread::sleep_for(1ms);
  }
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
    {"wait",
     3,
     kSlow | kNoMulti,
     {},
     wait,
     "replication",
     "slaves ms",
     "Waits until so many slaves have synced all that was written so far; tells how many have."},
};

}  // namespace

std::span<const CommandRow> replication_commands() { return kRows; }

}  // namespace kimdb::database
