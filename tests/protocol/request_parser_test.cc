// The rules of docs/protocol.md for requests, and that no split of the input changes them.
#include "protocol/request_parser.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/protocol/random_input.h"
#include "tests/support/test_seed.h"

namespace kimdb::protocol {
namespace {

using Outcome = RequestParser::Outcome;
using Words = std::vector<std::string>;

// What the parser made of one request.
struct Seen {
  Outcome outcome = Outcome::incomplete;
  Framing framing = Framing::line;
  Words words;
  std::string tag;
  std::string line;
  std::string sql;
  std::string error;

  bool operator==(const Seen&) const = default;
};

// Feeds `input` in the pieces that end at `cuts`, as a connection does. Skipped lines are left out.
std::vector<Seen> parse(std::string_view input, const std::vector<std::size_t>& cuts = {},
                        ParserLimits limits = {}) {
  std::vector<Seen> all;
  RequestParser parser(limits);
  Request request;
  std::string buffer;
  std::size_t from = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t to = i < cuts.size() ? cuts[i] : input.size();
    // A new allocation each time, so that views into the old one are found by the sanitizer.
    buffer = std::string(buffer).append(input.substr(from, to - from));
    from = to;
    std::size_t position = 0;
    while (true) {
      const auto parsed = parser.next(std::string_view(buffer).substr(position), request);
      position += parsed.consumed;
      if (parsed.outcome == Outcome::incomplete) break;
      if (parsed.outcome == Outcome::skipped) continue;
      Seen seen;
      seen.outcome = parsed.outcome;
      seen.framing = parsed.outcome == Outcome::request ? request.framing : parsed.framing;
      if (parsed.outcome == Outcome::request) {
        seen.words.assign(request.words.begin(), request.words.end());
        seen.sql = request.sql;
        seen.line = request.line;
      }
      seen.tag = request.tag;
      seen.error = parsed.error;
      all.push_back(seen);
      if (parsed.outcome == Outcome::fatal) return all;
    }
    buffer.erase(0, position);
  }
  return all;
}

Words words_of(std::string_view input) {
  const auto all = parse(input);
  REQUIRE(all.size() == 1);
  CHECK(all[0].error == "");
  CHECK(all[0].outcome == Outcome::request);
  return all[0].words;
}

std::string error_of(std::string_view input, ParserLimits limits = {}) {
  const auto all = parse(input, {}, limits);
  REQUIRE(!all.empty());
  CHECK(all[0].outcome == Outcome::error);
  return all[0].error;
}

std::string fatal_of(std::string_view input, ParserLimits limits = {}) {
  const auto all = parse(input, {}, limits);
  REQUIRE(!all.empty());
  CHECK(all.back().outcome == Outcome::fatal);
  return all.back().error;
}

const ParserLimits kRespOnly = {.resp_only = true};

}  // namespace

// --- lines ---------------------------------------------------------------------------------------

TEST_CASE("words are split at spaces and tabs") {
  CHECK(words_of("SET user1 John\n") == Words{"SET", "user1", "John"});
  CHECK(words_of("  SET\t user1   John \t\r\n") == Words{"SET", "user1", "John"});
  CHECK(words_of("SET it's 5\"\n") == Words{"SET", "it's", "5\""});
}

TEST_CASE("a word in double quotes takes escapes") {
  CHECK(words_of("SET motto \"two words\\n\"\n") == Words{"SET", "motto", "two words\n"});
  CHECK(words_of(R"(ECHO "\r\t\\\"\x00\xfF")"
                 "\n") == Words{"ECHO", std::string("\r\t\\\"\0\xff", 6)});
  CHECK(words_of("SET \"\" \"\\x41\" \"plain\"\n") == Words{"SET", "", "A", "plain"});
}

TEST_CASE("a word in single quotes is literal") {
  CHECK(words_of("SET k 'a \\n \"b'\n") == Words{"SET", "k", "a \\n \"b"});
  CHECK(words_of("SET k ''\n") == Words{"SET", "k", ""});
}

