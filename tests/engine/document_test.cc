#include "engine/document.h"

#include <doctest/doctest.h>

#include <string>

#include "base/random.h"
#include "engine/json_reader.h"
#include "engine/json_tree.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine {

namespace {

std::string body_of(std::string_view text) {
  const auto given = parse_document(text);
  return given ? given->body : given.error().message;
}

std::string nested(std::size_t depth) {
  return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
}

}  // namespace

TEST_CASE("a document is kept as it was written, without white space") {
  CHECK(body_of(" { \"b\" : 1.0 ,\n\"a\":[ 1e2, -0, \"\\u00e9 x\" ], \"c\":{ } } ") ==
        R"({"b":1.0,"a":[1e2,-0,"\u00e9 x"],"c":{}})");
  CHECK(body_of("{}") == "{}");
  CHECK(body_of(R"({"n":18446744073709551615,"m":-9223372036854775808})") ==
        R"({"n":18446744073709551615,"m":-9223372036854775808})");
}

TEST_CASE("what kimdb itself says is taken off a document, its id is told") {
  const auto given = parse_document(
      R"({"id":"a\u0062","x":{"id":1},"_version":3,"created_at":"x","updated_at":[1],"y":2})");
  REQUIRE(given);
  CHECK(given->body == R"({"x":{"id":1},"y":2})");
  CHECK(given->id == "ab");
  CHECK(body_of(R"({"i\u0064":"a"})") == "{}");
  CHECK(body_of(R"({"id":1})") == "the document's id is no string");
}

TEST_CASE("what is no document is refused, with the place") {
  CHECK(body_of("") == "invalid JSON at byte 0: nothing is there");
  CHECK(body_of("[1]") == "a document is a JSON object");
  CHECK(body_of("{\"a\":1}x") == "invalid JSON at byte 7: something follows the value");
  CHECK(body_of("{\"a\" 1}") == "invalid JSON at byte 5: a colon is missing");
  CHECK(body_of("{\"a\":1,}") == "invalid JSON at byte 7: a name in quotes is missing");
  CHECK(body_of("{\"a\":[1 2]}") == "invalid JSON at byte 8: a comma or ] is missing");
  CHECK(body_of("{\"a\":\"x") == "invalid JSON at byte 7: the string does not end");
  CHECK(body_of("{\"a\":\"\n\"}") == "invalid JSON at byte 6: a control character in a string");
  CHECK(body_of("{\"a\":\"\\x\"}") == "invalid JSON at byte 6: an escape that JSON does not have");
  CHECK(body_of("{\"a\":\"\xff\"}") == "invalid JSON at byte 6: bytes that are not UTF-8");
  CHECK(body_of("{\"a\":01}") == "invalid JSON at byte 6: a number begins with 0");
  CHECK(body_of("{\"a\":1.}") == "invalid JSON at byte 7: a digit is missing");
  CHECK(body_of("{\"a\":+1}") == "invalid JSON at byte 5: a value is missing");
  CHECK(body_of("{\"a\":nul}") == "invalid JSON at byte 5: a value is missing");
  CHECK(body_of("{\"a\":1e999}") == "invalid JSON at byte 5: a number that is too large");
  CHECK(body_of("{\"a\":18446744073709551616}") ==
        "invalid JSON at byte 5: a whole number that 64 bits do not hold");
  CHECK(parse_json_tree("{\"a\":0." + std::string(400, '0') + "1e5}").has_value());
  for (const char* half : {"\\ud800", "\\udc00", "\\ud800x", "\\ud800\\u0041", "\\ud800\\ud800"})
    CHECK(body_of("{\"a\":\"" + std::string(half) + "\"}") ==
          "invalid JSON at byte 6: half a surrogate pair");
  CHECK(body_of("{\"a\":\"\\ud83d\\ude00\"}") == "{\"a\":\"\\ud83d\\ude00\"}");
  CHECK(body_of("{\"a\":1,\"b\":{\"c\":1,\"\\u0063\":2}}") ==
        "invalid JSON at byte 18: this name is in the object already");
  CHECK(body_of(nested(128)) == nested(128));
  CHECK(body_of(nested(129)) == "invalid JSON at byte 132: nested more than 128 deep");
  CHECK(body_of(std::string(100000, '[')) == "invalid JSON at byte 128: nested more than 128 deep");
}

TEST_CASE("a document is shown with what kimdb says about it") {
  const std::string value = encode_document(
      {.version = 300, .created_at = 0, .updated_at = 1'763'712'000'123, .body = R"({"a":1})"});
  std::string shown;
  append_document(shown, "x\"y", read_document(value));
  CHECK(shown == R"({"id":"x\"y","a":1,"_version":300,"created_at":"1970-01-01T00:00:00.000Z",)"
                 R"("updated_at":"2025-11-21T08:00:00.123Z"})");
  shown.clear();
  append_document(shown, "e", {.version = 1, .created_at = 1, .updated_at = 1, .body = "{}"});
  CHECK(shown.starts_with(R"({"id":"e","_version":1,)"));
}

TEST_CASE("names of collections and ids are what may be one") {
  for (const char* good : {"a", "A-b_9", "0", "-"}) CHECK(is_collection_name(good));
  CHECK(is_collection_name(std::string(64, 'x')));
  CHECK_FALSE(is_collection_name(std::string(65, 'x')));
  for (const char* bad : {"", "_a", "a/b", "a b", "é", "a.b", "kv", "indexes"})
    CHECK_FALSE(is_collection_name(bad));
  CHECK(is_document_id("a/b é"));
  CHECK(is_document_id(std::string(256, 'x')));
  CHECK_FALSE(is_document_id(std::string(257, 'x')));
  CHECK_FALSE(is_document_id(""));
  CHECK_FALSE(is_document_id("\xff"));
}

TEST_CASE("our parser and simdjson take the same texts, and writing gives what was read") {
  SeededRandom random(support::test_seed("our parser and simdjson"));
  const support::TestDeadline deadline(2);
  const std::string_view good =
      R"({"a":[1,-2.5e+3,0.0,true,false,null,"x\n\u00e9\ud83d\ude00"],"b":{"c":{},"d":[]},"é":18446744073709551615})";
  const std::string_view spice = "{}[]\",:\\u0e+-.1tfn \t\n\x80\xc3";
  JsonReader reader;
  int taken = 0;
  while (!deadline.passed()) {
    for (int round = 0; round < 1000; ++round) {
      std::string text(good);
      for (auto i = random.below(3); i > 0; --i) {
        const std::size_t at = random.below(text.size());
        const char byte = spice[random.below(spice.size())];
        switch (random.below(3)) {
          case 0:
            text[at] = byte;
            break;
          case 1:
            text.insert(at, 1, byte);
            break;
          default:
            text.erase(at, 1 + random.below(3));
        }
      }
      const auto tree = parse_json_tree(text);
      JsonElement element;
      const bool read = reader.read(text, element);
      if (tree) {
        ++taken;
        REQUIRE_MESSAGE(read, text);
        std::string written;
        append_json(written, *tree);
        const auto again = parse_json_tree(written);
        REQUIRE_MESSAGE(again, text);
        REQUIRE_MESSAGE(equal(*tree, *again), text);
      } else if (read) {
        CAPTURE(text);
        REQUIRE(tree.error().message.ends_with("already"));
      }
    }
  }
  CHECK(taken > 0);
}

}  // namespace kimdb::engine
