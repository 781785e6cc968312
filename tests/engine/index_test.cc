// Indexes: whatever changes, they lead to every document that a filter matches, each once.
#include "engine/index.h"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/index_scan.h"
#include "engine/json_reader.h"
#include "tests/support/random_json.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine::test {

namespace {

using Documents = std::map<std::string, std::string>;  // id to body
IndexDefinition definition(const std::string& fields, bool hash = false) {
  const auto made = make_index_definition("c", fields, fields, false, hash);
  REQUIRE_MESSAGE(made, fields);
  return *made;
}

class IndexedDocuments {
 public:
  IndexedDocuments(Random& random, std::size_t partitions)
      : random_(random), engine_({.partitions = partitions, .hash_seed = random.next()}) {}

  Engine& engine() { return engine_; }
  Lsn lsn() const { return lsn_; }
  const Documents& documents() const { return model_; }
  const IndexList& indexes() const { return indexes_; }

  void change(std::uint64_t ids) {
    const std::string id = "id" + std::to_string(random_.below(ids));
    const std::string key = document_key("c", id);
    Operation operation{.keyspace = kDocuments, .key = key, .hash = engine_.hash(key)};
    std::string value;
    if (model_.contains(id) && random_.below(4) == 0) {
      operation.kind = OperationKind::remove;
      model_.erase(id);
    } else {
      operation.kind = OperationKind::put;
      value =
          encode_document({.version = 1, .body = model_[id] = support::random_object(random_, 3)});
      operation.value = value;
    }
    engine_.apply(++lsn_, operation);
  }

  // Makes one, which is filled later, or drops one.
  void change_indexes() {
    if (!indexes_.empty() && random_.below(3) == 0) {
      const IndexPointer gone = indexes_[random_.below(indexes_.size())];
      gone->retire();
      each([&](Collections& collections) { collections.remove_index(*gone); });
      std::erase(indexes_, gone);
      filled_.erase(gone.get());
      return;
    }
    add_index();
  }
  void add_index() {
    std::string fields;
    for (std::uint64_t i = 1 + random_.below(3); i > 0; --i)
      fields += (fields.empty() ? "" : ",") + std::string(random_.below(3) == 0 ? "-" : "") +
                support::random_name(random_) +
                (random_.below(4) == 0 ? "." + support::random_name(random_) : "") +
                (random_.below(3) == 0 ? ".0" : "");
    indexes_.push_back(std::make_shared<Index>(definition(fields, random_.below(4) == 0)));
    each([&](Collections& collections) { collections.add_index(indexes_.back()); });
    filled_[indexes_.back().get()].resize(engine_.partition_count());
  }
  // Some steps of those that are not complete.
  void fill_some() {
    for (const IndexPointer& index : indexes_) {
      if (index->complete()) continue;
      auto& filled = filled_[index.get()];
      bool complete = true;
      for (std::size_t i = 0; i < engine_.partition_count(); ++i)
        engine_.partition(i).change_indexes(kDocuments, [&](Collections& collections) {
          if (!filled[i].done)
            filled[i].done = collections.fill(*index, filled[i].behind, 1 + random_.below(200));
          complete = complete && filled[i].done;
        });
      if (complete) index->set_complete();
    }
  }

 private:
  template <class Change>
  void each(Change&& change) {
    for (std::size_t i = 0; i < engine_.partition_count(); ++i)
      engine_.partition(i).change_indexes(kDocuments, change);
  }

  Random& random_;
  Engine engine_;
  Documents model_;
  IndexList indexes_;
  struct Filled {
    std::string behind;
    bool done = false;
  };
  std::map<const Index*, std::vector<Filled>> filled_;  // for each partition
  Lsn lsn_ = 0;
};

bool matches(const Filter& filter, const std::string& id, const std::string& body) {
  JsonReader reader;
  JsonElement element;
  std::string shown;
  append_document(shown, id, {.version = 1, .body = body});
  REQUIRE(reader.read(shown, element));
  return filter.matches(element);
}

}  // namespace