TEST_CASE("malformed quotes say what is wrong and where") {
  CHECK(error_of("SET k \"abc\n") == "ERR unbalanced \" (no closing quote) at column 7");
  CHECK(error_of("SET k \"abc\\\n") == "ERR unbalanced \" (no closing quote) at column 7");
  CHECK(error_of("SET k \"abc\\\"\n") == "ERR unbalanced \" (no closing quote) at column 7");
  CHECK(error_of("SET k 'abc\n") == "ERR unbalanced ' (no closing quote) at column 7");
  CHECK(error_of("SET \"k\"v 1\n") == "ERR no space after a closing quote at column 8");
  CHECK(error_of("SET k \"\\x4\"\n") ==
        "ERR \\x in quotes needs two hexadecimal digits at column 7");
  CHECK(error_of("SET k \"\\q\"\n").starts_with("ERR unknown escape in quotes"));
}

TEST_CASE("a malformed line costs only itself") {
  const auto all = parse("SET k \"abc\nGET k\n");
  REQUIRE(all.size() == 2);
  CHECK(all[0].outcome == Outcome::error);
  CHECK(all[1].words == Words{"GET", "k"});
}

TEST_CASE("JSON needs no quotes") {
  CHECK(words_of("DOC PUT users u1 {\"name\": \"Kim\", \"age\": 30}\n") ==
        Words{"DOC", "PUT", "users", "u1", "{\"name\": \"Kim\", \"age\": 30}"});
  CHECK(words_of("DOC PUT c 1 [1, [2, {\"a\": \"] } \\\" [\"}]] EX 5\n") ==
        Words{"DOC", "PUT", "c", "1", "[1, [2, {\"a\": \"] } \\\" [\"}]]", "EX", "5"});
}

TEST_CASE("a bracketed word ends at the space after its bracket") {
  CHECK(words_of("KEYS [a-z]*\n") == Words{"KEYS", "[a-z]*"});
  CHECK(words_of("KEYS [^}]x [\\]]* user:[0-9]\n") ==
        Words{"KEYS", "[^}]x", "[\\]]*", "user:[0-9]"});
  CHECK(error_of("SET k {\"a\": 1\n") ==
        "ERR unbalanced { (write the word in quotes if it is no JSON) at column 7");
  CHECK(error_of("SET k {\"a\": \"}\n").starts_with("ERR unbalanced {"));
}

TEST_CASE("empty lines and comments are skipped") {
  CHECK(parse("\n\r\n   \t\n# a comment\n#\n  # another\n#!/bin/sh\n").empty());
}

TEST_CASE("a tag is taken off the line") {
  const auto all = parse("#17 GET k\n");
  REQUIRE(all.size() == 1);
  CHECK(all[0].tag == "17");
  CHECK(all[0].line == "GET k");
  CHECK(all[0].words == Words{"GET", "k"});
}

TEST_CASE("a malformed tag is an error, and errors keep their tag") {
  CHECK(error_of("#17x GET k\n").starts_with("ERR a tag is # and up to 20 digits"));
  CHECK(error_of("#123456789012345678901 GET k\n").starts_with("ERR a tag is #"));
  CHECK(error_of("#17 \n") == "ERR no command after the tag");
  CHECK(parse("#17 GET \"k\n")[0].tag == "17");
  CHECK(parse("#8 " + std::string(100, 'x') + "\n", {}, {.message_bytes = 64})[0].tag == "8");
}

TEST_CASE("$<length> stands for that many bytes behind the line") {
  CHECK(words_of(std::string_view("SET k $5\na\nb\r\0", 14)) ==
        Words{"SET", "k", std::string("a\nb\r\0", 5)});
  CHECK(words_of("SET k $0\r\n") == Words{"SET", "k", ""});
  const auto all = parse("#3 SET k $5\nhello\nGET k\n");
  REQUIRE(all.size() == 2);
  CHECK(all[0].words == Words{"SET", "k", "hello"});
  CHECK(all[0].tag == "3");
  CHECK(all[1].words == Words{"GET", "k"});
}

