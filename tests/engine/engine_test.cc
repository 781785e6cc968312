#include "engine/engine.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/engine/model.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine::test {

TEST_CASE("records applied live, as transactions and by restore() give the model's state") {
  SeededRandom random(support::test_seed("records applied live, as transactions and by restore"));
  for (int round = 0; round < 20; ++round) {
    const std::size_t partitions = std::size_t{1} << random.below(13);
    Engine live({.partitions = partitions, .hash_seed = random.next()});
    Engine transactions({.partitions = 8, .hash_seed = random.next()});
    Engine restored({.partitions = 1, .hash_seed = random.next()});
    RecordMaker maker(random, {.operations_max = 5});
    Model model;
    for (Lsn lsn = 1; lsn <= 1000; ++lsn) {
      const std::string record = maker.next(model, lsn);
      apply_record(live, lsn, record);
      apply_transaction(transactions, lsn, record);
      REQUIRE(restored.restore(lsn, record).has_value());
    }
    REQUIRE(difference(model, state_of(live)) == "");
    REQUIRE(difference(model, state_of(transactions)) == "");
    REQUIRE(difference(model, state_of(restored)) == "");
    REQUIRE(live.digest() == transactions.digest());
    REQUIRE(live.digest() == restored.digest());
  }
}

TEST_CASE("a state that takes another one's place is that one, and goes on from there") {
  SeededRandom random(support::test_seed("a state that takes another one's place"));
  for (int round = 0; round < 20; ++round) {
    const EngineOptions options{.partitions = 8, .hash_seed = random.next()};
    Engine engine(options);
    auto copy = std::make_unique<Engine>(options);
    RecordMaker old_maker(random, {}), maker(random, {});
    Model old_model, model;
    for (Lsn lsn = 1; lsn <= 300; ++lsn) apply_record(engine, lsn, old_maker.next(old_model, lsn));
    for (Lsn lsn = 1; lsn <= 500; ++lsn)
      REQUIRE(copy->restore(lsn, maker.next(model, lsn)).has_value());
    const std::int64_t memory = copy->memory();
    engine.replace_state(std::move(copy), 500).reset();
    REQUIRE(difference(model, state_of(engine)) == "");
    CHECK(engine.memory() == memory);
    for (std::size_t i = 0; i < engine.partition_count(); ++i) {
      CHECK(engine.partition(i).last_lsn() == 500);
      CHECK(engine.partition(i).last_removed_lsn() == 500);
    }
    for (Lsn lsn = 501; lsn <= 800; ++lsn) apply_record(engine, lsn, maker.next(model, lsn));
    REQUIRE(difference(model, state_of(engine)) == "");
  }
}

TEST_CASE("a view keeps what it found when the state is replaced, and knows that it is outdated") {
  const EngineOptions options{.partitions = 2, .hash_seed = 1};
  Engine engine(options);
  std::string record;
  append_encoded(record, {.key = "a", .value = "old"});
  apply_record(engine, 7, record);
  const auto find = [&] {
    Partition& partition = engine.partition_of(engine.hash("a"));
    return partition.find(0, "a", engine.hash("a"));
  };
  {
    const ReadView view = engine.open_view([] { return Lsn{7}; });
    const Entry* entry = find();
    CHECK_FALSE(view.is_outdated());
    std::vector<KeyLookup> lookups(1);
    lookups[0].key = "a";
    engine.find(0, view, lookups);
    CHECK(lookups[0].entry == entry);
    auto copy = std::make_unique<Engine>(options);
    record.clear();
    append_encoded(record, {.key = "a", .value = "new"});
    REQUIRE(copy->restore(3, record).has_value());
    engine.replace_state(std::move(copy), 3).reset();
    CHECK(view.is_outdated());
    engine.find(0, view, lookups);
    CHECK(lookups[0].entry == nullptr);
    CHECK(entry->value() == "old");
    CHECK(find()->value() == "new");
    CHECK_FALSE(engine.open_view([] { return Lsn{3}; }).is_outdated());
  }
  CHECK(find()->value() == "new");
}

TEST_CASE("a transaction without readers leaves no trace of not having had its LSN") {
  Engine engine({.partitions = 2, .hash_seed = 1});
  std::string record;
  append_encoded(record, {.key = "a", .value = "1"});
  append_encoded(record, {.kind = OperationKind::remove, .key = "a"});
  append_encoded(record, {.key = "b", .value = "1"});
  append_encoded(record, {.kind = OperationKind::request, .number = 1, .key = "c", .value = "r"});
  apply_transaction(engine, 7, record);
  for (const char* key : {"a", "b", "c"}) {
    const Partition& partition = engine.partition_of(engine.hash(key));
    CHECK(partition.last_lsn() == 7);
    CHECK(partition.last_removed_lsn() <= 7);
  }
  CHECK(engine.partition_of(engine.hash("a")).last_removed_lsn() == 7);
  CHECK(state_of(engine).entries.at({0, "b"}).lsn == 7);
  CHECK(engine.partition_of(engine.hash("c")).requests().find("c", 1).result->lsn == 7);
}

