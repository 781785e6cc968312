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

  // Begins a graceful stop; returns at once. `save`: a snapshot is taken before the process ends.
  virtual void shut_down(bool save) = 0;
};

}  // namespace kimdb::database
