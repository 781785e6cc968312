#include "engine/filter.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/random.h"
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

// The same conditions once more, as plainly as they can be written, over trees of text.
class Naive {
 public:
  static bool holds(const JsonNode& filter, const JsonNode& document) {
    return std::all_of(filter.members.begin(), filter.members.end(), [&](const JsonMember& m) {
      const auto any = [&](bool wanted) {
        return std::any_of(m.value.items.begin(), m.value.items.end(),
                           [&](const JsonNode& part) { return holds(part, document) == wanted; });
      };
      if (m.name == "$and") return !any(false);
      if (m.name == "$or") return any(true);
      if (m.name == "$nor") return !any(true);
      const auto values = values_of(document, parse_field_path(m.name), 0);
      if (has_operators(m.value)) return operators_hold(m.value, values);
      return equals(values, m.value);
    });
  }

 private:
  using Values = std::vector<const JsonNode*>;

  static bool has_operators(const JsonNode& node) {
    return !node.members.empty() && node.members[0].name[0] == '$';
  }

  static Values values_of(const JsonNode& node, const FieldPath& path, std::size_t from) {
    if (from == path.size()) return {&node};
    Values all;
    const auto add = [&](const Values& more) { all.insert(all.end(), more.begin(), more.end()); };
    if (const JsonMember* member = node.find(path[from]))
      add(values_of(member->value, path, from + 1));
    if (path[from] == "0" && !node.items.empty()) add(values_of(node.items[0], path, from + 1));
    for (const JsonNode& item : node.items)
      if (item.kind == JsonKind::object && path[from] != "0") add(values_of(item, path, from));
    return all;
  }

  // With the items of those that are arrays.
  static Values with_items(const Values& values) {
    Values all = values;
    for (const JsonNode* value : values)
      for (const JsonNode& item : value->items) all.push_back(&item);
    return all;
  }

  static long double number_of(const JsonNode& node) {
    return std::strtold(std::string(node.text).c_str(), nullptr);
  }
  static bool same(const JsonNode& a, const JsonNode& b) {
    if (a.kind == JsonKind::number && b.kind == JsonKind::number)
      return as_stored(a) == as_stored(b);
    if (a.kind != b.kind) return false;
    if (a.kind == JsonKind::array)
      return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same);
    if (a.kind == JsonKind::object)
      return a.members.size() == b.members.size() &&
             std::all_of(a.members.begin(), a.members.end(), [&](const JsonMember& member) {
               const JsonMember* other = b.find(member.name);
               return other != nullptr && same(member.value, other->value);
             });
    return equal(a, b);
  }
  // A text with a point or an exponent stands for the nearest double.
  static long double as_stored(const JsonNode& node) {
    return node.text.find_first_of(".eE") == std::string_view::npos
               ? number_of(node)
               : static_cast<long double>(std::strtod(std::string(node.text).c_str(), nullptr));
  }

  static bool equals(const Values& values, const JsonNode& wanted) {
    if (wanted.kind == JsonKind::null && values.empty()) return true;
    const Values all = with_items(values);
    return std::any_of(all.begin(), all.end(),
                       [&](const JsonNode* value) { return same(*value, wanted); });
  }

  // -1, 0, 1; 2 where they cannot be compared.
  static int order(const JsonNode& a, const JsonNode& b) {
    if (a.kind != b.kind) return 2;
    if (a.kind == JsonKind::number) {
      const long double x = as_stored(a), y = as_stored(b);
      return x < y ? -1 : x > y;
    }
    if (a.kind == JsonKind::string) {
      const int sign = decode_json_string(a.text).compare(decode_json_string(b.text));
      return sign < 0 ? -1 : sign > 0;
    }
    return a.text == b.text ? 0 : a.text == "false" ? -1 : 1;
  }

  static bool operators_hold(const JsonNode& operators, const Values& values) {
    return std::all_of(
        operators.members.begin(), operators.members.end(),
        [&](const JsonMember& m) { return operator_holds(m.name, m.value, values); });
  }

  static bool operator_holds(const std::string& name, const JsonNode& wanted,
                             const Values& values) {
    const Values all = with_items(values);
    const auto any = [&](auto&& test) {
      return std::any_of(all.begin(), all.end(), [&](const JsonNode* value) {
        const int sign = order(*value, wanted);
        return sign != 2 && test(sign);
      });
    };
    const auto any_wanted = [&] {
      return std::any_of(wanted.items.begin(), wanted.items.end(),
                         [&](const JsonNode& item) { return equals(values, item); });
    };
    if (name == "$eq") return equals(values, wanted);
    if (name == "$ne") return !equals(values, wanted);
    if (name == "$in") return any_wanted();
    if (name == "$nin") return !any_wanted();
    if (name == "$lt") return any([](int sign) { return sign < 0; });
    if (name == "$lte") return any([](int sign) { return sign <= 0; });
    if (name == "$gt") return any([](int sign) { return sign > 0; });
    if (name == "$gte") return any([](int sign) { return sign >= 0; });
    if (name == "$exists") return values.empty() == (wanted.text == "false");
    if (name == "$not") return !operators_hold(wanted, values);
    if (name == "$all")
      return std::all_of(wanted.items.begin(), wanted.items.end(),
                         [&](const JsonNode& item) { return equals(values, item); });
    if (name == "$size")
      return std::any_of(values.begin(), values.end(), [&](const JsonNode* value) {
        return value->kind == JsonKind::array && std::to_string(value->items.size()) == wanted.text;
      });
    REQUIRE(name == "$elemMatch");
    return std::any_of(values.begin(), values.end(), [&](const JsonNode* value) {
      return std::any_of(value->items.begin(), value->items.end(), [&](const JsonNode& item) {
        if (!has_operators(wanted)) return holds(wanted, item);
        return operators_hold(wanted, {&item});
      });
    });
  }
};

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
  CHECK(problem(R"({"a":{"$all":[]}})") == "the filter: $all takes an array of values");
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

TEST_CASE("filters agree with a naive evaluation") {
  SeededRandom random(support::test_seed("filters agree with a naive evaluation"));
  const support::TestDeadline deadline(3);
  support::RandomFilter filters(random);
  JsonReader reader;
  int queries = 0, matched = 0;
  do {
    const std::string text = filters.filter(2);
    const auto tree = parse_json_tree(text);
    REQUIRE_MESSAGE(tree, text);
    const auto filter = Filter::parse(text);
    REQUIRE_MESSAGE(filter, text);
    for (int i = 0; i < 10; ++i, ++queries) {
      const std::string document = support::random_object(random, 3);
      JsonElement element;
      REQUIRE_MESSAGE(reader.read(document, element), document);
      const bool expected = Naive::holds(*tree, *parse_json_tree(document));
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
