// What makes a retried write exactly once: for each client the last 128 {sequence, LSN, result} of
// its numbered writes.
//
// A write that carries (client, sequence) leaves such a result in the record it makes, even where
// it changed nothing; a retry is answered from here instead of being done again. Kept in the
// partition that the client's name hashes to. Not thread-safe: the partition's lock guards it.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
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
  // Gives results added with `pending` as their LSN the real one.
  void settle(std::string_view client, Lsn pending, Lsn lsn);
  // Removes the results of records after `lsn`.
  void take_back(Lsn lsn);

  std::size_t memory() const { return memory_; }
  bool empty() const { return clients_.empty(); }
  // Calls visit(name, const Client&) for every client.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [name, client] : clients_) visit(std::string_view(name), client);
  }

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>()(name);
    }
  };
  Client& client_of(std::string_view name);
  static std::size_t memory_of(const Result& result) {
    return sizeof(Result) + result.reply.capacity();
  }

  boost::unordered_flat_map<std::string, Client, NameHash, std::equal_to<>> clients_;
  std::size_t memory_ = 0;
};

}  // namespace kimdb::engine
