#include "protocol/reply_reader.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "protocol/reply_writer.h"
#include "tests/protocol/random_input.h"
#include "tests/support/test_seed.h"

namespace kimdb::protocol {
namespace {

using Outcome = ReplyReader::Outcome;
using Type = Value::Type;

struct Read {
  std::vector<Value> values;
  std::string error;
  bool operator==(const Read&) const = default;
};

Read read(std::string_view input, const std::vector<std::size_t>& cuts = {},
          ReplyReader::Limits limits = {}) {
  Read result;
  ReplyReader reader(limits);
  std::string buffer;
  std::size_t from = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t to = i < cuts.size() ? cuts[i] : input.size();
    buffer = std::string(buffer).append(input.substr(from, to - from));
    from = to;
    while (true) {
      Value value;
      const auto parsed = reader.next(buffer, value);
      buffer.erase(0, parsed.consumed);
      if (parsed.outcome == Outcome::incomplete) break;
      if (parsed.outcome == Outcome::error) {
        result.error = parsed.error;
        return result;
      }
      result.values.push_back(std::move(value));
    }
  }
  return result;
}

Value one(std::string_view input) {
  const Read result = read(input);
  CHECK(result.error == "");
  REQUIRE(result.values.size() == 1);
  return result.values[0];
}

std::string error_of(std::string_view input, ReplyReader::Limits limits = {}) {
  return read(input, {}, limits).error;
}

// A random reply, and how many calls it was made of at most.
void write_random(Random& random, ReplyWriter& writer, int depth) {
  const std::uint64_t kind = random.below(depth > 0 ? 13 : 9);
  const std::size_t count = random.below(4);
  switch (kind) {
    case 0:
      return writer.ok();
    case 1:
      return writer.error("ERR no");
    case 2:
      return writer.integer(static_cast<std::int64_t>(random.next()));
    case 3:
      return writer.bulk(random_bytes(random, 30));
    case 4:
      return writer.double_value(static_cast<double>(random.below(1000)) / 8);
    case 5:
      return writer.boolean(random.below(2) == 0);
    case 6:
      return writer.verbatim("text\r\n");
    case 7:
      return writer.null();
    case 8:
      return writer.null_array();
    case 9:
      writer.array(count);
      break;
    case 10:
      writer.set(count);
      break;
    case 11:
      writer.push(count);
      break;
    default:
      writer.map(count);
      for (std::size_t i = 0; i < count; ++i) writer.integer(1);
      break;
  }
  for (std::size_t i = 0; i < count; ++i) write_random(random, writer, depth - 1);
}

TEST_CASE("a list without its length is whole at its dot, an error where it ends with one") {
  const Value list = one("*?\r\n:1\r\n*?\r\n+a\r\n.\r\n%1\r\n+k\r\n*?\r\n.\r\n.\r\n");
  REQUIRE(list.type == Type::array);
  REQUIRE(list.elements.size() == 3);
  CHECK(list.elements[1].elements.size() == 1);
  CHECK(list.elements[2].elements[1].type == Type::array);
  CHECK(one("*?\r\n.\r\n").type == Type::array);
  const Value failed = one("*?\r\n:1\r\n-ERR too late\r\n.\r\n");
  CHECK(failed.is_error());
  CHECK(failed.string == "ERR too late");
  CHECK(one("*?\r\n-ERR of the element\r\n:1\r\n.\r\n").elements.size() == 2);
  CHECK(error_of(".\r\n") != "");
  CHECK(error_of("*1\r\n.\r\n") != "");
  CHECK(error_of("*?\r\n:1\r\n:2\r\n:3\r\n.\r\n", {.elements = 2}) != "");
}

TEST_CASE("elements of a list without its length are handed out as they come") {
  const std::string input =
      "*1\r\n:0\r\n*?\r\n:1\r\n*1\r\n*?\r\n$3\r\nabc\r\n.\r\n:3\r\n.\r\n*?\r\n:4\r\n-ERR "
      "no\r\n.\r\n";
  ReplyReader reader({.message_bytes = 40, .elements = 4});  // of each element
  reader.hand_out(true);
  std::vector<std::pair<Outcome, Value>> got;
  std::string buffer;
  for (const char c : input) {
    buffer += c;
    for (;;) {
      Value value;
      const auto parsed = reader.next(buffer, value);
      buffer.erase(0, parsed.consumed);
      REQUIRE(parsed.outcome != Outcome::error);
      if (parsed.outcome == Outcome::incomplete) break;
      got.emplace_back(parsed.outcome, std::move(value));
    }
  }
  REQUIRE(got.size() == 7);
  CHECK(got[0].first == Outcome::value);
  CHECK(got[0].second.elements.size() == 1);
  for (const std::size_t i : {1, 2, 3, 5}) CHECK(got[i].first == Outcome::element);
  CHECK(got[1].second.integer == 1);
  CHECK(got[2].second.elements[0].elements[0].string == "abc");
  CHECK(got[4].first == Outcome::value);
  CHECK(got[4].second.elements.empty());
  CHECK(got[5].second.integer == 4);
  CHECK(got[6].first == Outcome::value);
  CHECK(got[6].second.string == "ERR no");
}

}  // namespace

