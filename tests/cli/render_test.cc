#include "cli/render.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace kimdb::cli {
namespace {

using protocol::Value;
using Type = Value::Type;

Value bulk(std::string text) { return {.type = Type::bulk, .string = std::move(text)}; }
Value integer(std::int64_t number) { return {.type = Type::integer, .integer = number}; }
Value list(std::vector<Value> elements, Type type = Type::array) {
  return {.type = type, .elements = std::move(elements)};
}
Value error(std::string text) { return {.type = Type::error, .string = std::move(text)}; }

std::string person(const Value& value) { return render(value, {.for_person = true}); }
std::string as(OutputFormat format, const Value& value) {
  return render(value, {.format = format});
}

TEST_CASE("a person sees values as the line protocol writes them") {
  CHECK(person({.type = Type::simple, .string = "OK"}) == "OK\n");
  CHECK(person(bulk("two words")) == "two words\n");
  CHECK(person(bulk("OK")) == "\"OK\"\n");
  CHECK(person(bulk("a\nb\x1b[31m")) == "\"a\\nb\\x1b[31m\"\n");
  CHECK(person(integer(-7)) == "-7\n");
  CHECK(person({}) == "(nil)\n");
  const auto real = [](double number, std::string text) {
    return Value{.type = Type::double_, .number = number, .string = std::move(text)};
  };
  CHECK(person(real(1.5, "1.50")) == "1.50\n");
  CHECK(person(real(1e5, "100000.0")) == "100000.0\n");
  CHECK(person(real(0.1, "0.10000000000000001")) == "0.1\n");
  CHECK(person(real(1, "1")) == "1\n");
  CHECK(person(error("ERR no")) == "ERROR: no\n");
  CHECK(person(error("WRONGTYPE no")) == "ERROR: WRONGTYPE no\n");
}

TEST_CASE("a person's lists are numbered, aligned, and indented where they nest") {
  CHECK(person(list({})) == "(empty)\n");
  CHECK(person(list({bulk("a"), list({bulk("b"), {}}), integer(3)})) ==
        "1) a\n"
        "2) 1) b\n"
        "   2) (nil)\n"
        "3) 3\n");
  std::vector<Value> ten(10, bulk("x"));
  const std::string text = person(list(std::move(ten)));
  CHECK(text.starts_with(" 1) x\n"));
  CHECK(text.ends_with("\n10) x\n"));
}

TEST_CASE("a person's maps are columns, measured as a terminal does") {
  CHECK(person(list({bulk("김"), integer(1), bulk("long"), list({bulk("a"), bulk("b")})},
                    Type::map)) ==
        "김    1\n"
        "long  1) a\n"
        "      2) b\n");
}

TEST_CASE("rows are a table for a person, and lines with a head in CSV") {
  const auto row = [](std::int64_t id, Value name) {
    return list({bulk("id"), integer(id), bulk("name"), std::move(name)}, Type::map);
  };
  const Value rows = list({row(1, bulk("Kim")), row(200, {}), row(3, bulk("a\nb"))});
  CHECK(person(rows) ==
        "  id | name\n"
        "-----+--------\n"
        "   1 | Kim\n"
        " 200 |\n"
        "   3 | \"a\\nb\"\n"
        "(3 rows)\n");
  CHECK(as(OutputFormat::csv, rows) == "id,name\n1,Kim\n200,\n3,\"a\nb\"\n");
  // Other lists of maps are no rows.
  CHECK(person(list({list({bulk("a"), integer(1)}, Type::map),
                     list({bulk("b"), integer(1)}, Type::map)})) == "1) a  1\n2) b  1\n");
}

TEST_CASE("long texts stand as they are, but never command the terminal") {
  const Value info{.type = Type::verbatim, .string = "# Server\r\nname:a b\r\nevil:\x1b]0;x\r\n"};
  CHECK(person(info) == "# Server\nname:a b\n\"evil:\\x1b]0;x\"\n");
}

TEST_CASE("an event is one line, and so is each confirmation of a SUBSCRIBE") {
  const Value event = list({bulk("message"), bulk("ch"), bulk("two words")}, Type::push);
  CHECK(person(event) == "> message ch \"two words\"\n");
  CHECK(person(list({event, event})) == person(event) + person(event));
}

TEST_CASE("a program gets the lines of the line protocol") {
  CHECK(as(OutputFormat::text, list({bulk("a"), list({integer(1)})})) == "*2\na\n*1\n1\n");
}

TEST_CASE("raw is the bytes of values, one a line") {
  CHECK(as(OutputFormat::raw, bulk("a\nb\"c")) == "a\nb\"c\n");
  CHECK(as(OutputFormat::raw, list({bulk("a"), {}, integer(2)})) == "a\n\n2\n");
  CHECK(as(OutputFormat::raw, error("ERR no")) == "ERROR: no\n");
}

TEST_CASE("csv quotes what needs it and gives a line to each row") {
  CHECK(as(OutputFormat::csv, list({bulk("a,b"), bulk("say \"x\""), integer(1), {}})) ==
        "\"a,b\",\"say \"\"x\"\"\",1,\n");
  CHECK(as(OutputFormat::csv, list({list({bulk("a"), bulk("b")}), list({bulk("c"), {}})})) ==
        "a,b\nc,\n");
  CHECK(as(OutputFormat::csv, list({bulk("k"), integer(1), bulk("l"), integer(2)}, Type::map)) ==
        "k,1\nl,2\n");
  CHECK(as(OutputFormat::csv, list({{}, bulk("b")})) == "\"\",b\n");
}

TEST_CASE("json is one value on a line") {
  CHECK(as(OutputFormat::json, list({bulk("a\n"), integer(1), {}})) == "[\"a\\n\",1,null]\n");
  CHECK(as(OutputFormat::json, list({bulk("k"), bulk("v")}, Type::map)) == "{\"k\":\"v\"}\n");
  CHECK(as(OutputFormat::json, error("ERR no")) == "{\"error\":\"no\"}\n");
}

TEST_CASE("strict is the line protocol's") {
  CHECK(as(OutputFormat::strict, list({bulk("two words"), {}})) == "*2\n\"two words\"\n(nil)\n");
}

TEST_CASE("documents are JSON in JSON, and other texts are strings") {
  const auto reply = [](std::vector<std::string> command, const Value& value) {
    return render_reply(command, value, {.format = OutputFormat::json});
  };
  const Value document = bulk(R"({"n":[1]})");
  CHECK(reply({"DOC", "GET", "c", "1"}, document) == "{\"n\":[1]}\n");
  CHECK(reply({"AFTER", "1-2", "doc", "get", "c", "1", "$.n"}, list({bulk("[1]"), {}})) ==
        "[[1],null]\n");
  CHECK(reply({"DOC", "FIND", "c", "{}"}, list({bulk("1"), list({document})})) ==
        "[\"1\",[{\"n\":[1]}]]\n");
  CHECK(reply({"DOC", "LIST", "c"}, list({document})) == "[{\"n\":[1]}]\n");
  const Value change = list({bulk("id"), bulk("1"), bulk("data"), document}, Type::map);
  CHECK(reply({"DOC", "CHANGES", "c"}, list({bulk("1-2"), integer(0), list({change})})) ==
        "[\"1-2\",0,[{\"id\":\"1\",\"data\":{\"n\":[1]}}]]\n");
  const Value event = list(
      {bulk("change"), bulk("c"), bulk("insert"), bulk("1"), document, bulk("1-2")}, Type::push);
  CHECK(reply({}, event) == R"({"push":["change","c","insert","1",{"n":[1]},"1-2"]})"
                            "\n");
  CHECK(reply({"GET", "k"}, document) == R"("{\"n\":[1]}")"
                                         "\n");
  CHECK(reply({"EXPLAINED", "DOC", "GET", "c", "1"}, list({document})) == R"(["{\"n\":[1]}"])"
                                                                          "\n");
  CHECK(reply({"DOC", "GET", "c", "1"}, error("ERR no")) == "{\"error\":\"no\"}\n");
}