TEST_CASE("only an unquoted last word is a length") {
  CHECK(words_of("SET k \"$5\"\n") == Words{"SET", "k", "$5"});
  CHECK(words_of("SET k '$5'\n") == Words{"SET", "k", "$5"});
  CHECK(words_of("SET $5 v\n") == Words{"SET", "$5", "v"});
  CHECK(words_of("SET k $5x\n") == Words{"SET", "k", "$5x"});
  CHECK(words_of("SET k $\n") == Words{"SET", "k", "$"});
  CHECK(words_of("$5\n") == Words{"$5"});
}

TEST_CASE("a $<length> over the limit is refused and its bytes are thrown away") {
  const std::string input = "SET k $100\n" + std::string(100, '\n') + "GET k\n";
  for (const std::size_t cut : {0u, 11u, 12u, 50u, 111u}) {
    const auto all = parse(input, {cut}, {.message_bytes = 64});
    REQUIRE(all.size() == 2);
    CHECK(all[0].error == "ERR message exceeds 64B (network.max_message_size)");
    CHECK(all[1].words == Words{"GET", "k"});
  }
}

TEST_CASE("a line over the limit gets one error and the connection stays") {
  const std::string input = std::string(3 << 20, 'x') + "\nPING\n";
  const auto at_once = parse(input);
  REQUIRE(at_once.size() == 2);
  CHECK(at_once[0].outcome == Outcome::error);
  CHECK(at_once[0].error == "ERR message exceeds 1MB (network.max_message_size)");
  CHECK(at_once[1].words == Words{"PING"});
  CHECK(parse(input, {1 << 20, (1 << 20) + 1, (1 << 20) + 2, 2 << 20, 3 << 20}) == at_once);
}

TEST_CASE("the rest of a line over the limit is consumed as it arrives") {
  RequestParser parser({.message_bytes = 100});
  Request request;
  const std::string piece(200, 'x');
  auto parsed = parser.next(piece, request);
  CHECK(parsed.outcome == Outcome::error);
  CHECK(parsed.consumed == 200);
  for (int i = 0; i < 1000; ++i) {
    parsed = parser.next(piece, request);
    CHECK(parsed.outcome == Outcome::incomplete);
    CHECK(parsed.consumed == 200);
  }
  CHECK(parser.inside_request());
  parsed = parser.next("end\nPING\n", request);
  CHECK(parsed.outcome == Outcome::skipped);
  CHECK(parsed.consumed == 4);
  CHECK(!parser.inside_request());
}

TEST_CASE("a line of exactly the limit is taken, with either line end") {
  const ParserLimits limits = {.message_bytes = 10};
  CHECK(parse("0123456789\n", {}, limits)[0].words == Words{"0123456789"});
  CHECK(parse("0123456789\r\n", {}, limits)[0].words == Words{"0123456789"});
  CHECK(error_of("0123456789a\n", limits).starts_with("ERR message exceeds 10B"));
  CHECK(error_of("0123456789a\r\n", limits).starts_with("ERR message exceeds 10B"));
}

TEST_CASE("too many words are refused") {
  const ParserLimits limits = {.arguments = 3};
  CHECK(parse("a b c\n", {}, limits)[0].words.size() == 3);
  CHECK(error_of("a b c d\n", limits) == "ERR too many words (limit 3)");
}

TEST_CASE("HANDSHAKE and AUTH may be written with bars") {
  CHECK(words_of("HANDSHAKE|v1.0\r\n") == Words{"HANDSHAKE", "v1.0"});
  CHECK(words_of("HANDSHAKE v1.0\n") == Words{"HANDSHAKE", "v1.0"});
  CHECK(words_of("AUTH|kim|a 'b|c\n") == Words{"AUTH", "kim", "a 'b|c"});
  CHECK(words_of("auth|kim\n") == Words{"auth", "kim"});
  CHECK(words_of("SET a|b c\n") == Words{"SET", "a|b", "c"});
}

