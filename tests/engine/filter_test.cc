#include "engine/filter.h"

#include <doctest/doctest.h>

#include <string>

#include "base/random.h"
#include "tests/support/mongo_reference.h"
#include "tests/support/random_json.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine::test {

namespace {

bool matches(std::string_view filter, std::string_view document) {
  const auto parsed = Filter::parse(filter);
  REQUIRE_MESSAGE(parsed, std::string(filter));
  JsonReader reader;
  JsonElement element;
  REQUIRE(reader.read(document, element));
  return parsed->matches(element);
}

std::string problem(std::string_view filter) {
  const auto parsed = Filter::parse(filter);
  return parsed ? "" : parsed.error().message;
}

}  // namespace

TEST_CASE("conditions hold as docs/documents.md says") {
  const char* kim = R"({"name":"Kim","age":30,"tags":["x","y"],"n":null,"address":{"city":"Bern"},)"
                    R"("items":[{"sku":"a","n":2},{"sku":"b","n":7}]})";
  for (const char* filter : {R"({})",
                             R"({"name":"Kim"})",
                             R"({"age":{"$gte":30,"$lt":31}})",
                             R"({"tags":"x"})",
                             R"({"tags":["x","y"]})",
                             R"({"tags":{"$size":2}})",
                             R"({"tags":{"$all":["y","x"]}})",
                             R"({"address.city":"Bern"})",
                             R"({"address":{"city":"Bern"}})",
                             R"({"n":null})",
                             R"({"missing":null})",
                             R"({"missing":{"$exists":false}})",
                             R"({"n":{"$exists":true}})",
                             R"({"items.sku":"b"})",
                             R"({"items.0.sku":"a"})",
                             R"({"tags.1":"y"})",
                             R"({"items":{"$elemMatch":{"sku":"b","n":{"$gt":5}}}})",
                             R"({"name":{"$regex":"^k","$options":"i"}})",
                             R"({"name":{"$in":["Lee","Kim"]}})",
                             R"({"name":{"$ne":"Lee"}})",
                             R"({"missing":{"$ne":1}})",
                             R"({"age":{"$not":{"$gt":30}}})",
                             R"({"$or":[{"age":1},{"name":"Kim"}]})",
                             R"({"$nor":[{"age":1},{"name":"Lee"}]})"})
    CHECK_MESSAGE(matches(filter, kim), filter);
  for (const char* filter :
       {R"({"name":"kim"})", R"({"age":"30"})", R"({"age":{"$gt":30}})", R"({"tags":"z"})",
        R"({"tags":["y","x"]})", R"({"tags":{"$size":1}})", R"({"tags":{"$all":["x","z"]}})",
        R"({"items":{"$elemMatch":{"sku":"a","n":{"$gt":5}}}})", R"({"items.0.sku":"b"})",
        R"({"name":{"$gt":5}})", R"({"name":{"$regex":"^i"}})", R"({"missing":{"$gt":0}})",
        R"({"age":{"$nin":[30]}})", R"({"name":"Kim","age":31})", R"({"$nor":[{"age":30}]})"})
    CHECK_MESSAGE(!matches(filter, kim), filter);
}