TEST_CASE("the digest depends on content alone: not on order, seed, partitions or LSNs") {
  SeededRandom random(support::test_seed("the digest depends on content alone"));
  std::vector<Operation> operations;
  std::vector<std::string> keys(500);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i] = "key" + std::to_string(i);
    operations.push_back({.keyspace = static_cast<std::uint8_t>(i % 3),
                          .expires_at = i % 5 == 0 ? 1000 + static_cast<std::int64_t>(i) : 0,
                          .key = keys[i],
                          .value = keys[i / 2]});
  }
  const auto digest_of = [&](const std::vector<Operation>& content) {
    Engine engine({.partitions = std::size_t{1} << random.below(7), .hash_seed = random.next()});
    Lsn lsn = random.below(1000);
    for (Operation operation : content) {
      operation.hash = engine.hash(operation.key);
      engine.apply(++lsn, operation);
    }
    return engine.digest();
  };
  const std::uint64_t digest = digest_of(operations);
  for (int i = 0; i < 10; ++i) {
    std::swap(operations[random.below(500)], operations[random.below(500)]);
    REQUIRE(digest_of(operations) == digest);
  }
  auto changed = operations;
  changed[7].value = "other";
  CHECK(digest_of(changed) != digest);
  changed = operations;
  changed[7].expires_at = 1;
  CHECK(digest_of(changed) != digest);
  changed = operations;
  changed[7].keyspace = 9;
  CHECK(digest_of(changed) != digest);
  changed = operations;
  changed.pop_back();
  CHECK(digest_of(changed) != digest);
  changed = operations;  // the values of two keys exchanged
  std::swap(changed[7].value, changed[407].value);
  CHECK(digest_of(changed) != digest);
}

TEST_CASE("memory() rises with what is stored and falls back when it is gone") {
  Engine engine({.partitions = 8, .hash_seed = 1});
  const auto empty = engine.memory();
  const std::string value(64, 'v');
  Lsn lsn = 0;
  const auto apply = [&](Operation operation) {
    operation.hash = engine.hash(operation.key);
    engine.apply(++lsn, operation);
  };
  for (int i = 0; i < 100000; ++i) {
    char key[17];
    std::snprintf(key, sizeof key, "key:%012d", i);
    apply({.expires_at = i % 10 == 0 ? 5000 : 0, .key = key, .value = value});
  }
  CHECK(engine.memory() > 100000 * (96 + 9));
  CHECK(engine.memory() < 100000 * 118);
  {
    const ReadView view = engine.open_view([&] { return lsn; });
    for (int i = 0; i < 100000; ++i) {
      char key[17];
      std::snprintf(key, sizeof key, "key:%012d", i);
      apply({.kind = OperationKind::remove, .key = key});
    }
    CHECK(engine.memory() > 100000 * 96);  // the reader's
  }
  engine.prune();
  CHECK(engine.memory() == empty);
}

TEST_CASE("restore() leaves alone what a later record wrote") {
  Engine engine({.partitions = 2, .hash_seed = 1});
  const auto restore = [&](Lsn lsn, const Operation& operation) {
    std::string record;
    append_encoded(record, operation);
    REQUIRE(engine.restore(lsn, record).has_value());
  };
  restore(10, {.key = "k", .value = "later"});
  restore(5, {.key = "k", .value = "earlier"});
  restore(6, {.kind = OperationKind::set_expiry, .expires_at = 1000, .key = "k"});
  restore(7, {.kind = OperationKind::write_range, .key = "k", .value = "E"});
  restore(8, {.kind = OperationKind::remove, .key = "k"});
  restore(8, {.key = "other", .value = "v"});
  restore(9, {.kind = OperationKind::flush, .keyspace = kEveryKeyspace});
  const Model state = state_of(engine);
  CHECK(state.entries.size() == 1);
  CHECK(state.entries.at({0, "k"}) == Model::Value{"later", 0, 10});
  restore(11, {.kind = OperationKind::flush, .keyspace = 0});
  CHECK(state_of(engine).entries.empty());
}

TEST_CASE("a record that cannot be read is an error") {
  Engine engine({.partitions = 2, .hash_seed = 1});
  std::string record;
  append_encoded(record, {.key = "k", .value = "v"});
  CHECK(engine.restore(1, record).has_value());
  CHECK_FALSE(engine.restore(2, record + "\x01").has_value());
  CHECK_FALSE(engine.restore(3, "\x63").has_value());
}

TEST_CASE("the oldest reader holds the horizon back") {
  Engine engine({.partitions = 2, .hash_seed = 1});
  CHECK(engine.horizon() == ~Lsn{0});
  {
    const ReadView first = engine.open_view([] { return Lsn{10}; });
    ReadView second = engine.open_view([] { return Lsn{12}; });
    CHECK(engine.horizon() == 10);
    const ReadView moved = std::move(second);
    CHECK(moved.lsn() == 12);
    CHECK(engine.horizon() == 10);
  }
  CHECK(engine.horizon() == ~Lsn{0});
}

}  // namespace kimdb::engine::test
