#include "engine/collection_scan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/key_order_scan.h"
#include "engine/ordered_bytes.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine {

namespace {

using Documents = std::map<std::string, std::string>;  // id to value

// An engine whose documents are changed at random, and what must be in it.
class ChangingDocuments {
 public:
  ChangingDocuments(Random& random, std::size_t partitions)
      : random_(random), engine_({.partitions = partitions, .hash_seed = random.next()}) {}

  Engine& engine() { return engine_; }
  Lsn lsn() const { return lsn_; }
  const Documents& documents(const std::string& collection) { return model_[collection]; }
  const std::map<std::string, Documents>& model() const { return model_; }

  void change(std::uint64_t ids) {
    const std::string collection = random_.below(3) == 0 ? "other" : "users";
    const std::string id = "id" + std::to_string(random_.below(ids));
    const std::string key = document_key(collection, id);
    Documents& documents = model_[collection];
    const bool there = documents.contains(id);
    const std::string value =
        encode_document({.version = 1, .body = "{\"n\":" + std::to_string(lsn_) + "}"});
    Operation operation{.kind = OperationKind::put,
                        .keyspace = kDocuments,
                        .key = key,
                        .value = value,
                        .hash = engine_.hash(key)};
    if (there && random_.below(3) == 0) {
      operation.kind = OperationKind::remove;
      documents.erase(id);
    } else {
      documents[id] = value;
    }
    ++lsn_;
    // Sometimes as a transaction does it: the LSN comes last.
    if (random_.below(4) == 0) {
      engine_.apply(kOwnRecord, operation);
      engine_.settle(lsn_, operation);
    } else {
      engine_.apply(lsn_, operation);
    }
  }

  void remove_all() {
    for (auto& [collection, documents] : model_) {
      for (const auto& [id, value] : documents) {
        const std::string key = document_key(collection, id);
        engine_.apply(++lsn_, {.kind = OperationKind::remove,
                               .keyspace = kDocuments,
                               .key = key,
                               .hash = engine_.hash(key)});
      }
      documents.clear();
    }
  }

 private:
  Random& random_;
  Engine engine_;
  std::map<std::string, Documents> model_;
  Lsn lsn_ = 0;
};

// Adds what one step visits; false at the end.
bool step(CollectionScan& scan, Documents& found) {
  return scan.step([&](const Entry& entry) {
    const bool is_new =
        found.emplace(std::string(document_id(entry)), std::string(entry.value())).second;
    REQUIRE(is_new);
    return true;
  });
}

}  // namespace

TEST_CASE("a scan shows each document of its LSN once, whatever changes meanwhile") {
  SeededRandom random(support::test_seed("a scan shows each document of its LSN once"));
  const support::TestDeadline deadline(3);
  do {
    ChangingDocuments data(random, std::size_t{1} << random.below(3));
    const std::uint64_t ids = 1 + random.below(3000);
    for (std::uint64_t i = random.below(3 * ids); i > 0; --i) data.change(ids);
    const ReadView view = data.engine().open_view([&] { return data.lsn(); });
    const Documents expected = data.documents("users");
    CollectionScan scan(data.engine(), view, kDocuments, "users");
    std::string behind;
    if (random.below(3) == 0) {
      behind = "id" + std::to_string(random.below(ids));
      scan.begin_behind(document_key("users", behind));
    }
    Documents found;
    for (bool more = true; more; more = step(scan, found))
      for (std::uint64_t i = random.below(600); i > 0; --i) data.change(ids);
    REQUIRE(found == Documents(expected.upper_bound(behind), expected.end()));
  } while (!deadline.passed());
}