TEST_CASE("paths and arrays mean what they mean to MongoDB") {
  struct Case {
    const char* filter;
    const char* document;
    bool matches;
  };
  const Case cases[] = {
      // null, and what is not there (MongoDB's manual: Query for Null or Missing Fields).
      {R"({"a":null})", R"({})", true},
      {R"({"a":null})", R"({"a":null})", true},
      {R"({"a":null})", R"({"a":0})", false},
      {R"({"a":null})", R"({"a":[]})", false},
      {R"({"a":null})", R"({"a":[null]})", true},
      {R"({"a":null})", R"({"a":[[null]]})", false},
      {R"({"a.b":null})", R"({})", true},
      {R"({"a.b":null})", R"({"a":null})", true},
      {R"({"a.b":null})", R"({"a":5})", true},
      {R"({"a.b":null})", R"({"a":{}})", true},
      {R"({"a.b":null})", R"({"a":{"b":4}})", false},
      {R"({"a.b":null})", R"({"a":[{}]})", true},
      {R"({"a.b":null})", R"({"a":[{"b":1},{}]})", true},
      {R"({"a.b":null})", R"({"a":[{"b":1},{"b":2}]})", false},
      {R"({"a.b":null})", R"({"a":[]})", false},
      {R"({"a.b":null})", R"({"a":[null]})", false},
      {R"({"a.b":null})", R"({"a":[1,2]})", false},
      {R"({"a.b":null})", R"({"a":[[{}]]})", false},
      {R"({"a.b.c":null})", R"({"a":[{"b":[]}]})", false},
      {R"({"a.b.c":null})", R"({"a":[{"b":3}]})", true},
      {R"({"a.b":{"$in":[null,7]}})", R"({"a":[{"b":1},{}]})", true},
      {R"({"a.b":{"$in":[null,7]}})", R"({"a":[]})", false},
      {R"({"a.b":{"$ne":null}})", R"({"a":[{"b":1},{}]})", false},
      {R"({"a.b":{"$ne":null}})", R"({"a":[]})", true},
      {R"({"a.b":{"$nin":[null]}})", R"({"a":[1]})", true},
      {R"({"a.b":{"$exists":false}})", R"({"a":[]})", true},
      {R"({"a.b":{"$exists":false}})", R"({"a":[1,{}]})", true},
      {R"({"a.b":{"$exists":true}})", R"({"a":[{"b":null},{}]})", true},
      {R"({"a":{"$exists":true}})", R"({"a":[]})", true},
      {R"({"a":{"$not":{"$gt":5}}})", R"({})", true},
      {R"({"a":{"$not":{"$eq":null}}})", R"({})", false},
      // Arrays whole and by item; one level only.
      {R"({"a":1})", R"({"a":[1,2]})", true},
      {R"({"a":1})", R"({"a":[[1]]})", false},
      {R"({"a":[1]})", R"({"a":[[1]]})", true},
      {R"({"a":[1,2]})", R"({"a":[1,2]})", true},
      {R"({"a":[1,2]})", R"({"a":[2,1]})", false},
      {R"({"a":[1,2]})", R"({"a":[3,[1,2]]})", true},
      {R"({"a":[1,2]})", R"({"a":[[3,[1,2]]]})", false},
      {R"({"a":[]})", R"({"a":[]})", true},
      {R"({"a":[]})", R"({"a":[[]]})", true},
      {R"({"a":{"$gt":2}})", R"({"a":[1,3]})", true},
      {R"({"a":{"$gt":2,"$lt":2}})", R"({"a":[1,3]})", true},
      {R"({"a":{"$gt":0}})", R"({"a":[[1]]})", false},
      {R"({"a":{"$ne":1}})", R"({"a":[1,2]})", false},
      {R"({"a":{"$ne":1}})", R"({"a":[[1]]})", true},
      {R"({"a":{"$nin":[1,5]}})", R"({"a":[2,5]})", false},
      {R"({"a.b":1})", R"({"a":[{"b":2},{"b":[3,1]}]})", true},
      {R"({"a.b":1})", R"({"a":[[{"b":1}]]})", false},
      {R"({"a.b":[1]})", R"({"a":[{"b":[1]}]})", true},
      {R"({"a.b":1})", R"({"a":[{"b":[[1]]}]})", false},
      {R"({"a":{"b":1}})", R"({"a":[{"b":1},{"b":2}]})", true},
      {R"({"a":{"b":1}})", R"({"a":{"b":1,"c":2}})", false},
      {R"({"a":{"b":1}})", R"({"a":{"b":[1]}})", false},
      // Types are compared with their like.
      {R"({"a":{"$lt":5}})", R"({"a":"3"})", false},
      {R"({"a":{"$lt":5}})", R"({"a":null})", false},
      {R"({"a":{"$gte":"a"}})", R"({"a":5})", false},
      {R"({"a":{"$gt":false}})", R"({"a":true})", true},
      {R"({"a":{"$gt":false}})", R"({"a":1})", false},
      {R"({"a":1})", R"({"a":true})", false},
      {R"({"a":1})", R"({"a":1.0})", true},
      {R"({"a":{"$not":{"$gt":5}}})", R"({"a":"x"})", true},
      // Numbers in paths: an item, and a name.
      {R"({"a.0":10})", R"({"a":[10,20]})", true},
      {R"({"a.1":10})", R"({"a":[10,20]})", false},
      {R"({"a.0":10})", R"({"a":[[10]]})", false},
      {R"({"a.0":[10]})", R"({"a":[[10]]})", true},
      {R"({"a.0":{"$size":1}})", R"({"a":[[10]]})", true},
      {R"({"a.0":{"$elemMatch":{"$gt":5}}})", R"({"a":[[10]]})", true},
      {R"({"a.0.0":10})", R"({"a":[[10]]})", true},
      {R"({"a.0.0":10})", R"({"a":[[[10]]]})", false},
      {R"({"a.0":10})", R"({"a":{"0":10}})", true},
      {R"({"a.0":10})", R"({"a":{"0":[10]}})", true},
      {R"({"a.0":10})", R"({"a":[{"0":10}]})", true},
      {R"({"a.0":10})", R"({"a":[5,{"0":[10]}]})", true},
      {R"({"a.0":{"0":10}})", R"({"a":[{"0":10}]})", true},
      {R"({"a.1.b":4})", R"({"a":[5,{"b":4},3]})", true},
      {R"({"a.1.b":4})", R"({"a":[5,[{"b":4}],3]})", true},
      {R"({"a.1.b":4})", R"({"a":[5,[[{"b":4}]],3]})", false},
      {R"({"a.1.b":4})", R"({"a":[{"1":{"b":4}}]})", true},
      {R"({"a.1.b":4})", R"({"a":[{"1":[{"b":4}]}]})", true},
      {R"({"a.1":null})", R"({"a":[5]})", false},
      {R"({"a.1":null})", R"({"a":[{"b":5}]})", true},
      {R"({"a.1.b":null})", R"({"a":[5,{"b":4}]})", true},
      {R"({"a.1":{"$exists":true}})", R"({"a":[5]})", false},
      {R"({"a.01":10})", R"({"a":[5,10]})", false},
      {R"({"a.0.b.0":1})", R"({"a":[{"b":[1]}]})", true},
      // $elemMatch: one item for all conditions, as it stands.
      {R"({"a":{"$elemMatch":{"$gte":80,"$lt":85}}})", R"({"a":[82,85,88]})", true},
      {R"({"a":{"$elemMatch":{"$gte":80,"$lt":85}}})", R"({"a":[75,88]})", false},
      {R"({"a":{"$elemMatch":{"$gt":0}}})", R"({"a":[[1]]})", false},
      {R"({"a":{"$elemMatch":{"$gt":0}}})", R"({"a":1})", false},
      {R"({"a":{"$elemMatch":{"$eq":[1]}}})", R"({"a":[[1]]})", true},
      {R"({"a":{"$elemMatch":{"$ne":1}}})", R"({"a":[1,1]})", false},
      {R"({"a":{"$elemMatch":{"$ne":1}}})", R"({"a":[1,2]})", true},
      {R"({"a":{"$elemMatch":{"$nin":[1,2]}}})", R"({"a":[1,2]})", false},
      {R"({"a":{"$elemMatch":{"$not":{"$gt":1}}}})", R"({"a":[2,3]})", false},
      {R"({"a":{"$elemMatch":{"$exists":false}}})", R"({"a":[1]})", false},
      {R"({"a":{"$elemMatch":{"$exists":true}}})", R"({"a":[1]})", true},
      {R"({"a":{"$elemMatch":{"$size":2}}})", R"({"a":[[1,2]]})", true},
      {R"({"a":{"$elemMatch":{"$elemMatch":{"$gt":0}}}})", R"({"a":[[1]]})", true},
      {R"({"a":{"$elemMatch":{"b":{"$ne":1}}}})", R"({"a":[1,"x"]})", false},
      {R"({"a":{"$elemMatch":{"b":null}}})", R"({"a":[1,"x",null]})", false},
      {R"({"a":{"$elemMatch":{"b":null}}})", R"({"a":[1,{}]})", true},
      {R"({"a":{"$elemMatch":{"b":{"$nin":[1]}}}})", R"({"a":[5]})", false},
      {R"({"a":{"$elemMatch":{"b":{"$exists":false}}}})", R"({"a":[5]})", false},
      {R"({"a":{"$elemMatch":{"b":{"$exists":false}}}})", R"({"a":[{"c":1}]})", true},
      {R"({"a":{"$elemMatch":{"b":1,"c":2}}})", R"({"a":[{"b":1},{"c":2}]})", false},
      {R"({"a":{"$elemMatch":{"b":1,"c":2}}})", R"({"a":{"b":1,"c":2}})", false},
      {R"({"a":{"$elemMatch":{}}})", R"({"a":[1]})", false},
      {R"({"a":{"$elemMatch":{}}})", R"({"a":[{}]})", true},
      {R"({"a":{"$elemMatch":{"0":1}}})", R"({"a":[[1]]})", true},
      {R"({"a":{"$elemMatch":{"0":1}}})", R"({"a":[[[1]]]})", true},
      {R"({"a":{"$elemMatch":{"b":null}}})", R"({"a":[[1]]})", true},
      {R"({"a":{"$elemMatch":{"$or":[{"b":1},{"b":2}]}}})", R"({"a":[{"b":2}]})", true},
      {R"({"a.b":{"$elemMatch":{"$gt":1}}})", R"({"a":[{"b":2},{"b":[3]}]})", true},
      {R"({"a.b":{"$elemMatch":{"$gt":1}}})", R"({"a":[{"b":2}]})", false},
      // $size, $all, $in.
      {R"({"a":{"$size":0}})", R"({"a":[]})", true},
      {R"({"a":{"$size":0}})", R"({})", false},
      {R"({"a":{"$size":1}})", R"({"a":[[1,2]]})", true},
      {R"({"a":{"$size":2}})", R"({"a":[[1,2]]})", false},
      {R"({"a.b":{"$size":2}})", R"({"a":[{"b":[1,2]}]})", true},
      {R"({"a":{"$all":[]}})", R"({"a":[]})", false},
      {R"({"a":{"$all":[5]}})", R"({"a":5})", true},
      {R"({"a":{"$all":[1,2]}})", R"({"a":[2,3,1]})", true},
      {R"({"a":{"$all":[[1,2]]}})", R"({"a":[1,2]})", true},
      {R"({"a":{"$all":[[1,2]]}})", R"({"a":[[1,2],3]})", true},
      {R"({"a":{"$all":[null]}})", R"({})", true},
      {R"({"a.b":{"$all":[1,2]}})", R"({"a":[{"b":1},{"b":2}]})", true},
      {R"({"a":{"$all":[{"$elemMatch":{"b":1}},{"$elemMatch":{"b":2}}]}})",
       R"({"a":[{"b":1},{"b":2}]})", true},
      {R"({"a":{"$all":[{"$elemMatch":{"b":1,"c":2}}]}})", R"({"a":[{"b":1},{"c":2}]})", false},
      {R"({"a":{"$all":[{"$regex":"^x"},{"$regex":"y$"}]}})", R"({"a":["x1","1y"]})", true},
      {R"({"a":{"$all":[{"$regex":"^x"},"z"]}})", R"({"a":["x1","1y"]})", false},
      {R"({"a":{"$in":[]}})", R"({"a":1})", false},
      {R"({"a":{"$nin":[]}})", R"({})", true},
      {R"({"a":{"$in":[[1]]}})", R"({"a":[1]})", true},
      {R"({"a":{"$in":[1,{"$regex":"^x"}]}})", R"({"a":"xy"})", true},
      {R"({"a":{"$in":[1,{"$regex":"^X","$options":"i"}]}})", R"({"a":["y","xy"]})", true},
      {R"({"a":{"$in":[1,{"$regex":"^x"}]}})", R"({"a":"yx"})", false},
      {R"({"a":{"$in":[1,{"$regex":"^x"}]}})", R"({"a":1})", true},
      {R"({"a":{"$nin":[{"$regex":"^x"}]}})", R"({"a":"xy"})", false},
      {R"({"a":{"$nin":[{"$regex":"^x"}]}})", R"({})", true},
      {R"({"a":{"$regex":"x"}})", R"({"a":["y","x"]})", true},
      {R"({"a":{"$regex":"x"}})", R"({"a":[["x"]]})", false},
      {R"({"a":{"$not":{"$regex":"x"}}})", R"({"a":5})", true},
      {R"({"$nor":[{"a":1},{"b":{"$exists":true}}]})", R"({"a":[2]})", true},
  };
  for (const Case& each : cases) {
    CAPTURE(each.filter);
    CAPTURE(each.document);
    CHECK(matches(each.filter, each.document) == each.matches);
    CHECK(support::mongo_matches(each.filter, each.document) == each.matches);
  }
}