TEST_CASE("a browser's request closes the connection without an answer") {
  CHECK(fatal_of("POST / HTTP/1.1\r\nHost: x\r\n\r\nSET a 1\r\n") == "");
  CHECK(fatal_of("GET / HTTP/1.1\r\nHost: localhost:3223\r\n") == "");
  CHECK(fatal_of("post /\n", kRespOnly) == "");
  CHECK(fatal_of("host: x\n", kRespOnly) == "");
  CHECK(words_of("POSTER 1\n") == Words{"POSTER", "1"});
}

// --- SQL -----------------------------------------------------------------------------------------

TEST_CASE("a line that begins with an SQL verb goes whole to SQL") {
  for (const std::string verb :
       {"CREATE TABLE", "insert", "SELECT", "Update", "DELETE FROM", "DROP", "ALTER", "EXPLAIN",
        "SHOW", "DESCRIBE", "VACUUM", "WITH", "BEGIN", "COMMIT", "ROLLBACK", "REPLACE", "desc",
        "START", "VALUES"}) {
    const std::string line = verb + " it's {";
    const auto all = parse(line + "\r\n");
    REQUIRE(all.size() == 1);
    CHECK(all[0].outcome == Outcome::request);
    CHECK(all[0].words == Words{verb.substr(0, verb.find(' '))});
    CHECK(all[0].line == line);
    CHECK(all[0].sql == line);
  }
  CHECK(parse("SELECT*FROM t\n")[0].sql == "SELECT*FROM t");
  CHECK(parse("commit;\n")[0].sql == "commit;");
  CHECK(parse("SELECT 'a' WHERE x = $5\n")[0].sql == "SELECT 'a' WHERE x = $5");
  CHECK(parse("#4  SELECT 1;\n")[0].line == "SELECT 1;");
}

TEST_CASE("some commands only look like SQL") {
  CHECK(words_of("SELECT 3\n") == Words{"SELECT", "3"});
  CHECK(words_of("select -1 \n") == Words{"select", "-1"});
  CHECK(words_of("SHOW processlist\n") == Words{"SHOW", "processlist"});
  CHECK(words_of("DELETE k\n") == Words{"DELETE", "k"});
  CHECK(words_of("UPDATER k\n") == Words{"UPDATER", "k"});
  CHECK(words_of("SET SELECT a\n") == Words{"SET", "SELECT", "a"});
  CHECK(parse("SELECT 3\n")[0].sql == "");
}

TEST_CASE("prefix words may stand before SQL") {
  const auto all =
      parse("ACK replica ID c1 7 EXPLAINED AFTER 1-2 INSERT INTO t VALUES ('it''s', ' )\n");
  REQUIRE(all.size() == 1);
  CHECK(all[0].words ==
        Words{"ACK", "replica", "ID", "c1", "7", "EXPLAINED", "AFTER", "1-2", "INSERT"});
  CHECK(all[0].sql == "INSERT INTO t VALUES ('it''s', ' )");
  CHECK(words_of("ACK SELECT GET k\n") == Words{"ACK", "SELECT", "GET", "k"});
}

TEST_CASE("the SQL command takes its text as one word") {
  CHECK(words_of("SQL PRAGMA  x = 'it\n") == Words{"SQL", "PRAGMA  x = 'it"});
  CHECK(words_of("sql\n") == Words{"sql"});
  CHECK(words_of("SQL $9\nSELECT\n1\n") == Words{"SQL", "SELECT\n1\n"});
}

// --- RESP ----------------------------------------------------------------------------------------

TEST_CASE("a RESP array is a request") {
  const auto all = parse("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\r\nb\r\n*1\r\n$4\r\nPING\r\n");
  REQUIRE(all.size() == 2);
  CHECK(all[0].words == Words{"SET", "", "a\r\nb"});
  CHECK(all[0].framing == Framing::resp);
  CHECK(all[1].words == Words{"PING"});
}

