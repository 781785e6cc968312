#include "engine/request_log.h"

#include <algorithm>

namespace kimdb::engine {

namespace {

template <class Results>
auto position_of(Results& results, std::uint64_t sequence) {
  return std::lower_bound(
      results.begin(), results.end(), sequence,
      [](const RequestLog::Result& r, std::uint64_t s) { return r.sequence < s; });
}

}  // namespace

RequestLog::Lookup RequestLog::find(std::string_view client, std::uint64_t sequence) const {
  const auto found = clients_.find(client);
  if (found == clients_.end()) return {};
  const auto& results = found->second.results;
  const auto result = position_of(results, sequence);
  if (result != results.end() && result->sequence == sequence) return {Seen::done, &*result};
  return {sequence <= found->second.dropped_through ? Seen::unknown : Seen::never, nullptr};
}

void RequestLog::add(std::string_view name, std::uint64_t sequence, Lsn lsn, std::string_view reply,
                     bool keep) {
  const std::size_t clients_before = clients_.size();
  auto& [results, dropped_through] = client_of(name);
  auto result = position_of(results, sequence);
  if (result != results.end() && result->sequence == sequence)
    return;  // replayed over a snapshot that has it
  Change change{.lsn = lsn,
                .client = std::string(name),
                .added = sequence,
                .dropped = {},
                .dropped_through = dropped_through,
                .created = clients_.size() != clients_before,
                .forgotten = {}};
  result = results.insert(result, Result{sequence, lsn, std::string(reply)});
  memory_ += memory_of(*result);
  if (results.size() > kResultsKept) {
    dropped_through = std::max(dropped_through, results.front().sequence);
    memory_ -= memory_of(results.front());
    change.dropped = std::move(results.front());
    results.pop_front();
  }
  if (!keep) return;
  memory_ += memory_of(change);
  changes_.push_back(std::move(change));
}

void RequestLog::mark_dropped(std::string_view client, std::uint64_t sequence) {
  std::uint64_t& dropped_through = client_of(client).dropped_through;
  dropped_through = std::max(dropped_through, sequence);
}

RequestLog::Client& RequestLog::client_of(std::string_view name) {
  const auto found = clients_.find(name);
  if (found != clients_.end()) return found->second;
  const auto added = clients_.emplace(std::string(name), Client{}).first;
  memory_ += memory_of(added->first, added->second);
  return added->second;
}

void RequestLog::forget(std::string_view name, Lsn lsn, bool keep) {
  const auto found = clients_.find(name);
  if (found == clients_.end()) return;
  Change change{
      .lsn = lsn, .client = std::string(name), .added = {}, .dropped = {}, .forgotten = {}};
  memory_ -= memory_of(found->first, found->second);
  change.forgotten = std::move(found->second);
  clients_.erase(found);
  if (!keep) return;
  memory_ += memory_of(change);
  changes_.push_back(std::move(change));
}

void RequestLog::settle(std::string_view client, Lsn pending, Lsn lsn) {
  for (auto change = changes_.rbegin(); change != changes_.rend() && change->lsn == pending;
       ++change) {
    change->lsn = lsn;
    // Added and dropped, or forgotten, by the same record.
    if (change->dropped && change->dropped->lsn == pending) change->dropped->lsn = lsn;
    for (Result& result : change->forgotten.results)
      if (result.lsn == pending) result.lsn = lsn;
  }
  const auto found = clients_.find(client);
  if (found == clients_.end()) return;
  for (Result& result : found->second.results)
    if (result.lsn == pending) result.lsn = lsn;
}

void RequestLog::take_back(Lsn lsn) {
  for (; !changes_.empty() && changes_.back().lsn > lsn; changes_.pop_back()) {
    memory_ -= memory_of(changes_.back());
    undo(changes_.back());
  }
}

void RequestLog::undo(Change& change) {
  if (!change.added) {
    const auto restored =
        clients_.emplace(std::move(change.client), std::move(change.forgotten)).first;
    memory_ += memory_of(restored->first, restored->second);
    return;
  }
  const auto client = clients_.find(change.client);
  memory_ -= memory_of(client->first, client->second);
  auto& [results, dropped_through] = client->second;
  dropped_through = change.dropped_through;
  if (change.dropped) results.push_front(std::move(*change.dropped));
  results.erase(position_of(results, *change.added));
  if (change.created)
    clients_.erase(client);
  else
    memory_ += memory_of(client->first, client->second);
}

const std::pair<const std::string, RequestLog::Client>* RequestLog::next(
    const std::optional<std::string>& name) const {
  const auto found = name ? clients_.upper_bound(*name) : clients_.begin();
  return found == clients_.end() ? nullptr : &*found;
}

bool RequestLog::prune(Lsn horizon, std::size_t limit) {
  for (; !changes_.empty() && changes_.front().lsn <= horizon; changes_.pop_front()) {
    if (limit-- == 0) return true;
    memory_ -= memory_of(changes_.front());
  }
  return false;
}

std::size_t RequestLog::memory_of(const std::string& name, const Client& client) {
  constexpr std::size_t kNodeBytes = 4 * sizeof(void*) + 64 + 512;  // of the map and the deque
  std::size_t bytes = kNodeBytes + sizeof(std::string) + name.capacity() + sizeof(Client);
  for (const Result& result : client.results) bytes += memory_of(result);
  return bytes;
}

std::size_t RequestLog::memory_of(const Change& change) {
  std::size_t bytes = sizeof(Change) + change.client.capacity();
  if (change.dropped) bytes += change.dropped->reply.capacity();
  for (const Result& result : change.forgotten.results) bytes += memory_of(result);
  return bytes;
}

}  // namespace kimdb::engine
