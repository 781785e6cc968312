// The table of replies in docs/protocol.md, in each format.
#include "protocol/reply_writer.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "base/random.h"
#include "protocol/quoting.h"
#include "protocol/reply_reader.h"
#include "protocol/request_parser.h"
#include "tests/protocol/random_input.h"
#include "tests/support/test_seed.h"

namespace kimdb::protocol {
namespace {

template <class Calls>
std::string written(Format format, Calls calls) {
  std::string out;
  ReplyWriter writer(out, format);
  calls(writer);
  return out;
}

std::string bulk(Format format, std::string_view value) {
  return written(format, [&](ReplyWriter& w) { w.bulk(value); });
}

// Every call there is, in lists and out of them.
void all_calls(ReplyWriter& w) {
  w.tag("17");
  w.ok();
  w.simple("PONG");
  w.error("ERR syntax error");
  w.error("WRONGTYPE Operation");
  w.integer(-42);
  w.bulk("a b");
  w.double_value(3.14);
  w.boolean(true);
  w.boolean(false);
  w.verbatim("# Server\r\nuptime:1\r\n");
  w.null();
  w.null_array();
  w.missing_key();
  w.array(4);
  w.missing_key();
  w.array(0);
  w.set(1);
  w.integer(1);
  w.map(1);
  w.bulk("k");
  w.array(1);
  w.null();
  w.push(3);
  w.bulk("message");
  w.bulk("a b");
  w.integer(7);
}

TEST_CASE("a list without its length, its end, and what is said in the place of its end") {
  const auto list = [](bool breaks) {
    return [breaks](ReplyWriter& w) {
      w.begin_streamed_list();
      const bool parts = !w.is_resp() && w.format() != Format::json;
      if (parts) w.array(1);
      w.integer(1);
      if (parts) w.array(1);
      w.map(1);
      w.bulk("a");
      w.bulk("b");
      breaks ? w.break_streamed_list("ERR too late") : w.end_streamed_list();
      w.integer(2);
    };
  };
  CHECK(written(Format::text, list(false)) == "*?\n*1\n1\n*1\n*2\na\nb\n*0\n2\n");
  CHECK(written(Format::text, list(true)) == "*?\n*1\n1\n*1\n*2\na\nb\nERROR: too late\n2\n");
  CHECK(written(Format::json, list(false)) == "[1,{\"a\":\"b\"}]\n2\n");
  CHECK(written(Format::json, list(true)) == "[1,{\"a\":\"b\"},{\"error\":\"too late\"}\n2\n");
  CHECK(written(Format::resp3, list(false)) ==
        "*?\r\n:1\r\n%1\r\n$1\r\na\r\n$1\r\nb\r\n.\r\n:2\r\n");
  CHECK(written(Format::resp2, list(true)) ==
        "*?\r\n:1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n-ERR too late\r\n.\r\n:2\r\n");
}

}  // namespace

TEST_CASE("RESP2 replies are Redis' bytes") {
  CHECK(written(Format::resp2, all_calls) ==
        "+OK\r\n+PONG\r\n-ERR syntax error\r\n-WRONGTYPE Operation\r\n:-42\r\n$3\r\na b\r\n"
        "$18\r\n3.1400000000000001\r\n:1\r\n:0\r\n$20\r\n# Server\r\nuptime:1\r\n\r\n"
        "$-1\r\n*-1\r\n$-1\r\n"
        "*4\r\n$-1\r\n*0\r\n*1\r\n:1\r\n*2\r\n$1\r\nk\r\n*1\r\n$-1\r\n"
        "*3\r\n$7\r\nmessage\r\n$3\r\na b\r\n:7\r\n");
}

TEST_CASE("RESP3 replies are Redis' bytes") {
  CHECK(written(Format::resp3, all_calls) ==
        "+OK\r\n+PONG\r\n-ERR syntax error\r\n-WRONGTYPE Operation\r\n:-42\r\n$3\r\na b\r\n"
        ",3.1400000000000001\r\n#t\r\n#f\r\n=24\r\ntxt:# Server\r\nuptime:1\r\n\r\n"
        "_\r\n_\r\n_\r\n"
        "*4\r\n_\r\n*0\r\n~1\r\n:1\r\n%1\r\n$1\r\nk\r\n*1\r\n_\r\n"
        ">3\r\n$7\r\nmessage\r\n$3\r\na b\r\n:7\r\n");
}

TEST_CASE("text replies are lines for people") {
  CHECK(written(Format::text, all_calls) ==
        "#17 OK\nPONG\nERROR: syntax error\nERROR: WRONGTYPE Operation\n-42\na b\n"
        "3.14\ntrue\nfalse\n*2\n\"# Server\"\nuptime:1\n"
        "(nil)\n(nil)\nERROR: key not found\n"
        "*4\n(nil)\n*0\n*1\n1\n*2\nk\n*1\n(nil)\n"
        "> message \"a b\" 7\n");
}

TEST_CASE("strict replies quote what is not one word") {
  CHECK(written(Format::strict, all_calls) ==
        "#17 OK\nPONG\nERROR: syntax error\nERROR: WRONGTYPE Operation\n-42\n\"a b\"\n"
        "3.14\ntrue\nfalse\n\"# Server\\r\\nuptime:1\\r\\n\"\n"
        "(nil)\n(nil)\nERROR: key not found\n"
        "*4\n(nil)\n*0\n*1\n1\n*2\nk\n*1\n(nil)\n"
        "> message \"a b\" 7\n");
}

TEST_CASE("JSON replies are one value a line") {
  CHECK(written(Format::json, all_calls) ==
        "#17 \"OK\"\n\"PONG\"\n{\"error\":\"syntax error\"}\n{\"error\":\"WRONGTYPE Operation\"}\n"
        "-42\n\"a b\"\n3.14\ntrue\nfalse\n\"# Server\\r\\nuptime:1\\r\\n\"\n"
        "null\nnull\nnull\n"
        "[null,[],[1],{\"k\":[null]}]\n"
        "{\"push\":[\"message\",\"a b\",7]}\n");
}

TEST_CASE("a neutral reply renders into every format as if it had been written there") {
  const std::string neutral = written(Format::neutral, all_calls);
  for (const Format format : {Format::text, Format::strict, Format::json, Format::resp2,
                              Format::resp3, Format::neutral}) {
    const std::string rendered = written(format, [&](ReplyWriter& w) { render(neutral, w); });
    CHECK(rendered == written(format, all_calls));
  }
}

TEST_CASE("line ends in an error become spaces, and go away at its end") {
  const auto calls = [](ReplyWriter& w) { w.error("ERR a\r\nb\r\n"); };
  CHECK(written(Format::resp2, calls) == "-ERR a  b\r\n");
}

TEST_CASE("removed keys are counted in RESP; lines say it in words where one was asked for") {
  const auto calls = [](ReplyWriter& w) {
    w.removed(1, 1);
    w.removed(0, 1);
    w.removed(1, 2);
    w.removed(300, 301);
  };
  for (const Format format : {Format::resp2, Format::resp3})
    CHECK(written(format, calls) == ":1\r\n:0\r\n:1\r\n:300\r\n");
  CHECK(written(Format::text, calls) == "OK\nERROR: key not found\n1\n300\n");
  CHECK(written(Format::json, calls) == "\"OK\"\nnull\n1\n300\n");
  const std::string neutral = written(Format::neutral, calls);
  for (const Format format : {Format::text, Format::json, Format::resp2}) {
    const std::string rendered = written(format, [&](ReplyWriter& w) { render(neutral, w); });
    CHECK(rendered == written(format, calls));
  }
}

TEST_CASE("neutral replies keep every number and byte") {
  const auto calls = [](ReplyWriter& w) {
    w.array(4);
    w.integer(std::numeric_limits<std::int64_t>::min());
    w.integer(std::numeric_limits<std::int64_t>::max());
    w.double_value(-std::numeric_limits<double>::infinity());
    w.bulk(std::string(70000, '\0'));
  };
  const std::string neutral = written(Format::neutral, calls);
  CHECK(written(Format::resp3, [&](ReplyWriter& w) { render(neutral, w); }) ==
        written(Format::resp3, calls));
}

TEST_CASE("text quotes only what could be something else") {
  for (const std::string plain : {"John", "two words", " x", "42", "it's", "{\"a\": 1}", "[1]",
                                  "$5", "é ü", "ERROR", "OKAY", "a>b"}) {
    CHECK(bulk(Format::text, plain) == plain + "\n");
  }
  CHECK(bulk(Format::text, "") == "\"\"\n");
  CHECK(bulk(Format::text, "OK") == "\"OK\"\n");
  CHECK(bulk(Format::text, "ERROR: no") == "\"ERROR: no\"\n");
  CHECK(bulk(Format::text, "\"a\"") == "\"\\\"a\\\"\"\n");
  CHECK(bulk(Format::text, "'a'") == "\"'a'\"\n");
  CHECK(bulk(Format::text, "*3") == "\"*3\"\n");
  CHECK(bulk(Format::text, "(nil)") == "\"(nil)\"\n");
  CHECK(bulk(Format::text, "> x") == "\"> x\"\n");
  CHECK(bulk(Format::text, "#17 x") == "\"#17 x\"\n");
  CHECK(bulk(Format::text, "a\nb\r\t\\") == "\"a\\nb\\r\\t\\\\\"\n");
  CHECK(bulk(Format::text, std::string("a\0\x1b\x7f", 4)) == "\"a\\x00\\x1b\\x7f\"\n");
  CHECK(bulk(Format::text, "\xff é\xc3") == "\"\\xff é\\xc3\"\n");
  // A control character of terminals, written in UTF-8.
  CHECK(bulk(Format::text, "\xc2\x9b") == "\"\\xc2\\x9b\"\n");
}

TEST_CASE("strict leaves JSON alone that reads back as one word") {
  CHECK(bulk(Format::strict, "{\"a\": 1}") == "{\"a\": 1}\n");
  CHECK(bulk(Format::strict, "{\"a\": 1") == "\"{\\\"a\\\": 1\"\n");
  CHECK(bulk(Format::strict, "$5") == "\"$5\"\n");
  CHECK(bulk(Format::strict, "{} x") == "\"{} x\"\n");
}

TEST_CASE("what a text format quotes, and whatever strict writes, reads back as the same word") {
  SeededRandom random(support::test_seed("quoted values read back"));
  const support::TestDeadline deadline(2);
  while (!deadline.passed()) {
    const std::string value = random_bytes(random, 24);
    for (const Format format : {Format::text, Format::strict}) {
      const std::string line = bulk(format, value);
      INFO("value: ", shown(value), " line: ", line);
      REQUIRE(line.find('\n') == line.size() - 1);
      if (format == Format::text && line[0] != '"') {
        REQUIRE(line == value + "\n");
        continue;
      }
      RequestParser parser({});
      Request request;
      const std::string input = "SET k " + line;
      REQUIRE(parser.next(input, request).outcome == RequestParser::Outcome::request);
      REQUIRE(request.words.size() == 3);
      REQUIRE(request.words[2] == value);
    }
  }
}

TEST_CASE("JSON shows bytes that are no UTF-8 in base64") {
  CHECK(bulk(Format::json, "a\"\\\n\x01é") == "\"a\\\"\\\\\\n\\u0001é\"\n");
  CHECK(bulk(Format::json, "\xff") == "{\"base64\":\"/w==\"}\n");
  CHECK(bulk(Format::json, "\xff\xfe") == "{\"base64\":\"//4=\"}\n");
  CHECK(bulk(Format::json, "\xff\xfe\xfd\xfc") == "{\"base64\":\"//79/A==\"}\n");
  CHECK(written(Format::json, [](ReplyWriter& w) {
          w.map(2);
          w.bulk("\xff");
          w.integer(1);
          w.integer(2);
          w.bulk("x");
        }) == "{\"base64:/w==\":1,\"2\":\"x\"}\n");
  CHECK(written(Format::json, [](ReplyWriter& w) {
          w.double_value(std::numeric_limits<double>::infinity());
        }) == "\"inf\"\n");
}

TEST_CASE("a number that is written already stands as it is") {
  const auto call = [](ReplyWriter& w) { w.number("1.50"); };
  CHECK(written(Format::text, call) == "1.50\n");
  CHECK(written(Format::json, call) == "1.50\n");
  CHECK(written(Format::resp2, call) == "$4\r\n1.50\r\n");
  CHECK(written(Format::resp3, call) == ",1.50\r\n");
  std::string out;
  ReplyWriter resp3(out, Format::resp3);
  render(written(Format::neutral, call), resp3);
  CHECK(out == ",1.50\r\n");
}

TEST_CASE("empty lists complete the list around them") {
  const auto calls = [](ReplyWriter& w) {
    w.array(2);
    w.array(1);
    w.map(0);
    w.array(0);
    w.integer(1);
  };
  CHECK(written(Format::text, calls) == "*2\n*1\n*0\n*0\n1\n");
  CHECK(written(Format::json, calls) == "[[{}],[]]\n1\n");
}

TEST_CASE("an event is one line, whatever is in it") {
  const auto calls = [](ReplyWriter& w) {
    w.push(3);
    w.array(2);
    w.bulk("*2");
    w.array(0);
    w.null();
    w.error("ERR a b");
    w.ok();
  };
  CHECK(written(Format::text, calls) == "> *2 \"*2\" *0 (nil) \"ERROR: a b\"\nOK\n");
}

TEST_CASE("an error stays on its line in every framing") {
  const auto calls = [](ReplyWriter& w) { w.error("ERR unknown 'a\r\nb\x1b'"); };
  CHECK(written(Format::resp2, calls) == "-ERR unknown 'a  b\x1b'\r\n");
  CHECK(written(Format::text, calls) == "ERROR: unknown 'a  b '\n");
  CHECK(written(Format::json, calls) == "{\"error\":\"unknown 'a  b '\"}\n");
}

}  // namespace kimdb::protocol
