// Readers of older states, against a model of every state there was.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "tests/engine/model.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine::test {

namespace {

std::size_t versions_kept(Engine& engine) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < engine.partition_count(); ++i) {
    MutexLock lock(engine.partition(i).mutex());
    sum += engine.partition(i).undo().size();
  }
  return sum;
}

Model entries_of(Model model) {
  model.clients.clear();
  return model;
}

// The locks of the partitions that a record touches, in ascending order.
class PartitionLocks {
 public:
  PartitionLocks(Engine& engine, std::set<std::size_t> partitions) NO_THREAD_SAFETY_ANALYSIS
      : engine_(engine),
        partitions_(std::move(partitions)) {
    for (const std::size_t index : partitions_) engine_.partition(index).mutex().lock();
  }
  ~PartitionLocks() NO_THREAD_SAFETY_ANALYSIS {
    for (const std::size_t index : partitions_) engine_.partition(index).mutex().unlock();
  }
  PartitionLocks(const PartitionLocks&) = delete;
  PartitionLocks& operator=(const PartitionLocks&) = delete;

 private:
  Engine& engine_;
  std::set<std::size_t> partitions_;
};

// Every key that ever was, asked for with find_at() and, together, with Engine::find(), in the
// place of walking.
void check_find_at(Engine& engine, const ReadView& view, const Model& expected,
                   const std::set<Model::Key>& keys) {
  std::map<std::uint8_t, std::vector<KeyLookup>> lookups;
  for (const auto& [keyspace, key] : keys) lookups[keyspace].push_back({.key = key});
  for (auto& [keyspace, together] : lookups) {
    engine.find(keyspace, view, together);
    for (const KeyLookup& lookup : together) {
      const auto found = expected.entries.find({keyspace, lookup.key});
      REQUIRE((lookup.entry != nullptr) == (found != expected.entries.end()));
      if (lookup.entry != nullptr) REQUIRE(lookup.entry->lsn() == found->second.lsn);
    }
  }
  for (const auto& [keyspace, key] : keys) {
    const std::uint64_t hash = engine.hash(key);
    Partition& partition = engine.partition_of(hash);
    MutexLock lock(partition.mutex());
    const Entry* entry = partition.find_at(keyspace, key, hash, view.lsn());
    const auto found = expected.entries.find({keyspace, key});
    REQUIRE((entry != nullptr) == (found != expected.entries.end()));
    if (entry == nullptr) continue;
    REQUIRE(entry->lsn() == found->second.lsn);
    REQUIRE(entry->value() == found->second.bytes);
    REQUIRE(entry->expires_at() == found->second.expires_at);
  }
}

void check_counters(Engine& engine, const Model& expected) {
  std::map<std::uint8_t, std::size_t> size, expiring, found_size, found_expiring;
  for (const auto& [key, value] : expected.entries) {
    ++size[key.first];
    expiring[key.first] += value.expires_at != 0;
  }
  for (std::uint8_t keyspace = 0; keyspace < kKeyspaces; ++keyspace) {
    for (std::size_t i = 0; i < engine.partition_count(); ++i) {
      found_size[keyspace] += engine.partition(i).size(keyspace);
      found_expiring[keyspace] += engine.partition(i).expiring(keyspace);
    }
    REQUIRE(found_size[keyspace] == size[keyspace]);
    REQUIRE(found_expiring[keyspace] == expiring[keyspace]);
  }
}

// What expires is what the model says, in the end; changes nothing.
void check_expiry(Engine& engine, const Model& expected) {
  std::int64_t earliest = INT64_MAX, found = INT64_MAX;
  for (const auto& [key, value] : expected.entries)
    if (value.expires_at != 0) earliest = std::min(earliest, value.expires_at);
  for (std::size_t i = 0; i < engine.partition_count(); ++i)
    if (const auto expired = engine.partition(i).next_expired(earliest))
      found = std::min(found, expired->entry->expires_at());
  REQUIRE(found == earliest);
}

void apply_somehow(Engine& engine, Random& random, Lsn lsn, const std::string& record) {
  if (random.below(2) == 0)
    apply_transaction(engine, lsn, record);
  else
    apply_record(engine, lsn, record);
}

}  // namespace