TEST_CASE("a scan in the order of keys shows the same, whatever changes meanwhile") {
  SeededRandom random(support::test_seed("a scan in the order of keys"));
  const support::TestDeadline deadline(3);
  std::size_t visited = 0, scans = 0;
  do {
    ChangingDocuments data(random, std::size_t{1} << random.below(4));
    const std::uint64_t ids = 1 + random.below(3000);
    for (std::uint64_t i = random.below(3 * ids); i > 0; --i) data.change(ids);
    const ReadView view = data.engine().open_view([&] { return data.lsn(); });
    const auto key_of = [&](const std::string& id) { return document_key("users", id); };
    const auto bound = [&] { return "id" + std::to_string(random.below(ids)); };
    const std::string begin = random.below(2) == 0 ? bound() : "",
                      end = random.below(2) == 0 ? bound() : "";
    const bool backwards = random.below(2) == 0;
    // Not all of them are wanted.
    const std::uint64_t divisor = 1 + random.below(3);
    const auto wanted = [&](std::string_view value) { return value.size() % divisor == 0; };
    std::vector<std::pair<std::string, std::string>> expected, found;
    for (const auto& [id, value] : data.documents("users"))
      if (id >= begin && (end.empty() || id < end) && wanted(value))
        expected.emplace_back(id, value);
    if (backwards) std::reverse(expected.begin(), expected.end());
    KeyOrderScan scan(data.engine(), view, kDocuments, "users", key_of(begin),
                      end.empty() ? behind_all(key_of("")) : key_of(end), backwards);
    const std::uint64_t changes = random.below(600);
    const auto step = [&] {
      return scan.step([&](const Entry& entry) { return wanted(entry.value()); },
                       [&](const Entry& entry) {
                         found.emplace_back(std::string(document_id(entry)),
                                            std::string(entry.value()));
                       });
    };
    while (step())
      for (std::uint64_t i = random.below(changes + 1); i > 0; --i) data.change(ids);
    REQUIRE(found == expected);
    visited += found.size();
    ++scans;
  } while (!deadline.passed());
  CHECK(visited > scans);
}

TEST_CASE("who holds all locks scans what is current, its own changes included") {
  SeededRandom random(1);
  ChangingDocuments data(random, 4);
  for (int i = 0; i < 2000; ++i) data.change(700);
  const std::string key = document_key("users", "own");
  data.engine().apply(kOwnRecord, {.kind = OperationKind::put,
                                   .keyspace = kDocuments,
                                   .key = key,
                                   .value = "own",
                                   .hash = data.engine().hash(key)});
  Documents expected = data.documents("users"), found;
  expected["own"] = "own";
  CollectionScan scan(data.engine(), kDocuments, "users");
  while (step(scan, found)) {
  }
  CHECK(found == expected);
}

TEST_CASE("a scan that has enough of a partition goes on with the next one") {
  SeededRandom random(2);
  ChangingDocuments data(random, 4);
  for (int i = 0; i < 5000; ++i) data.change(2000);
  const ReadView view = data.engine().open_view([&] { return data.lsn(); });
  CollectionScan scan(data.engine(), view, kDocuments, "users");
  std::size_t visited = 0;
  while (scan.step([&](const Entry&) {
    ++visited;
    return false;
  })) {
  }
  CHECK(visited == 4);
}

TEST_CASE("collections count what is in them, and leave nothing behind") {
  SeededRandom random(support::test_seed("collections count what is in them"));
  ChangingDocuments data(random, 4);
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 1000; ++i) data.change(500);
    std::map<std::string, std::size_t> counts, bytes, model_counts, model_bytes;
    for (std::size_t i = 0; i < data.engine().partition_count(); ++i)
      data.engine()
          .partition(i)
          .collections(kDocuments)
          .for_each([&](std::string_view name, const Collection& collection) {
            counts[std::string(name)] += collection.entries().size();
            bytes[std::string(name)] += collection.bytes();
          });
    for (const auto& [name, documents] : data.model())
      for (const auto& [id, value] : documents) {
        ++model_counts[name];
        model_bytes[name] += name.size() + 1 + id.size() + value.size();
      }
    REQUIRE(counts == model_counts);
    REQUIRE(bytes == model_bytes);
  }
  data.remove_all();
  for (std::size_t i = 0; i < data.engine().partition_count(); ++i)
    CHECK(data.engine().partition(i).collections(kDocuments).memory() == 0);
}

}  // namespace kimdb::engine
