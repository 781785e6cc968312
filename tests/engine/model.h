// What the engine should hold, in the plainest way: ordered maps, one Mutation after the other.
//
// Tests apply the same records to an Engine and to a Model and compare the whole. RecordMaker draws
// random records that the commands could have made: nothing is removed that is not there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/lsn.h"
#include "base/random.h"
#include "engine/engine.h"

namespace kimdb::engine::test {

struct Model {
  struct Value {
    std::string bytes;
    std::int64_t expires_at = 0;
    Lsn lsn = 0;
    bool operator==(const Value&) const = default;
  };
  struct Client {
    std::map<std::uint64_t, std::pair<Lsn, std::string>> results;  // by sequence
    std::uint64_t dropped_through = 0;
    bool operator==(const Client&) const = default;
  };
  using Key = std::pair<std::uint8_t, std::string>;  // keyspace and key

  std::map<Key, Value> entries;
  std::map<std::string, Client> clients;

  void apply(Lsn lsn, const Operation& operation);
  void apply(Lsn lsn, std::string_view mutation);
  bool operator==(const Model&) const = default;
};

// The first difference in words; empty where both are equal.
std::string difference(const Model& expected, const Model& found);

// The operations of a record, hashed for the engine. They point into `mutation`.
std::vector<Operation> operations_of(const Engine& engine, std::string_view mutation);

// Everything the engine holds, its tables walked. Takes the partitions' locks one after the other.
Model state_of(Engine& engine);
// The entries as of the view's LSN (clients have no older states).
Model state_at(Engine& engine, const ReadView& view);

// Applies a record as a live command would: each operation with the LSN. Locks nothing.
void apply_record(Engine& engine, Lsn lsn, std::string_view mutation);
// As a transaction would, which draws its LSN last.
void apply_transaction(Engine& engine, Lsn lsn, std::string_view mutation);

class RecordMaker {
 public:
  struct Options {
    int keyspaces = 3;
    int keys = 60;  // for each keyspace
    int clients = 3;
    int operations_max = 3;    // in one record
    std::string prefix = "k";  // of every key and client
    bool flushes = true;
  };
  RecordMaker(Random& random, Options options) : random_(random), options_(std::move(options)) {}

  // A record that fits the state, which is changed by it.
  std::string next(Model& state, Lsn lsn);

 private:
  std::string key();
  std::string bytes(std::size_t size);
  bool chance(std::uint64_t one_in) { return random_.below(one_in) == 0; }
  void add_request(std::string& record, Model& state, Lsn lsn);

  Random& random_;
  Options options_;
};

}  // namespace kimdb::engine::test
