// Indexes of collections: queries answer the same with them as without, unique ones hold, and what
// a restart finds is what was there.
#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/posix_filesystem.h"
#include "base/random.h"
#include "tests/support/random_json.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_db.h"
#include "tests/support/test_seed.h"

namespace kimdb::database {
namespace {

using support::TestDb;
using support::TestSession;

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// "a", "a.0", "a.b.c".
std::string random_field(Random& random) {
  std::string field = support::random_name(random);
  while (random.below(3) == 0)
    field += random.below(3) == 0 ? ".0" : "." + support::random_name(random);
  return field;
}

// A random query: FIND with an order, a limit, and where it goes on.
std::string random_query(Random& random, support::RandomFilter& filters) {
  std::string query = "users " + filters.filter(1);
  if (random.below(2) == 0) {
    const std::string first = random_field(random);
    query += " SORT " + (random.below(2) == 0 ? "-" + first : first);
    const std::string second = random_field(random);
    if (random.below(2) == 0 && second != first)
      query += "," + (random.below(2) == 0 ? "-" + second : second);
  }
  if (random.below(2) == 0) query += " LIMIT " + std::to_string(random.below(6));
  return query;
}

// The cursor in FIND's reply as lines; empty: none.
std::string cursor_of(const std::string& reply) {
  const std::size_t begin = reply.find('\n') + 1;
  const std::string line = reply.substr(begin, reply.find('\n', begin) - begin);
  return line == "(nil)" ? "" : line;
}

}  // namespace

TEST_CASE("queries answer the same with indexes as without") {
  SeededRandom random(support::test_seed("queries answer the same with indexes"));
  const support::TestDeadline deadline(4);
  support::RandomFilter filters(random);
  int indexed = 0, queries = 0;
  do {
    TestDb plain, with;
    const auto both = [&](const std::string& line) {
      const std::string reply = plain.run(line);
      REQUIRE(with.run(line) == reply);
      return reply;
    };
    const std::uint64_t ids = 1 + random.below(300);
    for (int round = 0; round < 20; ++round) {
      for (std::uint64_t i = random.below(ids); i > 0; --i) {
        const std::string id = "d" + std::to_string(random.below(ids));
        if (random.below(5) == 0)
          both("DOC DEL users " + id);
        else
          both("DOC PUT users " + id + " " + support::random_object(random, 3));
      }
      const std::string first = random_field(random);
      const std::string field = random.below(2) == 0 ? "-" + first : first;
      std::string second = random_field(random);
      second = random.below(2) == 0 || second == first ? "" : ", " + second;
      if (random.below(3) == 0)
        with.run("INDEX DROP users " + field);
      else
        with.run("INDEX CREATE users (" + field + second + ")" +
                 (random.below(4) == 0 ? " HASH" : "") + " NAME " + field);
      for (int i = 0; i < 20; ++i, ++queries) {
        std::string query = random_query(random, filters);
        CAPTURE(query);
        indexed += has(with.run("DOC EXPLAIN " + query), "plan index") ||
                   has(with.run("DOC EXPLAIN " + query), "plan\nindex");
        std::string reply = both("DOC FIND " + query);
        for (int page = 0; page < 3 && !cursor_of(reply).empty(); ++page)
          reply = both("DOC FIND " + query + " AFTER " + cursor_of(reply));
        both("DOC COUNT " + query.substr(0, query.find("} ") == std::string::npos
                                                ? std::string::npos
                                                : query.rfind('}') + 1));
      }
    }
  } while (!deadline.passed());
  CHECK(indexed > queries / 10);
}

TEST_CASE("null, arrays and numbers in paths are found with indexes as without") {
  TestDb plain, with;
  for (const char* fields : {"a", "a.b", "a.0", "a.0.b", "a, c", "-a.b"})
    CHECK(with.run("INDEX CREATE c (" + std::string(fields) + ")").find("ERROR") ==
          std::string::npos);
  const char* documents[] = {"{}",
                             R"({"a":null})",
                             R"({"a":[]})",
                             R"({"a":[null]})",
                             R"({"a":[[]]})",
                             R"({"a":10})",
                             R"({"a":[10]})",
                             R"({"a":[[10]]})",
                             R"({"a":[[[10]]]})",
                             R"({"a":{"b":10}})",
                             R"({"a":{"0":10}})",
                             R"({"a":[{"b":10}]})",
                             R"({"a":[{"b":10},{}]})",
                             R"({"a":[{"b":[]},7]})",
                             R"({"a":[{"0":10}]})",
                             R"({"a":[{"0":{"b":10}}]})",
                             R"({"a":[[{"b":10}]]})",
                             R"({"a":["x","y"]})"};
  int id = 10;
  for (const char* document : documents) {
    for (TestDb* db : {&plain, &with}) db->run("DOC PUT c d" + std::to_string(id) + " " + document);
    ++id;
  }
  for (const std::string path : {"a", "a.b", "a.0", "a.0.b"})
    for (const char* condition :
         {"null", "10", "[10]", "[]", R"({"$ne":null})", R"({"$in":[null,10]})", R"({"$gt":5})",
          R"({"$lt":50,"$gt":5})", R"({"$exists":false})", R"({"$all":[10]})",
          R"({"$in":[{"$regex":"x"}]})", R"({"$in":["y",{"$regex":"z"}]})",
          R"({"$elemMatch":{"$gt":5}})"})
      for (const std::string sort : {"", " SORT a", " SORT -a.b,a", " SORT a.0", " SORT a.0.b"}) {
        const std::string query = "DOC FIND c {\"" + path + "\":" + condition + "}" + sort;
        CHECK_MESSAGE(with.run(query) == plain.run(query), query);
      }
}

TEST_CASE("a document with many values stands where its first one says") {
  TestDb plain, with;
  with.run("INDEX CREATE users (a)");
  for (const char* document :
       {"d1 {\"a\":[1,9]}", "d2 {\"a\":5}", "d3 {\"a\":[7,2]}", "d4 {\"a\":8}"})
    for (TestDb* db : {&plain, &with}) db->run("DOC PUT users " + std::string(document));
  for (const char* query :
       {"users {\"a\":{\"$gte\":4}} SORT a", "users {\"a\":{\"$lte\":6}} SORT -a",
        "users {\"a\":{\"$gte\":4}} SORT a LIMIT 1"})
    CHECK(with.run("DOC FIND " + std::string(query) + " FIELDS a") ==
          plain.run("DOC FIND " + std::string(query) + " FIELDS a"));
}

TEST_CASE("a unique index takes no document whose key another one has") {
  TestDb db;
  CHECK(db.run("DOC PUT users a {\"mail\":\"x\"}").starts_with("*2"));
  CHECK(db.run("INDEX CREATE users (mail) UNIQUE") == "mail");
  CHECK(db.run("INDEX CREATE users (mail) UNIQUE") == "ERROR: there is an index \"mail\" already");
  const std::string duplicate =
      "ERROR: duplicate key: the document \"a\" has the same mail (index mail)";
  CHECK(db.run("DOC PUT users b {\"mail\":\"x\"}") == duplicate);
  CHECK(db.run("DOC GET users b") == "(nil)");
  CHECK(db.run("DOC PUT users b {\"mail\":\"y\"}").starts_with("*2"));
  CHECK(db.run("DOC MERGE users b {\"mail\":\"x\"}") == duplicate);
  CHECK(db.run("DOC PATCH users b [{\"op\":\"replace\",\"path\":\"/mail\",\"value\":\"x\"}]") ==
        duplicate);
  // Its own, and what has none, may be.
  CHECK(db.run("DOC PUT users a {\"mail\":\"x\",\"n\":1}").starts_with("*2"));
  CHECK(db.run("DOC PUT users c {}").starts_with("*2"));
  CHECK(db.run("DOC PUT users d {\"mail\":null}").starts_with("*2"));
  CHECK(db.run("DOC PUT users e {\"mail\":[\"z\",\"x\"]}") == duplicate);
  // What a batch leaves counts, not what it passes through.
  CHECK(db.run("DOC BULK users [{\"id\":\"a\",\"data\":{\"mail\":\"y\"}},"
               "{\"id\":\"b\",\"data\":{\"mail\":\"x\"}}]")
            .starts_with("*2"));
  CHECK(has(db.run("DOC BULK users [{\"id\":\"p\",\"data\":{\"mail\":\"q\"}},"
                   "{\"id\":\"r\",\"data\":{\"mail\":\"q\"}}]"),
            "duplicate key: the document \"p\""));
  CHECK(db.run("DOC GET users p") == "(nil)");
  CHECK(db.run("DOC BULK users [{\"id\":\"a\",\"op\":\"delete\"},"
               "{\"id\":\"s\",\"data\":{\"mail\":\"y\"}}]")
            .starts_with("*2"));
  // In a transaction each command sees those before it.
  db.run("MULTI");
  db.run("DOC DEL users s");
  db.run("DOC PUT users t {\"mail\":\"y\"}");
  db.run("DOC PUT users u {\"mail\":\"y\"}");
  CHECK(has(db.run("EXEC"), "duplicate key: the document \"t\""));
  CHECK(db.run("DOC GET users u") == "(nil)");
  CHECK(db.run("INDEX DROP users mail") == "OK");
  CHECK(db.run("DOC PUT users u {\"mail\":\"y\"}").starts_with("*2"));
  CHECK(db.run("INDEX CREATE users (mail) UNIQUE") ==
        "ERROR: duplicate key: the documents \"t\" and \"u\" have the same mail");
  CHECK(db.run("INDEX LIST users") == "*0");
}

TEST_CASE("what is no index is refused") {
  TestDb db;
  CHECK(has(db.run("INDEX CREATE users name"), "ERROR: the fields stand in parentheses"));
  CHECK(has(db.run("INDEX CREATE users (name"), "ERROR: the fields stand in parentheses"));
  CHECK(has(db.run("INDEX CREATE users ()"), "ERROR: a field's name is missing"));
  CHECK(has(db.run("INDEX CREATE users (a) SOMETIMES"), "ERROR: syntax error"));
  CHECK(has(db.run("INDEX CREATE users (a) NAME"), "ERROR: syntax error"));
  CHECK(has(db.run("INDEX CREATE users (a) UNIQUE HASH"), "ERROR: a unique index keeps its keys"));
  CHECK(has(db.run("INDEX CREATE users (id)"), "ERROR: what kimdb itself says"));
  for (const char* fields :
       {"($**)", "(a.$**)", "(*)", "(a.*)", "(-$a)", "(a desc)", "(a:1)", "(a 1)", "(+a)", "(--a)",
        "({\"a\":1})", "(a..b)", "(a.)", "(a, a)", "(a, -a)"})
    CHECK_MESSAGE(db.run("INDEX CREATE users " + std::string(fields)).starts_with("ERROR: "),
                  fields);
  CHECK(db.run("INDEX CREATE users ($**)") ==
        "ERROR: \"$**\" is no field's name: it has a wildcard or an operator in it");
  CHECK(db.run("INDEX LIST users") == "*0");
  CHECK(has(db.run("INDEX CREATE _x (a)"), "ERROR: a collection's name has 1 to 64 of"));
  CHECK(has(db.run("INDEX DROP users a"), "ERROR: there is no index \"a\""));
  std::string many = "[0";
  for (int i = 1; i < 1001; ++i) many += "," + std::to_string(i);
  db.run("DOC PUT users big {\"a\":" + many + "]}");
  CHECK(db.run("INDEX CREATE users (a)") ==
        "ERROR: a document has more than 1000 keys, or more than 256 KB of them");
  CHECK(db.run("INDEX CREATE users (b)") == "b");
  CHECK(db.run("DOC PUT users other {\"b\":" + many + "]}") ==
        "ERROR: the document has more than 1000 keys in the index b");
  for (int i = 0; i < 31; ++i) db.run("INDEX CREATE users (f" + std::to_string(i) + ")");
  CHECK(has(db.run("INDEX CREATE users (g)"), "ERROR: a collection has at most 32 indexes"));
}

TEST_CASE("a unique index that is made while others write holds from then on") {
  TestDb db;
  SeededRandom random(support::test_seed("a unique index that is made while others write"));
  const support::TestDeadline deadline(3);
  int made = 0;
  do {
    constexpr std::uint64_t kWanted = 600, kFirst = 10000;
    // Before the index is there any values; then each from kFirst on twice, at nearly the same
    // time.
    std::atomic<bool> is_made{false}, stopping{false};
    std::atomic<std::uint64_t> next{0};
    std::vector<std::thread> writers;
    for (std::uint64_t writer = 1; writer <= 2; ++writer)
      writers.emplace_back([&, writer, seed = random.next()] {
        SeededRandom choice(seed);
        TestSession session(db.database(), writer + 1);
        while (!stopping) {
          std::string id = std::to_string(choice.below(400));
          std::uint64_t value = choice.below(3000);
          if (is_made) {
            const std::uint64_t number = next++;
            if (number >= kWanted) break;
            id = std::to_string(kFirst + number);
            value = kFirst + number / 2;
          } else if (choice.below(3) == 0) {
            session.run("DOC DEL users " + id);
            continue;
          }
          session.run("DOC PUT users " + id + " {\"n\":" + std::to_string(value) + "}");
        }
      });
    is_made = db.run("INDEX CREATE users (n) UNIQUE") == "n";
    if (!is_made) stopping = true;
    for (std::thread& writer : writers) writer.join();
    if (is_made) {
      ++made;
      std::map<std::string, int> counts;
      const std::string all = db.run("DOC LIST users LIMIT 2000");
      for (std::size_t at = all.find("\"n\":"); at != std::string::npos;
           at = all.find("\"n\":", at + 1))
        REQUIRE(++counts[all.substr(at, all.find(',', at) - at)] == 1);
      CHECK(counts.size() >= kWanted / 2);
      CHECK(db.run("INDEX DROP users n") == "OK");
    }
    for (std::uint64_t i = 0; i < 400; ++i) db.run("DOC DEL users " + std::to_string(i));
    for (std::uint64_t i = 0; i < kWanted; ++i)
      db.run("DOC DEL users " + std::to_string(kFirst + i));
  } while (!deadline.passed());
  CHECK(made > 0);
}

TEST_CASE("indexes are there again after a restart, with or without a snapshot") {
  const support::TemporaryDirectory directory;
  const auto check = [&](TestDb& db) {
    CHECK(has(db.run("DOC EXPLAIN users {\"n\":7}"), "index"));
    CHECK(has(db.run("DOC FIND users {\"n\":7}"), "\"id\":\"d7\""));
    CHECK(has(db.run("DOC PUT users other {\"n\":7}"), "duplicate key"));
    CHECK(!has(db.run("INDEX LIST users"), "gone"));
  };
  {
    TestDb db(TestDb::with_log(directory.path()));
    for (int i = 0; i < 50; ++i)
      db.run("DOC PUT users d" + std::to_string(i) + " {\"n\":" + std::to_string(i) + "}");
    CHECK(db.run("INDEX CREATE users (n) UNIQUE") == "n");
    CHECK(db.run("INDEX CREATE users (n) NAME gone") == "gone");
    CHECK(db.run("INDEX DROP users gone") == "OK");
    check(db);
    REQUIRE(db.database().close(false));
  }
  {
    TestDb db(TestDb::with_log(directory.path()));
    check(db);
    CHECK(db.run("SAVE") == "OK");
    REQUIRE(db.database().close(false));
  }
  TestDb db(TestDb::with_log(directory.path()));
  check(db);
}

}  // namespace kimdb::database
