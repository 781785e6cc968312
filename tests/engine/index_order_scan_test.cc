#include "engine/index_order_scan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/key_order_scan.h"
#include "engine/row_key.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine {

namespace {

// Rows "key:…" in an index of their keys, each changed under its partition's lock.
class IndexedRows {
 public:
  IndexedRows(Random& random, std::size_t partitions)
      : engine_({.partitions = partitions, .hash_seed = random.next()}) {
    IndexDefinition definition;
    definition.keyspace = kRows;
    definition.collection = prefix_;
    definition.name = "i";
    definition.row_keys = [](std::string_view row) {
      return std::vector<std::string>{index_key_of(row)};
    };
    index_ = std::make_shared<Index>(std::move(definition));
    for (std::size_t i = 0; i < engine_.partition_count(); ++i)
      engine_.partition(i).change_indexes(
          kRows, [&](Collections& collections) { collections.add_index(index_); });
    index_->set_complete();
  }

  Engine& engine() { return engine_; }
  const Index& index() const { return *index_; }
  const std::string& prefix() const { return prefix_; }

  static std::string index_key_of(std::string_view row) {
    return std::string(row.substr(0, row.find(':')));
  }
  void change(Random& random, std::uint64_t rows, std::uint64_t keys) {
    std::string key = random.below(8) == 0 ? row_prefix(8) : prefix_;
    append_row_key_part(key, SqlValue::text("r" + std::to_string(random.below(rows))));
    const std::string value =
        std::to_string(random.below(keys)) + ":" + std::to_string(random.below(100));
    Operation operation{.kind = OperationKind::put,
                        .keyspace = kRows,
                        .key = key,
                        .value = value,
                        .hash = engine_.hash(kRows, key)};
    Partition& partition = engine_.partition_of(operation.hash);
    MutexLock lock(partition.mutex());
    if (random.below(4) == 0 && partition.find(kRows, key, operation.hash) != nullptr)
      operation = {
          .kind = OperationKind::remove, .keyspace = kRows, .key = key, .hash = operation.hash};
    else if (operation.kind == OperationKind::remove)
      return;
    engine_.apply(++lsn_, operation);
  }
  ReadView open_view() {
    return engine_.open_view([&] { return lsn_.load(); });
  }

  using Rows = std::vector<std::pair<std::string, std::string>>;  // keys and rows
  // What a scan in the order of keys finds, sorted by the index.
  Rows expected(const ReadView& view, const KeyRange& range, bool backwards,
                std::uint64_t divisor) {
    Rows rows;
    KeyOrderScan scan(engine_, view, kRows, prefix_, "", "", false);
    while (scan.step([](const Entry&) { return true; },
                     [&](const Entry& entry) {
                       const std::string key = index_key_of(entry.value());
                       if (key >= range.begin && (range.end.empty() || key < range.end) &&
                           entry.value().size() % divisor == 0)
                         rows.emplace_back(entry.key(), entry.value());
                     })) {
    }
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
      return std::pair(index_key_of(a.second), a.first) <
             std::pair(index_key_of(b.second), b.first);
    });
    if (backwards) std::reverse(rows.begin(), rows.end());
    return rows;
  }

 private:
  const std::string prefix_ = row_prefix(7);
  Engine engine_;
  IndexPointer index_;
  std::atomic<Lsn> lsn_ = 0;
};

// What a scan finds, between whose steps something is done.
template <class Between>
void check_scan(IndexedRows& data, Random& random, std::uint64_t keys, Between&& between) {
  const ReadView view = data.open_view();
  KeyRange range;
  if (random.below(2) == 0) range.begin = std::to_string(random.below(keys));
  if (random.below(2) == 0) range.end = std::to_string(random.below(keys));
  const bool backwards = random.below(2) == 0;
  const std::uint64_t divisor = 1 + random.below(3);
  IndexedRows::Rows found;
  IndexOrderScan scan(data.engine(), view, data.index(), range, backwards);
  while (scan.step([&](const Entry& entry) { return entry.value().size() % divisor == 0; },
                   [&](std::string_view key, const Entry& entry) {
                     CHECK(key == IndexedRows::index_key_of(entry.value()));
                     found.emplace_back(entry.key(), entry.value());
                   }))
    between();
  REQUIRE(found == data.expected(view, range, backwards, divisor));
}

}  // namespace

TEST_CASE("a scan in the order of an index shows each row of its LSN once, whatever changes") {
  SeededRandom random(support::test_seed("a scan in the order of an index"));
  const support::TestDeadline deadline(3);
  do {
    IndexedRows data(random, std::size_t{1} << random.below(4));
    const std::uint64_t rows = 1 + random.below(2000);
    const std::uint64_t keys = 1 + random.below(random.below(2) == 0 ? 5 : 1000);
    for (std::uint64_t i = random.below(3 * rows); i > 0; --i) data.change(random, rows, keys);
    // Changes between the opening of the older view and the newer scans, too.
    const ReadView older = data.open_view();
    const std::uint64_t changes = random.below(400);
    for (int i = 0; i < 3; ++i)
      check_scan(data, random, keys, [&] {
        for (std::uint64_t j = random.below(changes + 1); j > 0; --j)
          data.change(random, rows, keys);
      });
  } while (!deadline.passed());
}

TEST_CASE("a scan in the order of an index shows one state while others write") {
  SeededRandom random(support::test_seed("a scan in the order of an index, while others write"));
  const support::TestDeadline deadline(3);
  do {
    IndexedRows data(random, 4);
    const std::uint64_t rows = 1 + random.below(1000), keys = 1 + random.below(300);
    for (std::uint64_t i = 2 * rows; i > 0; --i) data.change(random, rows, keys);
    std::atomic<bool> done = false;
    std::vector<std::thread> writers;
    for (int i = 0; i < 2; ++i)
      writers.emplace_back([&, seed = random.next()] {
        SeededRandom own(seed);
        while (!done) data.change(own, rows, keys);
      });
    for (int i = 0; i < 10; ++i) check_scan(data, random, keys, [] {});
    done = true;
    for (std::thread& writer : writers) writer.join();
  } while (!deadline.passed());
}

}  // namespace kimdb::engine
