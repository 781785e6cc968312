// Where the CLI's commands go: to a server (RemoteExecutor) or to a data directory that is opened
// here (LocalExecutor). One thread.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/reply_reader.h"

namespace kimdb::cli {

using protocol::Value;
using Words = std::vector<std::string>;

class Executor {
 public:
  virtual ~Executor() = default;

  // Takes some elements of a long list while it comes; the reply is then an empty list.
  using Take = std::function<void(std::vector<Value> elements)>;
  // The reply; an Error where none came.
  virtual Result<Value> execute(const Words& words, const Take& take) = 0;
  // Lists are whole.
  virtual Result<Value> execute(const Words& words) = 0;
  // Sends them together; appends the replies that came, in order. After an error the commands
  // behind those have none. What `take` is given belongs to the reply that `replies` lacks next.
  virtual Status execute_all(std::span<const Words> commands, std::vector<Value>& replies,
                             const Take& take) = 0;

  // What is shown before "> ": "kimdb 127.0.0.1:3223 [master]", "(tx)" inside BEGIN or MULTI.
  virtual std::string prompt() = 0;
  // Inside BEGIN or MULTI.
  virtual bool in_transaction() const = 0;

  // Whether a command of the CLI's own (for completion) would disturb nothing: not inside a
  // transaction or behind a lost one, not where it would have to wait for a connection.
  virtual bool may_look_up() = 0;

  // After a command that subscribes, watches or monitors: hands over what comes until the wait is
  // interrupted (then it is no error) or the connection cannot be had any more. No subscription is
  // left then. `command` is the one that a value answers; empty for an event.
  using Show = std::function<void(const Words& command, const Value& value)>;
  virtual bool streams() const = 0;
  virtual Status stream(const Show& show) = 0;

  // After the last command; an Error where something was not kept.
  virtual Status close() = 0;
};

}  // namespace kimdb::cli
