// Shows the reply to a command on standard output: at once, or a long list while it comes. Main
// thread.
#pragma once

#include <optional>
#include <vector>

#include "cli/executor.h"
#include "cli/render.h"

namespace kimdb::cli {

class ReplyPrinter {
 public:
  explicit ReplyPrinter(const RenderOptions& options) : options_(options) {}

  // For Executor::execute.
  Executor::Take take() {
    return [this](std::vector<Value> elements) { add(std::move(elements)); };
  }
  void add(std::vector<Value> elements);
  bool has_begun() const { return list_.has_value(); }
  // The reply to the command is there: an error of a list that had begun is shown behind that.
  void end(const Words& command, const Value& reply);
  // None came. Where a list had begun, it ends so that nobody takes it for whole.
  void give_up();

 private:
  const RenderOptions options_;
  std::optional<ListRenderer> list_;  // that has begun
};

}  // namespace kimdb::cli
