// Commands go to a server over the client library. One thread.
#pragma once

#include <string>

#include "cli/executor.h"
#include "cli/interrupt.h"
#include "client/client.h"

namespace kimdb::cli {

class RemoteExecutor final : public Executor {
 public:
  // `address` is what the prompt shows. `interrupt` ends the client's waits (it was given its
  // descriptor) and is cleared for the next prompt: one that comes between two commands ends both.
  RemoteExecutor(client::Client client, std::string address, Interrupt& interrupt)
      : client_(std::move(client)), address_(std::move(address)), interrupt_(interrupt) {}

  Result<Value> execute(const Words& words, const Take& take) override;
  Result<Value> execute(const Words& words) override;
  Status execute_all(std::span<const Words> commands, std::vector<Value>& replies,
                     const Take& take) override;
  std::string prompt() override;
  bool in_transaction() const override { return client_.in_transaction(); }
  bool may_look_up() override {
    return client_.is_connected() && !client_.in_transaction() && !client_.transaction_lost();
  }
  bool streams() const override { return client_.has_subscriptions(); }
  Status stream(const Show& show) override;
  Status close() override { return {}; }

 private:
  void note_read_only(const Words& words, const Value& reply);

  client::Client client_;
  const std::string address_;
  Interrupt& interrupt_;
  bool read_only_ = false;  // the server refused a write so, and has taken none since
};

// "kimdb 127.0.0.1:3223 [master] (tx)> "
struct PromptState {
  std::string_view name;
  std::string_view role;  // empty: not connected
  int keyspace = 0;
  bool in_transaction = false;
  bool transaction_lost = false;
  bool read_only = false;
};
std::string prompt_text(const PromptState& state);

}  // namespace kimdb::cli