TEST_CASE("a scan by an index finds what a filter matches as of its LSN, each once") {
  SeededRandom random(support::test_seed("a scan by an index finds what a filter matches"));
  const support::TestDeadline deadline(4);
  support::RandomFilter filters(random);
  int planned = 0, queries = 0;
  do {
    IndexedDocuments data(random, std::size_t{1} << random.below(3));
    const std::uint64_t ids = 1 + random.below(400);
    for (std::uint64_t i = random.below(3 * ids); i > 0; --i) data.change(ids);
    for (int i = 0; i < 4; ++i) data.change_indexes();
    for (int i = 0; i < 20; ++i) data.fill_some();
    for (int query = 0; query < 40; ++query, ++queries) {
      if (random.below(10) == 0) data.change_indexes();
      data.fill_some();
      const std::string text = filters.filter(1);
      const auto filter = Filter::parse(text);
      REQUIRE(filter);
      std::optional<SortOrder> order;
      if (random.below(2) == 0)
        order = *parse_sort_order((random.below(2) == 0 ? "-" : "") + support::random_name(random));
      const auto plan = plan_by_index(data.indexes(), *filter, order);
      planned += plan.has_value();
      CAPTURE(text);
      CAPTURE(plan ? plan->index->definition().fields : "");
      const ReadView view = data.engine().open_view([&] { return data.lsn(); });
      std::set<std::string> expected, found;
      for (const auto& [id, body] : data.documents())
        if (matches(*filter, id, body)) expected.insert(id);
      if (!plan) continue;
      const auto visit = [&](const Entry& entry) {
        const std::string id(document_id(entry));
        if (matches(*filter, id, std::string(read_document(entry.value()).body))) {
          const bool is_new = found.insert(id).second;
          REQUIRE(is_new);
        }
        return true;
      };
      IndexScan scan(data.engine(), view, *plan);
      while (scan.step(visit)) {
        for (std::uint64_t i = random.below(100); i > 0; --i) data.change(ids);
        if (random.below(4) == 0) data.fill_some();
        if (random.below(30) == 0 && data.indexes().size() < 8) data.add_index();
      }
      REQUIRE(found == expected);
    }
  } while (!deadline.passed());
  CHECK(planned > queries / 10);
}

TEST_CASE("a document's keys are the combinations of its values") {
  const auto keys = [](const std::string& fields, std::string_view body) {
    const auto found = index_keys(definition(fields), body);
    return found ? found->size() : 0;
  };
  CHECK(keys("a", R"({"a":1})") == 1);
  CHECK(keys("a", R"({})") == 1);  // null
  CHECK(keys("a", R"({"a":[1,2,2]})") == 2);
  CHECK(keys("a", R"({"a":[]})") == 1);  // null
  CHECK(keys("a.b", R"({"a":[{"b":1},{"b":2}]})") == 2);
  CHECK(keys("a.b", R"({"a":[{"b":1},{"b":2},{"c":3},4]})") == 3);  // and null
  CHECK(keys("a.0", R"({"a":[7,8]})") == 1);
  CHECK(keys("a.0", R"({"a":[[7],{"0":8}]})") == 2);
  CHECK(keys("a.0.b", R"({"a":[{"b":7}]})") == 2);  // and null: no object in it has a "0"
  CHECK(keys("a,b", R"({"a":[1,2],"b":[3,4]})") == 4);
  std::string many = "[0";
  for (int i = 1; i < 1001; ++i) many += "," + std::to_string(i);
  CHECK(keys("a", "{\"a\":" + many + "]}") == 0);
  const std::string long_text(300'000, 'x');
  CHECK(keys("a", "{\"a\":\"" + long_text + "\"}") == 0);
  CHECK(keys("a", "{\"a\":[" + many.substr(3) + "]}") == 1000);
  // Behind many that are alike there may be others.
  std::string alike;
  for (int i = 0; i < 5000; ++i) alike += "1,";
  CHECK(keys("a", "{\"a\":[" + alike + "2]}") == 2);
}

TEST_CASE("a null in a key is found behind every kind of part") {
  const auto null = [](const std::string& fields, std::string_view body) {
    const IndexDefinition index = definition(fields);
    const auto keys = index_keys(index, body);
    REQUIRE(keys);
    return has_null_part(index, keys->front());
  };
  for (const char* value : {"1", "-2.5", "\"\"", "\"a\\u0000b\"", "true", "false", "{\"x\":1}"}) {
    CAPTURE(value);
    for (const char* fields : {"a,b", "-a,b", "a,-b", "-a,-b"}) {
      CHECK(null(fields, "{\"a\":" + std::string(value) + "}"));
      CHECK_FALSE(null(fields, "{\"a\":" + std::string(value) + ",\"b\":2}"));
    }
  }
}

TEST_CASE("definitions come back as they were written") {
  for (const bool unique : {false, true}) {
    const auto made = make_index_definition("c", "n/1", "a.b,-c", unique, false);
    REQUIRE(made);
    const auto read = read_index(index_key(*made), encode_index(*made));
    REQUIRE(read);
    CHECK(read->collection == "c");
    CHECK(read->name == "n/1");
    CHECK(read->fields == "a.b,-c");
    CHECK(read->unique == unique);
  }
  CHECK(!read_index("no name", "x"));
  CHECK(!make_index_definition("c", "n", "", false, false));
  CHECK(!make_index_definition("c", "n", "a,,b", false, false));
  CHECK(!make_index_definition("c", "n", "_version", false, false));
  CHECK(!make_index_definition("c", "n", "a", true, true));
  CHECK(!make_index_definition("c", "n", "a,b,c,d,e,f,g,h,i", false, false));
}

}  // namespace kimdb::engine::test