TEST_CASE("members of an object are in any order, not as to MongoDB") {
  CHECK(matches(R"({"a":{"b":1,"c":2}})", R"({"a":{"c":2,"b":1}})"));
}

TEST_CASE("what means nothing where it stands is refused") {
  CHECK(problem(R"({"a":{"$options":"i"}})") == "the filter: $options stands beside $regex");
  CHECK(problem(R"({"a":{"$gt":1,"b":2}})") ==
        "the filter: \"b\" stands among operators: an object is a value, or operators only");
  CHECK(
      problem(R"({"a":{"b":2,"$gt":1}})") ==
      "the filter: the field \"a\" is compared with a value, and $gt in a value does nothing: of a "
      "field within it say {\"a.b\": {\"$gt\": …}}");
  for (const char* filter :
       {R"({"a":{"b":{"$gt":1}}})", R"({"a":[{"$gt":1}]})", R"({"a":{"$eq":{"$gt":1}}})",
        R"({"a":{"$ne":{"$regex":"x"}}})", R"({"a":{"$in":[{"$gt":1}]}})",
        R"({"a":{"$all":[{"$gt":1}]}})", R"({"a":{"$in":[{"b":{"$oid":"1"}}]}})"})
    CHECK_MESSAGE(problem(filter).find(" in a value does nothing") != std::string::npos, filter);
  CHECK(problem(R"({"$gt":1})") ==
        "the filter: $gt stands in the conditions of a field: {\"age\": {\"$gt\": …}}");
  CHECK(problem(R"({"a":{"$or":[{"b":1}]}})") ==
        "the filter: $or stands beside fields, not in the conditions of one");
  CHECK(problem(R"({"$and":[{"a":{"$foo":1}}]})") == "the filter: unknown operator $foo");
  CHECK(problem(R"({"a":{"$not":{"$foo":1}}})") == "the filter: unknown operator $foo");
  CHECK(problem(R"({"a":{"$elemMatch":{"b":{"$foo":1}}}})") == "the filter: unknown operator $foo");
  CHECK(problem(R"({"a":{"$oid":"1"}})") == "the filter: unknown operator $oid");
  CHECK(problem(R"({"a":1,"a":2})") == "the filter: \"a\" is there twice in one object: use $and");
  CHECK(problem(R"({"a":{"$gt":1,"$gt":2}})") ==
        "the filter: \"$gt\" is there twice in one object: use $and");
  CHECK(problem(R"({"a":{"$all":5}})") == "the filter: $all takes an array");
  CHECK(problem(R"({"a":{"$all":[{"$elemMatch":{"b":1}},2]}})") ==
        "the filter: $all takes either values or $elemMatch");
  CHECK(problem(R"({"a":{"$in":[{"$regex":"x","$gt":1}]}})") ==
        "the filter: \"$gt\" stands beside $regex in a list");
  CHECK(problem(R"({"a":{"$in":[{"$options":"i"}]}})") == "the filter: $regex takes a string");
  CHECK(problem(R"({"a":{"$in":[{"$regex":"x","$options":"q"}]}})") ==
        "the filter: $options takes letters of ims");
  CHECK(problem(R"({"a":{"$size":"x"}})") == "the filter: $size takes a whole number from 0");
  CHECK(problem(R"({"a":{"$size":1.5}})") == "the filter: $size takes a whole number from 0");
  CHECK(problem(R"({"a":{"$not":{}}})") == "the filter: $not takes an object of operators");
}

