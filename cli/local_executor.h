// Commands run here, on a data directory that no server has open. One thread.
//
// Whoever can open the files may do everything: there is no login. A write is answered when it is
// on stable storage. There is nobody to publish to, so SUBSCRIBE and MONITOR are refused.
#pragma once

#include <memory>
#include <string>

#include "cli/executor.h"
#include "cli/options.h"

namespace kimdb::cli {

class LocalExecutor final : public Executor {
 public:
  // The directory is --data, else the one that --config names, else ./data; it must exist.
  // unavailable where a server has it open.
  static Result<std::unique_ptr<Executor>> open(const Options& options);
  ~LocalExecutor() override;

  // Lists are whole here.
  Result<Value> execute(const Words& words, const Take&) override { return execute(words); }
  Result<Value> execute(const Words& words) override;
  Status execute_all(std::span<const Words> commands, std::vector<Value>& replies,
                     const Take& take) override;
  std::string prompt() override;
  bool in_transaction() const override;
  bool may_look_up() override;
  bool streams() const override { return false; }
  Status stream(const Show& show) override;
  Status close() override;

 private:
  struct State;
  explicit LocalExecutor(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace kimdb::cli