TEST_CASE("a reader sees the state at its LSN, whatever is written after it") {
  SeededRandom random(support::test_seed("a reader sees the state at its LSN"));
  const support::TestDeadline deadline(4);
  do {
    Engine engine({.partitions = std::size_t{1} << random.below(4), .hash_seed = random.next()});
    RecordMaker maker(random, {});
    Model model;
    std::list<std::pair<ReadView, Model>> readers;
    std::set<Model::Key> keys;
    Lsn lsn = 0;
    for (int step = 0; step < 1500; ++step) {
      const std::string record = maker.next(model, ++lsn);
      for (const auto& [key, value] : model.entries) keys.insert(key);
      apply_somehow(engine, random, lsn, record);
      if (random.below(40) == 0 && readers.size() < 5)
        readers.emplace_back(engine.open_view([&] { return lsn; }), entries_of(model));
      if (!readers.empty() && random.below(100) == 0)
        readers.erase(std::next(readers.begin(), static_cast<int>(random.below(readers.size()))));
      if (random.below(50) == 0) {
        for (const auto& [view, expected] : readers) {
          REQUIRE(difference(expected, state_at(engine, view)) == "");
          check_find_at(engine, view, expected, keys);
        }
      }
    }
    REQUIRE(difference(model, state_of(engine)) == "");
    check_counters(engine, model);
    check_expiry(engine, model);
    readers.clear();
    engine.prune();
    REQUIRE(versions_kept(engine) == 0);
  } while (!deadline.passed());
}

TEST_CASE("without readers nothing is kept") {
  SeededRandom random(support::test_seed("without readers nothing is kept"));
  Engine engine({.partitions = 4, .hash_seed = random.next()});
  RecordMaker maker(random, {});
  Model model;
  for (Lsn lsn = 1; lsn < 3000; ++lsn) {
    apply_somehow(engine, random, lsn, maker.next(model, lsn));
    REQUIRE(versions_kept(engine) == 0);
  }
  CHECK(difference(model, state_of(engine)) == "");
}

TEST_CASE("readers see whole states while writers run") {
  const std::uint64_t seed = support::test_seed("readers see whole states while writers run");
  const support::TestDeadline deadline(3);
  SeededRandom seeds(seed);
  do {
    constexpr int kWriters = 3;
    Engine engine({.partitions = 8, .hash_seed = seeds.next()});
    std::atomic<Lsn> last_lsn{0};
    std::atomic<int> running{kWriters};
    // Each writer has keys of its own, so the records of all, in the order of their LSNs, make the
    // history.
    std::array<std::map<Lsn, std::string>, kWriters> written;
    std::vector<std::thread> threads;
    for (int writer = 0; writer < kWriters; ++writer) {
      threads.emplace_back([&, writer, writer_seed = seeds.next()] {
        SeededRandom random(writer_seed);
        RecordMaker maker(random, {.keys = 40,
                                   .clients = 0,
                                   .prefix = "w" + std::to_string(writer) + "-",
                                   .flushes = false});
        Model model;
        for (int i = 0; i < 2000; ++i) {
          // The record says nothing that depends on its LSN but `replaces`, which nobody reads
          // here.
          const std::string record = maker.next(model, static_cast<Lsn>(i) + 1);
          const auto operations = operations_of(engine, record);
          std::set<std::size_t> partitions;
          for (const Operation& operation : operations)
            partitions.insert(engine.partition_index(operation.hash));
          const PartitionLocks locks(engine, std::move(partitions));
          if (random.below(2) == 0) {
            for (const Operation& operation : operations) engine.apply(kOwnRecord, operation);
            const Lsn lsn = ++last_lsn;
            for (const Operation& operation : operations) engine.settle(lsn, operation);
            written[static_cast<std::size_t>(writer)][lsn] = record;
          } else {
            const Lsn lsn = ++last_lsn;
            for (const Operation& operation : operations) engine.apply(lsn, operation);
            written[static_cast<std::size_t>(writer)][lsn] = record;
          }
        }
        --running;
      });
    }
    std::mutex mutex;
    std::vector<std::pair<Lsn, Model>> seen;
    for (int reader = 0; reader < 2; ++reader) {
      threads.emplace_back([&] {
        while (running > 0) {
          const ReadView view = engine.open_view([&] { return last_lsn.load(); });
          Model first = state_at(engine, view);
          const Model second = state_at(engine, view);  // later writes change nothing
          const std::lock_guard lock(mutex);
          if (!(first == second)) seen.emplace_back(~Lsn{0}, Model());
          seen.emplace_back(view.lsn(), std::move(first));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();

    std::map<Lsn, std::string> history;
    for (auto& part : written) history.merge(part);
    std::sort(seen.begin(), seen.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    Model model;
    auto record = history.begin();
    for (const auto& [lsn, state] : seen) {
      REQUIRE(lsn <= last_lsn);
      for (; record != history.end() && record->first <= lsn; ++record)
        model.apply(record->first, record->second);
      REQUIRE(difference(model, state) == "");
    }
    engine.prune();
    REQUIRE(versions_kept(engine) == 0);
  } while (!deadline.passed());
}

}  // namespace kimdb::engine::test