TEST_CASE("errors are red only where color was asked for") {
  CHECK(render_error("no", {.for_person = true}) == "ERROR: no\n");
  CHECK(render_error("no", {.for_person = true, .color = true}) == "\x1b[31mERROR: no\x1b[0m\n");
}

TEST_CASE("a list that comes some at a time is shown as it comes") {
  const auto row = [](std::int64_t id, std::string name) {
    return list({bulk("id"), integer(id), bulk("name"), bulk(std::move(name))}, Type::map);
  };
  const auto shown = [&](const RenderOptions& options, const std::string& name = "Kim") {
    ListRenderer renderer(options);
    std::string text = renderer.add({row(1, name), row(20, "Lee")});
    text += "--\n" + renderer.add({row(30000, "a,b")});
    return text + renderer.end();
  };
  CHECK(shown({.format = OutputFormat::csv}) == "id,name\n1,Kim\n20,Lee\n--\n30000,\"a,b\"\n");
  CHECK(shown({.format = OutputFormat::raw}) ==
        "id\n1\nname\nKim\nid\n20\nname\nLee\n--\nid\n30000\nname\na,b\n");
  CHECK(shown({.format = OutputFormat::json}) ==
        "[{\"id\":1,\"name\":\"Kim\"},{\"id\":20,\"name\":\"Lee\"}--\n"
        ",{\"id\":30000,\"name\":\"a,b\"}]\n");
  // Text waits for some, so that what is short is as if it had come at once.
  const Value whole = list({row(1, "Kim"), row(20, "Lee"), row(30000, "a,b")});
  CHECK(shown({}) == "--\n" + render(whole, {}));
  const std::string large(1 << 20, 'x');
  CHECK(shown({}, large) == "*?\n*2\n*4\nid\n1\nname\n" + large +
                                "\n*4\nid\n20\nname\nLee\n--\n"
                                "*1\n*4\nid\n30000\nname\na,b\n*0\n");
  // The columns are those of the first rows.
  const std::string wide(64 << 10, 'x'), line(64 << 10, '-');
  CHECK(shown({.for_person = true}, wide) == " id | name\n----+-" + line + "-\n  1 | " + wide +
                                                 "\n 20 | Lee\n--\n 30000 | a,b\n(3 rows)\n");
  ListRenderer plain({.for_person = true});
  CHECK(plain.add({bulk("a"), bulk(wide)}) == "1) a\n2) " + wide + "\n");
  CHECK(plain.add({bulk("c")}) == "3) c\n");
  CHECK(plain.end() == "");
  ListRenderer cut({.format = OutputFormat::json});
  CHECK(cut.add({integer(1)}) == "[1");
  CHECK(cut.fail() == "\n");
  ListRenderer short_cut({});
  CHECK(short_cut.add({integer(1)}) == "");
  CHECK(short_cut.fail() == "*?\n*1\n1\n");
}

}  // namespace
}  // namespace kimdb::cli
