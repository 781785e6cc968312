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

void RequestLog::add(std::string_view name, std::uint64_t sequence, Lsn lsn,
                     std::string_view reply) {
  auto& [results, dropped_through] = client_of(name);
  auto result = position_of(results, sequence);
  if (result != results.end() && result->sequence == sequence)
    return;  // replayed over a snapshot that has it
  result = results.insert(result, Result{sequence, lsn, std::string(reply)});
  memory_ += memory_of(*result);
  if (results.size() > kResultsKept) {
    dropped_through = std::max(dropped_through, results.front().sequence);
    memory_ -= memory_of(results.front());
    results.pop_front();
  }
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

void RequestLog::forget(std::string_view name) {
  const auto found = clients_.find(name);
  if (found == clients_.end()) return;
  memory_ -= memory_of(found->first, found->second);
  clients_.erase(found);
}

void RequestLog::settle(std::string_view client, Lsn pending, Lsn lsn) {
  const auto found = clients_.find(client);
  if (found == clients_.end()) return;
  for (Result& result : found->second.results)
    if (result.lsn == pending) result.lsn = lsn;
}

const std::pair<const std::string, RequestLog::Client>* RequestLog::next(
    const std::optional<std::string>& name) const {
  const auto found = name ? clients_.upper_bound(*name) : clients_.begin();
  return found == clients_.end() ? nullptr : &*found;
}

std::size_t RequestLog::memory_of(const std::string& name, const Client& client) {
  constexpr std::size_t kNodeBytes = 4 * sizeof(void*) + 64 + 512;  // of the map and the deque
  std::size_t bytes = kNodeBytes + sizeof(std::string) + name.capacity() + sizeof(Client);
  for (const Result& result : client.results) bytes += memory_of(result);
  return bytes;
}

}  // namespace kimdb::engine