TEST_CASE("every type of reply is read") {
  CHECK(one("+OK\r\n").string == "OK");
  CHECK(one("+OK\r\n").type == Type::simple);
  CHECK(one("-ERR no\r\n").is_error());
  CHECK(one("!6\r\nERR no\r\n").string == "ERR no");
  CHECK(one(":-42\r\n").integer == -42);
  CHECK(one("$4\r\na\r\nb\r\n").string == "a\r\nb");
  CHECK(one("$-1\r\n").is_null());
  CHECK(one("*-1\r\n").is_null());
  CHECK(one("_\r\n").is_null());
  CHECK(one(",3.25\r\n").number == 3.25);
  CHECK(std::isinf(one(",-inf\r\n").number));
  CHECK(std::isnan(one(",nan\r\n").number));
  CHECK(one("#t\r\n").integer == 1);
  CHECK(one("(12345678901234567890123\r\n").string == "12345678901234567890123");
  CHECK(one("=8\r\ntxt:text\r\n").string == "text");
  CHECK(one(">1\r\n:1\r\n").type == Type::push);
}

TEST_CASE("lists nest") {
  const Value value = one("*3\r\n%1\r\n+k\r\n~2\r\n:1\r\n:2\r\n*0\r\n$-1\r\n");
  REQUIRE(value.elements.size() == 3);
  CHECK(value.elements[0].type == Type::map);
  CHECK(value.elements[0].elements[1].elements[1].integer == 2);
  CHECK(value.elements[1].is_list());
  CHECK(value.elements[2].is_null());
}

TEST_CASE("attributes are left out") {
  CHECK(one("|1\r\n+ttl\r\n*1\r\n:5\r\n$1\r\na\r\n").string == "a");
  CHECK(one("|0\r\n:1\r\n").integer == 1);
  const Value list = one("*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n");
  REQUIRE(list.elements.size() == 2);
  CHECK(list.elements[0].integer == 1);
}

TEST_CASE("a reply that is no RESP is an error that says what came") {
  CHECK(error_of("HTTP/1.1 200\r\n").find("unknown type 'H'") != std::string::npos);
  CHECK(error_of("\r\n") != "");
  CHECK(error_of(":12x\r\n") != "");
  CHECK(error_of("$-2\r\n") != "");
  CHECK(error_of("$2\r\nabcd\r\n") != "");
  CHECK(error_of("*-2\r\n") != "");
  CHECK(error_of("%-1\r\n") != "");
  CHECK(error_of("#x\r\n") != "");
  CHECK(error_of("+a\rb\r\n") != "");
  CHECK(error_of("=3\r\ntxt\r\n") != "");
  CHECK(error_of("*x\r\n") != "");
}

TEST_CASE("replies over a limit are refused before they are allocated") {
  CHECK(error_of("$99999999999\r\n") != "");
  CHECK(error_of("*2000000000\r\n") != "");
  CHECK(error_of("%9223372036854775807\r\n") != "");
  CHECK(error_of("$11\r\n", {.message_bytes = 10}) != "");
  CHECK(error_of("*1\r\n*1\r\n*1\r\n", {.depth = 2}) != "");
  CHECK(error_of("*2\r\n*2\r\n", {.elements = 3}) != "");
  CHECK(error_of(std::string(70000, '+')) != "");
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "*1\r\n";
  CHECK(error_of(deep) != "");
}

TEST_CASE("after an error a reader is of use again only when it was reset") {
  ReplyReader reader;
  Value value;
  CHECK(reader.next("x\r\n", value).outcome == Outcome::error);
  CHECK(reader.next("+OK\r\n", value).outcome == Outcome::error);
  reader.reset();
  CHECK(reader.next("+OK\r\n", value).outcome == Outcome::value);
}

TEST_CASE("what the writer writes is read, however it is cut") {
  SeededRandom random(support::test_seed("what the writer writes is read"));
  const support::TestDeadline deadline(2);
  while (!deadline.passed()) {
    std::string out;
    ReplyWriter writer(out, random.below(2) == 0 ? Format::resp2 : Format::resp3);
    const std::size_t replies = 1 + random.below(4);
    for (std::size_t i = 0; i < replies; ++i) write_random(random, writer, 3);
    const Read whole = read(out);
    INFO("input: ", shown(out));
    REQUIRE(whole.error == "");
    REQUIRE(whole.values.size() == replies);
    std::vector<std::size_t> every;
    for (std::size_t i = 0; i < out.size(); ++i) every.push_back(i);
    REQUIRE(read(out, every) == whole);
    REQUIRE(read(out, random_cuts(random, out.size())) == whole);
  }
}

TEST_CASE("random bytes are never more than an error") {
  SeededRandom random(support::test_seed("random bytes are never more than an error"));
  const support::TestDeadline deadline(1);
  while (!deadline.passed()) {
    static const std::vector<std::string> kPieces = {
        "*2\r\n",   "$3\r\nabc\r\n", "%1\r\n", "|1\r\n", ":1\r\n", "_\r\n", "=7\r\ntxt:abc\r\n",
        ",1.5\r\n", "#t\r\n",        "\r\n",   "$",      "*"};
    std::string input;
    for (std::uint64_t i = random.below(10); i > 0; --i) {
      input +=
          random.below(8) == 0 ? random_bytes(random, 6) : kPieces[random.below(kPieces.size())];
    }
    const Read whole = read(input);
    INFO("input: ", shown(input));
    REQUIRE(read(input, random_cuts(random, input.size())) == whole);
  }
}

}  // namespace kimdb::protocol