TEST_CASE("a filter that is none is refused with the reason") {
  CHECK(problem("[]") == "the filter: a filter is a JSON object");
  CHECK(problem("{\"a\":}") == "the filter: invalid JSON at byte 5: a value is missing");
  CHECK(problem(R"({"a":{"$foo":1}})") == "the filter: unknown operator $foo");
  CHECK(problem(R"({"$foo":1})") == "the filter: unknown operator $foo");
  CHECK(problem(R"({"$or":[]})") == "the filter: $or takes an array of filters");
  CHECK(problem(R"({"$or":[1]})") == "the filter: a filter is a JSON object");
  CHECK(problem(R"({"a":{"$in":1}})") == "the filter: $in takes an array");
  CHECK(problem(R"({"a":{"$gt":null}})") ==
        "the filter: $gt takes a number, a string or a boolean");
  CHECK(problem(R"({"a":{"$exists":1}})") == "the filter: $exists takes true or false");
  CHECK(problem(R"({"a":{"$size":-1}})") == "the filter: $size takes a whole number from 0");
  CHECK(problem(R"({"a":{"$not":1}})") == "the filter: $not takes an object of operators");
  CHECK(problem(R"({"a":{"$elemMatch":1}})") == "the filter: $elemMatch takes an object");
  CHECK(problem(R"({"a":{"$regex":1}})") == "the filter: $regex takes a string");
  CHECK(problem(R"({"a":{"$regex":"("}})") == "the filter: $regex: missing ): (");
  CHECK(problem(R"({"a":{"$regex":"a","$options":"q"}})") ==
        "the filter: $options takes letters of ims");
  std::string deep = "{}";
  for (int i = 0; i < 40; ++i) deep = "{\"$and\":[" + deep + "]}";
  CHECK(problem(deep) == "the filter: the filter nests too deep");
  std::string many = "{\"a\":{\"$regex\":\"x\"}";
  for (int i = 0; i < 16; ++i) many += ",\"a" + std::to_string(i) + "\":{\"$regex\":\"x\"}";
  CHECK(problem(many + "}") == "the filter: the filter has too many patterns");
  many = "{\"a\":1";
  for (int i = 0; i < 1000; ++i) many += ",\"a" + std::to_string(i) + "\":1";
  CHECK(problem(many + "}") == "the filter: the filter has too many conditions");
  // Work that doubles with each level would not end.
  std::string nest = "1", path = "a";
  for (int i = 0; i < 60; ++i) nest = "[{\"0\":" + nest + "}]", path += ".0.0";
  CHECK_FALSE(matches("{\"" + path + ".0\":2}", "{\"a\":" + nest + "}"));
}

TEST_CASE("filters agree with the reference") {
  SeededRandom random(support::test_seed("filters agree with the reference"));
  const support::TestDeadline deadline(3);
  support::RandomFilter filters(random);
  JsonReader reader;
  int queries = 0, matched = 0;
  do {
    const std::string text = filters.filter(2);
    const auto filter = Filter::parse(text);
    REQUIRE_MESSAGE(filter, text);
    for (int i = 0; i < 10; ++i, ++queries) {
      const std::string document = support::random_object(random, 3);
      JsonElement element;
      REQUIRE_MESSAGE(reader.read(document, element), document);
      const bool expected = support::mongo_matches(text, document);
      matched += expected;
      CAPTURE(text);
      CAPTURE(document);
      REQUIRE(filter->matches(element) == expected);
    }
  } while (queries < 100'000 || !deadline.passed());
  CHECK(matched > queries / 20);
  CHECK(matched < queries - queries / 20);
}

}  // namespace kimdb::engine::test
