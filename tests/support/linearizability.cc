#include "tests/support/linearizability.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace kimdb::support {
namespace {

using Value = std::optional<std::int64_t>;
using Kind = RegisterOperation::Kind;

// The value after the operation, where it may come next: where it gives what it gave.
std::optional<Value> step(const Value& before, const RegisterOperation& operation) {
  const bool known = operation.returned != RegisterOperation::kNever;
  const auto if_gives = [&](const Value& result, const Value& after) -> std::optional<Value> {
    if (known && result != operation.result) return std::nullopt;
    return after;
  };
  switch (operation.kind) {
    case Kind::get:
      return if_gives(before, before);
    case Kind::set:
      return if_gives(std::nullopt, operation.argument);
    case Kind::getset:
      return if_gives(before, operation.argument);
    case Kind::add:
      return if_gives(before.value_or(0) + 1, before.value_or(0) + 1);
    case Kind::remove:
      return if_gives(before ? 1 : 0, std::nullopt);
  }
  return std::nullopt;
}

constexpr std::size_t kStatesMax = 2'000'000;

class Search {
 public:
  explicit Search(const std::vector<RegisterOperation>& history) : history_(history) {
    for (std::size_t i = 0; i < history.size(); ++i) {
      events_.push_back({history[i].called, i, false});
      if (history[i].returned != RegisterOperation::kNever)
        events_.push_back({history[i].returned, i, true});
    }
    // What returns at the moment at which another is called does not come before that for sure.
    std::sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
      return std::pair(a.time, a.returns) < std::pair(b.time, b.returns);
    });
    // A list in which events can be left out and put back: index 0 is before the first.
    next_.resize(events_.size() + 2);
    before_.resize(events_.size() + 2);
    for (std::size_t i = 0; i < next_.size(); ++i) {
      next_[i] = i + 1;
      before_[i] = i - 1;
    }
    return_of_.assign(history.size(), 0);
    for (std::size_t i = 0; i < events_.size(); ++i)
      if (events_[i].returns) return_of_[events_[i].operation] = i + 1;
    done_.assign((history.size() + 63) / 64, 0);
  }

  bool run() {
    const std::size_t end = events_.size() + 1;
    std::vector<std::pair<std::size_t, Value>> chosen;  // the calls, each with the value before it
    Value value;
    for (std::size_t at = next_[0]; at != end;) {
      const Event& event = events_[at - 1];
      if (!event.returns) {
        const auto after = step(value, history_[event.operation]);
        flip(event.operation);
        if (after && seen_.emplace(done_, *after).second) {
          if (seen_.size() > kStatesMax)
            throw std::runtime_error("the history is too hard to be checked, or not linearizable");
          chosen.emplace_back(at, std::exchange(value, *after));
          leave_out(at);
          if (const std::size_t returns = return_of_[event.operation]) leave_out(returns);
          at = next_[0];
          continue;
        }
        flip(event.operation);
        at = next_[at];
        continue;
      }
      // It returns here and was not chosen: something chosen before was wrong.
      if (chosen.empty()) return false;
      at = chosen.back().first;
      value = chosen.back().second;
      chosen.pop_back();
      const std::size_t operation = events_[at - 1].operation;
      flip(operation);
      if (const std::size_t returns = return_of_[operation]) put_back(returns);
      put_back(at);
      at = next_[at];
    }
    return true;  // what is left may never have been done
  }

 private:
  struct Event {
    std::int64_t time;
    std::size_t operation;
    bool returns;
  };

  void flip(std::size_t operation) { done_[operation / 64] ^= std::uint64_t{1} << operation % 64; }
  void leave_out(std::size_t index) {
    next_[before_[index]] = next_[index];
    before_[next_[index]] = before_[index];
  }
  void put_back(std::size_t index) {
    next_[before_[index]] = index;
    before_[next_[index]] = index;
  }

  const std::vector<RegisterOperation>& history_;
  std::vector<Event> events_;
  std::vector<std::size_t> next_, before_;  // of events_, counted from 1
  std::vector<std::size_t> return_of_;      // an operation's, 0: none
  std::vector<std::uint64_t> done_;
  std::set<std::pair<std::vector<std::uint64_t>, Value>> seen_;
};

}  // namespace

bool is_linearizable(const std::vector<RegisterOperation>& history) {
  return Search(history).run();
}

}  // namespace kimdb::support
