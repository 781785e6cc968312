// What makes a retried write exactly once: for each client the last 128 {sequence, LSN, result} of
// its numbered writes.
//
// A write that carries (client, sequence) leaves such a result in the record it makes, even where
// it changed nothing; a retry is answered from here instead of being done again. Kept in the
// partition that the client's name hashes to.
//
// Nobody reads older states of it.
//
// Not thread-safe: the partition's lock guards it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/lsn.h"

namespace kimdb::engine {

class RequestLog {
 public:
  static constexpr std::size_t kResultsKept = 128;  // for each client

  struct Result {
    std::uint64_t sequence = 0;
    Lsn lsn = 0;
    std::string reply;  // as protocol::Format::neutral; the engine does not look into it
  };
  struct Client {
    std::deque<Result> results;         // by sequence
    std::uint64_t dropped_through = 0;  // results up to this sequence may have been dropped
  };

  enum class Seen {
    never,    // do it
    done,     // `result` says how it was answered
    unknown,  // older than what is kept: it may have been done
  };
  struct Lookup {
    Seen seen = Seen::never;
    const Result* result = nullptr;
  };
  Lookup find(std::string_view client, std::uint64_t sequence) const;

  void add(std::string_view client, std::uint64_t sequence, Lsn lsn, std::string_view reply);
  // Says that results up to `sequence` may have been dropped.
  void mark_dropped(std::string_view client, std::uint64_t sequence);
  void forget(std::string_view client);
  // Gives what was added with `pending` as its LSN the real one.
  void settle(std::string_view client, Lsn pending, Lsn lsn);

  std::size_t memory() const { return memory_; }
  bool empty() const { return clients_.empty(); }
  // The client behind `name` in the order of names, the first one without a name; null at the end.
  const std::pair<const std::string, Client>* next(const std::optional<std::string>& name) const;
  // Calls visit(name, const Client&) for every client.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [name, client] : clients_) visit(std::string_view(name), client);
  }

 private:
  using Clients = std::map<std::string, Client, std::less<>>;

  Client& client_of(std::string_view name);
  static std::size_t memory_of(const Result& result) {
    return sizeof(Result) + result.reply.capacity();
  }
  static std::size_t memory_of(const std::string& name, const Client& client);

  Clients clients_;  // ordered, so that a snapshot can be copied in pieces
  std::size_t memory_ = 0;
};

}  // namespace kimdb::engine
