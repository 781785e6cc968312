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

void RequestLog::add(std::string_view client, std::uint64_t sequence, Lsn lsn,
                     std::string_view reply) {
  auto& [results, dropped_through] = client_of(client);
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
  memory_ += sizeof(Client) + name.size();
  return clients_.emplace(std::string(name), Client{}).first->second;
}

void RequestLog::forget(std::string_view client) {
  const auto found = clients_.find(client);
  if (found == clients_.end()) return;
  for (const Result& result : found->second.results) memory_ -= memory_of(result);
  memory_ -= sizeof(Client) + found->first.size();
  clients_.erase(found);
}

void RequestLog::settle(std::string_view client, Lsn pending, Lsn lsn) {
  const auto found = clients_.find(client);
  if (found == clients_.end()) return;
  for (Result& result : found->second.results)
    if (result.lsn == pending) result.lsn = lsn;
}

void RequestLog::take_back(Lsn lsn) {
  for (auto& [name, client] : clients_)
    std::erase_if(client.results, [&](const Result& result) {
      if (result.lsn <= lsn) return false;
      memory_ -= memory_of(result);
      return true;
    });
}

}  // namespace kimdb::engine
