// What Database's commands ask of the program around it: its connections, its configuration, its
// end.
//
// The server implements it; the embedded library and kimdb-cli --local use NoHost. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/lsn.h"
#include "base/result.h"
#include "database/session.h"

namespace kimdb::database {

class Host {
 public:
  virtual ~Host() = default;

  // Calls visit for every open connection, by id.
  virtual void for_each_session(const std::function<void(const SessionInfo&)>& visit) const = 0;
  // Closes a connection; false where there is none with this id.
  virtual bool kill_session(std::uint64_t id) = 0;

  struct NetworkStatistics {
    std::uint64_t connections_received = 0;
    std::uint64_t connections_rejected = 0;
    std::uint64_t slow_clients_dropped = 0;  // since they did not read
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t max_connections = 0;
    std::uint16_t port = 0;
  };
  virtual NetworkStatistics network_statistics() const = 0;

  // Names and values that match the glob pattern, by name.
  virtual std::vector<std::pair<std::string, std::string>> config_get(
      std::string_view pattern) const = 0;
  // All of them or, on error, none.
  virtual Status config_set(const std::vector<std::pair<std::string, std::string>>& settings) = 0;
  virtual Status config_rewrite() = 0;
  virtual std::string config_file() const = 0;  // empty: none

  // What replication says of itself; `enabled` is false where there is none.
  struct ReplicationStatus {
    bool enabled = false;
    struct Lag {  // of what a slave has applied, behind its master's log
      Lsn lsn = 0;
      std::uint64_t bytes = 0;
      std::int64_t ms = 0;
    };
    struct Copy {  // of all data, from a master to a slave
      std::uint64_t bytes = 0;
      std::uint64_t bytes_total = 0;  // 0: none is under way
    };
    // A master's:
    struct Slave {
      std::string address;
      Lsn synced_lsn = 0;
      Lsn applied_lsn = 0;
      std::int64_t last_heard_ms = 0;  // Unix ms
      Copy copy;                       // that it is sent
      Lag lag;
    };
    std::vector<Slave> slaves;
    bool quorum_missing = false;  // for too long: replication.on_timeout counts
    // A slave's:
    std::string master_address;
    bool connected = false;
    std::string why_not;  // connected
    Lsn master_lsn = 0;   // of its log, as it said last
    std::int64_t master_heard_ms = 0;
    Copy copy;  // that comes, or is being loaded
    Lag lag;    // when it was heard last
  };
  virtual ReplicationStatus replication_status() const { return {}; }

  // Makes this slave a master. unavailable where its master answers and `force` is not said;
  // unsupported where this is no slave. Not for I/O threads.
  virtual Status promote(bool) { return Error{ErrorCode::unsupported, "this is no slave"}; }

  // Follows the master at host:port from now on; of a master: gives that up first. Takes the time
  // that its slaves need to acknowledge what was written. Not for I/O threads.
  virtual Status follow_master(const std::string&) {
    return Error{ErrorCode::unsupported, "replication.enabled is false"};
  }

  // Begins a graceful stop; returns at once. `save`: a snapshot is taken before the process ends.
  virtual void shut_down(bool save) = 0;
};

}  // namespace kimdb::database