TEST_CASE("lines and RESP arrays may alternate") {
  const auto all = parse("*1\r\n$4\r\nPING\r\nPING\n*1\r\n$4\r\nPING\r\n\r\n# x\nPING\n");
  REQUIRE(all.size() == 4);
  CHECK(all[0].framing == Framing::resp);
  CHECK(all[1].framing == Framing::line);
  CHECK(all[2].framing == Framing::resp);
  CHECK(all[3].framing == Framing::line);
}

TEST_CASE("empty RESP arrays are skipped") {
  CHECK(parse("*0\r\n*-1\r\n*-5\r\n").empty());
  CHECK(parse("*0\r\n*1\r\n$4\r\nPING\r\n").size() == 1);
}

TEST_CASE("malformed RESP gets Redis' words and ends the connection") {
  CHECK(fatal_of("*x\r\n") == "ERR Protocol error: invalid multibulk length");
  CHECK(fatal_of("*\r\n") == "ERR Protocol error: invalid multibulk length");
  CHECK(fatal_of("*03\r\n") == "ERR Protocol error: invalid multibulk length");
  CHECK(fatal_of("*+3\r\n") == "ERR Protocol error: invalid multibulk length");
  CHECK(fatal_of("*2147483648\r\n") == "ERR Protocol error: invalid multibulk length");
  CHECK(fatal_of("*99999999999999999999\r\n") == "ERR Protocol error: invalid multibulk length");
  CHECK(fatal_of("*1\r\nPING\r\n") == "ERR Protocol error: expected '$', got 'P'");
  CHECK(fatal_of("*1\r\n\r\n") == "ERR Protocol error: expected '$', got ' '");
  CHECK(fatal_of("*1\r\n$-1\r\n") == "ERR Protocol error: invalid bulk length");
  CHECK(fatal_of("*1\r\n$\r\n") == "ERR Protocol error: invalid bulk length");
  CHECK(fatal_of("*1\r\n$01\r\na\r\n") == "ERR Protocol error: invalid bulk length");
  CHECK(fatal_of("*1\r\n$4x\r\nPING\r\n") == "ERR Protocol error: invalid bulk length");
  CHECK(fatal_of("*1\r\n$536870913\r\n") == "ERR Protocol error: invalid bulk length");
  CHECK(fatal_of("*" + std::string(70000, '1')) ==
        "ERR Protocol error: too big mbulk count string");
  CHECK(fatal_of("*1\r\n$" + std::string(70000, '1')) ==
        "ERR Protocol error: too big bulk count string");
}

TEST_CASE("RESP lengths over a limit are refused before their bytes come") {
  CHECK(fatal_of("*2147483647\r\n") == "ERR Protocol error: invalid multibulk length");
  CHECK(fatal_of("*2\r\n$3\r\nGET\r\n$2000000\r\n") ==
        "ERR message exceeds 1MB (network.max_message_size)");
  const ParserLimits before_login = {
      .message_bytes = 16 << 10, .arguments = 16, .before_login = true};
  CHECK(fatal_of("*17\r\n", before_login) ==
        "ERR Protocol error: unauthenticated multibulk length");
  CHECK(fatal_of("*1\r\n$16385\r\n", before_login) ==
        "ERR Protocol error: unauthenticated bulk length");
  CHECK(error_of(std::string(20000, 'x'), before_login) ==
        "ERR message exceeds 16KB before authentication");
}

TEST_CASE("the bulks of a RESP request share the limit of one message") {
  const ParserLimits limits = {.message_bytes = 100};
  std::string input = "*3\r\n$3\r\nSET\r\n";
  for (int i = 0; i < 2; ++i) input += "$50\r\n" + std::string(50, 'x') + "\r\n";
  CHECK(fatal_of(input, limits) == "ERR message exceeds 100B (network.max_message_size)");
}

