// A connection to Redis and one to kimdb that are sent the same bytes, and whose replies are
// compared.
//
// Knows what hangs on the state of a connection: which commands a transaction has queued, so that
// the elements of EXEC's reply are compared as those commands ask for.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/server/redis_command_stream.h"
#include "tests/support/tcp_client.h"

namespace kimdb::support {

// The last commands of a run, over all its connections: what is shown with a difference.
class RecentCommands {
 public:
  void add(std::string line);
  std::string text() const;

 private:
  std::deque<std::string> lines_;
};

class RedisPair {
 public:
  RedisPair(std::string name, TcpClient redis, TcpClient kimdb, RecentCommands& recent)
      : name_(std::move(name)),
        redis_(std::move(redis)),
        kimdb_(std::move(kimdb)),
        recent_(recent) {}

  TcpClient& redis() { return redis_; }
  TcpClient& kimdb() { return kimdb_; }
  bool in_transaction() const { return in_transaction_; }

  // Sends all of them in one write to each server, then compares the replies. Fails the test at the
  // first difference, with both replies and the commands before it.
  void run(const std::vector<StreamCommand>& commands);
  // The same for one command; Redis' reply.
  RespReply run(const StreamCommand& command);

  // For commands whose replies cannot be counted beforehand (SUBSCRIBE and its like): everything up
  // to the answer to a PING behind them. `any_order` compares what came as a heap of parts: Redis
  // drops all subscriptions in hash order.
  void run_until_ping(const StreamCommand& command, bool any_order);
  // The same for several that are sent in one write.
  void run_all_until_ping(const std::vector<StreamCommand>& commands, bool any_order);
  // Sent, and whatever comes is left for later.
  void send(const StreamCommand& command);
  // The next `count` replies or events are the same.
  void compare_received(int count);
  // What was pushed to this connection: the same on both, in any order. kimdb may push it a moment
  // after the PING.
  void compare_pushed();

 private:
  void send(const StreamCommand& command, std::string& bytes);
  void compare(const StreamCommand& command, const RespReply& redis, const RespReply& kimdb);
  void follow(const StreamCommand& command, const RespReply& reply);
  [[noreturn]] void differ(const StreamCommand& command, const std::string& redis,
                           const std::string& kimdb);
  std::string ping();

  std::string name_;
  TcpClient redis_;
  TcpClient kimdb_;
  RecentCommands& recent_;
  bool in_transaction_ = false;
  std::vector<StreamCommand> queued_;
  int pings_ = 0;
};

// True when the replies are as alike as `command` asks for. Errors are compared to the byte always.
bool alike(const StreamCommand& command, const RespReply& redis, const RespReply& kimdb);

// A command as a person would type it.
std::string readable_command(const StreamCommand& command);

}  // namespace kimdb::support