TEST_CASE("on the RESP port a line is Redis' inline command") {
  const auto all =
      parse("PING\r\nset k \"a\\x41\\n b\" 'c\\'d' e\"f\"\n\n*1\r\n$4\r\nPING\r\n", {}, kRespOnly);
  REQUIRE(all.size() == 3);
  CHECK(all[0].words == Words{"PING"});
  CHECK(all[0].framing == Framing::resp);
  CHECK(all[1].words == Words{"set", "k", "aA\n b", "c'd", "ef"});
  CHECK(all[2].words == Words{"PING"});
  CHECK(fatal_of("set \"a\n", kRespOnly) == "ERR Protocol error: unbalanced quotes in request");
  CHECK(fatal_of("set 'a'b\n", kRespOnly) == "ERR Protocol error: unbalanced quotes in request");
  CHECK(fatal_of(std::string(70000, 'x'), kRespOnly) ==
        "ERR Protocol error: too big inline request");
}

// --- any split -----------------------------------------------------------------------------------

TEST_CASE("any split of the input gives the same requests") {
  SeededRandom random(support::test_seed("any split of the input gives the same requests"));
  const support::TestDeadline deadline(2);
  while (!deadline.passed()) {
    const ParserLimits limits = {.message_bytes = random.below(2) != 0 ? 1u << 20 : 48u,
                                 .arguments = random.below(4) != 0 ? 1000u : 4u,
                                 .resp_only = random.below(4) == 0};
    const std::string input = random_requests(random);
    const auto whole = parse(input, {}, limits);
    std::vector<std::size_t> every;
    for (std::size_t i = 0; i < input.size(); ++i) every.push_back(i);
    INFO("input: ", shown(input));
    REQUIRE(parse(input, every, limits) == whole);
    for (int i = 0; i < 4; ++i) {
      REQUIRE(parse(input, random_cuts(random, input.size()), limits) == whole);
    }
  }
}

TEST_CASE("a request that arrives byte by byte is read once") {
  // Looking again from the start each time would take minutes.
  for (const std::string& input : {"SET k " + std::string(1000000, 'v') + "\n",
                                   "*1\r\n$1000000\r\n" + std::string(1000000, 'v') + "\r\n",
                                   "SET k $1000000\n" + std::string(1000000, 'v')}) {
    RequestParser parser({.message_bytes = 2 << 20});
    Request request;
    const auto start = std::chrono::steady_clock::now();
    std::size_t requests = 0;
    for (std::size_t size = 1; size <= input.size(); ++size) {
      const auto parsed = parser.next(std::string_view(input).substr(0, size), request);
      requests += parsed.outcome == Outcome::request ? 1 : 0;
      if (parsed.outcome == Outcome::incomplete) CHECK_EQ(parsed.consumed, 0);
    }
    CHECK(requests == 1);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  }
}

TEST_CASE("many small words that arrive byte by byte are read once") {
  std::string input = "*100000\r\n";
  for (int i = 0; i < 100000; ++i) input += "$1\r\na\r\n";
  RequestParser parser({});
  Request request;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t size = 1; size < input.size(); ++size) {
    if (parser.next(std::string_view(input).substr(0, size), request).outcome !=
        Outcome::incomplete) {
      FAIL("a request before its end");
    }
  }
  REQUIRE(parser.next(input, request).outcome == Outcome::request);
  CHECK(request.words.size() == 100000);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}

TEST_CASE("inside_request is true between a request's first and last byte") {
  RequestParser parser({});
  Request request;
  CHECK(!parser.inside_request());
  for (const std::string input : {"SET k $3\nabc", "*1\r\n$1\r\na\r\n"}) {
    for (std::size_t size = 1; size < input.size(); ++size) {
      REQUIRE(parser.next(std::string_view(input).substr(0, size), request).outcome ==
              Outcome::incomplete);
      REQUIRE(parser.inside_request());
    }
    CHECK(parser.next(input, request).outcome == Outcome::request);
    CHECK(!parser.inside_request());
  }
}

}  // namespace kimdb::protocol
