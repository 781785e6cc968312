// DOC and COLLECTIONS, as their user types them.
#include <doctest/doctest.h>

#include <string>

#include "tests/support/simulated_filesystem.h"
#include "tests/support/test_db.h"

namespace kimdb::database {
namespace {

// The document without what kimdb says about it.
std::string fields(const std::string& shown) {
  const std::size_t end = shown.find(",\"_version\":");
  return end == std::string::npos ? shown : shown.substr(0, end) + "}";
}

}  // namespace

TEST_CASE("a document is put, shown, counted and removed") {
  support::TestDb db;
  CHECK(db.run(R"(DOC PUT users u1 {"name": "Kim Lee", "age": 30})") == "*2\nu1\n1");
  const std::string shown = db.run("DOC GET users u1");
  CHECK(fields(shown) == R"({"id":"u1","name":"Kim Lee","age":30})");
  CHECK(shown.find(R"("_version":1,"created_at":")") != std::string::npos);
  CHECK(db.run("DOC GET users u2") == "(nil)");
  CHECK(db.run_resp("DOC GET users u2") == "$-1\r\n");
  CHECK(db.run("DOC GET other u1") == "(nil)");
  CHECK(db.run("DOC COUNT users") == "1");
  CHECK(db.run("DOC COUNT other") == "0");
  CHECK(db.run("GET users/u1") == "ERROR: key not found");  // keys are another world
  CHECK(db.run("DOC DEL users u1") == "1");
  CHECK(db.run("DOC DEL users u1") == "0");
  CHECK(db.run("COLLECTIONS") == "*0");
}

TEST_CASE("a version counts the changes of a document, from its creation on") {
  support::TestDb db;
  db.run("DOC PUT c a {}");
  const std::string created = db.run("DOC GET c a");
  db.clock().advance(5000);
  CHECK(db.run("DOC PUT c a {} IFVERSION 2") == "ERROR: version conflict: expected 2, got 1");
  CHECK(db.run("DOC PUT c a {} IFVERSION 1") == "*2\na\n2");
  const std::string changed = db.run("DOC GET c a");
  const auto created_at = [](const std::string& text) {
    return text.substr(text.find("\"created_at\""), 40);
  };
  CHECK(created_at(created) == created_at(changed));
  CHECK(created.substr(created.find("updated_at")) != changed.substr(changed.find("updated_at")));
  CHECK(db.run("DOC PUT c a {} IFVERSION 0") == "ERROR: version conflict: expected 0, got 2");
  CHECK(db.run("DOC DEL c a IFVERSION 1") == "ERROR: version conflict: expected 1, got 2");
  CHECK(db.run("DOC DEL c a IFVERSION 2") == "1");
  CHECK(db.run("DOC PUT c a {} IFVERSION *") == "ERROR: version conflict: expected any, got 0");
  CHECK(db.run("DOC PUT c a {} IFVERSION 0") == "*2\na\n1");
  const std::string lsn = std::to_string(db.session().outcome().depends_on);
  CHECK(db.run("DOC PUT c a {} IFVERSION 1-1") ==
        "ERROR: version conflict: the document was removed and made anew");
  CHECK(db.run("DOC PUT c a {} IFVERSION 1-" + lsn) == "*2\na\n2");
  CHECK(db.run("DOC PUT c a {} IFVERSION *") == "*2\na\n3");
  CHECK(db.run("DOC PUT c a {} IFVERSION 3-x").ends_with("not an integer or out of range"));
  CHECK(db.run("DOC PUT c a {} IFVERSION x") == "ERROR: value is not an integer or out of range");
  CHECK(db.run("DOC PUT c a {} NX") == "ERROR: syntax error");
}

TEST_CASE("a document without an id gets one that sorts by time, or the one it says") {
  support::TestDb db;
  const std::string first = db.run("DOC PUT c * {}");
  db.clock().advance(2);
  const std::string second = db.run("DOC PUT c * {}");
  CHECK(first.size() == std::string("*2\n01ARZ3NDEKTSV4RRFFQ69G5FAV\n1").size());
  CHECK(first < second);
  CHECK(db.run(R"(DOC PUT c * {"id":"own"})") == "*2\nown\n1");
  CHECK(db.run(R"(DOC PUT c own {"id":"own","x":1})") == "*2\nown\n2");
  CHECK(db.run(R"(DOC PUT c own {"id":"x"})") ==
        "ERROR: the document says that its id is another one");
  // What was shown can be put back as it is.
  const std::string shown = db.run("DOC GET c own");
  CHECK(db.run("DOC PUT c own " + shown) == "*2\nown\n3");
  CHECK(fields(db.run("DOC GET c own")) == R"({"id":"own","x":1})");
}

TEST_CASE("names, ids and texts that are none are refused, and nothing happens") {
  support::TestDb db;
  for (const char* name : {"_a", "a.b", "collections", "kv", "sql", "crdt"})
    CHECK(db.run("DOC PUT " + std::string(name) + " a {}").starts_with("ERROR: a collection's"));
  CHECK(db.run("DOC PUT c \"\" {}").starts_with("ERROR: a document's id"));
  CHECK(db.run("DOC PUT c " + std::string(257, 'x') + " {}").starts_with("ERROR: a document's id"));
  CHECK(db.run("DOC PUT c a [1]") == "ERROR: a document is a JSON object");
  CHECK(db.run("DOC PUT c a {a}") == "ERROR: invalid JSON at byte 1: a name in quotes is missing");
  CHECK(db.run("DOC").starts_with("ERROR: wrong number of arguments"));
  CHECK(db.run("DOC NOPE c").starts_with("ERROR: unknown subcommand 'NOPE'"));
  CHECK(db.run("COLLECTIONS") == "*0");
}

TEST_CASE("documents take part in transactions, and see what was changed before them") {
  support::TestDb db;
  db.run("MULTI");
  CHECK(db.run("DOC PUT c a {\"n\":1}") == "QUEUED");
  CHECK(db.run("DOC COUNT c") == "QUEUED");
  CHECK(db.run("DOC GET c a") == "QUEUED");
  CHECK(db.run("DOC PUT c a {} IFVERSION 7") == "QUEUED");
  CHECK(db.run("DOC DEL c a") == "QUEUED");
  CHECK(db.run("SET k v") == "QUEUED");
  CHECK(db.run("COLLECTIONS") == "QUEUED");
  const std::string replies = db.run("EXEC");
  CHECK(replies.starts_with("*7\n*2\na\n1\n1\n{\"id\":\"a\",\"n\":1,"));
  CHECK(replies.ends_with("\nERROR: version conflict: expected 7, got 1\n1\nOK\n*0"));
  // What can never succeed is refused at once, and the transaction with it.
  db.run("MULTI");
  CHECK(db.run("DOC PUT c a {bad}").starts_with("ERROR: invalid JSON"));
  CHECK(db.run("EXEC").starts_with("ERROR: EXECABORT"));
}

TEST_CASE("MERGE and PATCH change parts, and leave the rest as it was written") {
  support::TestDb db;
  db.run(R"(DOC PUT c a {"n":1.50,"o":{"x":1,"y":2}})");
  CHECK(db.run(R"(DOC MERGE c a {"o":{"x":null},"id":"other","p":[1]})") == "2");
  CHECK(fields(db.run("DOC GET c a")) == R"({"id":"a","n":1.50,"o":{"y":2},"p":[1]})");
  CHECK(db.run(R"(DOC PATCH c a [{"op":"add","path":"/p/0","value":0}])") == "3");
  CHECK(fields(db.run("DOC GET c a")) == R"({"id":"a","n":1.50,"o":{"y":2},"p":[0,1]})");
  CHECK(
      db.run(R"(DOC PATCH c a [{"op":"add","path":"/q","value":0},{"op":"remove","path":"/z"}])") ==
      "ERROR: operation 1 of the patch points to nothing");
  CHECK(db.run(R"(DOC PATCH c a [{"op":"add","path":"","value":1}])") ==
        "ERROR: a document is a JSON object");
  CHECK(db.run("DOC PATCH c a {}") == "ERROR: a JSON Patch is an array");
  CHECK(db.run("DOC MERGE c a [1]") == "ERROR: a document is a JSON object");
  CHECK(db.run("DOC MERGE c a {} IFVERSION 9") == "ERROR: version conflict: expected 9, got 3");
  CHECK(db.run("DOC MERGE c nope {}") == "ERROR: document not found");
  CHECK(db.run("DOC GET c nope $.a") == "(nil)");
  CHECK(db.run("DOC GET c a $.n $.p[*] $.z") == "*3\n1.50\n[0,1]\n(nil)");
  CHECK(db.run("DOC GET c a x").starts_with("ERROR: no JSONPath"));
}

TEST_CASE("SETFIELDS keeps of each field the latest write, and other changes end its times") {
  support::TestDb db;
  const auto now = [&](std::int64_t off) { return std::to_string(db.clock().unix_ms() + off); };
  const auto set = [&](const std::string& name, const std::string& value, const std::string& ts) {
    return db.run("DOC SETFIELDS users u {\"" + name + "\":{\"value\":" + value + ",\"ts\":" + ts +
                  "}}");
  };
  CHECK(set("name", "\"Kim\"", now(-100)) == "*2\n1\n*1\nname");
  CHECK(set("name", "\"Lee\"", now(-200)) == "*2\n1\n*0");
  CHECK(set("age", "30", now(-300)) == "*2\n2\n*1\nage");
  CHECK(set("name", "null", now(-50)) == "*2\n3\n*1\nname");
  CHECK(db.run("DOC GET users u").find("\"Kim\"") == std::string::npos);
  CHECK(db.run("DOC GET users u").starts_with("{\"id\":\"u\",\"age\":30,\"_times\":{\"base\":0,"));
  // Another change has its own time, for all fields.
  CHECK(db.run("DOC MERGE users u {\"age\":31}") == "4");
  CHECK(db.run("DOC GET users u").find("_times") == std::string::npos);
  CHECK(set("age", "1", now(-1)) == "*2\n4\n*0");
  db.clock().advance(10);
  CHECK(set("age", "32", now(-1)) == "*2\n5\n*1\nage");
  CHECK(db.run("DOC SETFIELDS users u {\"a\":{\"value\":1,\"ts\":" + now(61'000) + "}}")
            .find("later than this server's clock") != std::string::npos);
  CHECK(db.run("DOC SETFIELDS users u {\"a\":1}").find("ERROR: the field \"a\" is not") !=
        std::string::npos);
  CHECK(db.run("DOC SETFIELDS users u [1]").starts_with("ERROR: the fields are an object"));
  CHECK(db.run("DOC SETFIELDS users u {\"a\":{\"value\":1,\"ts\":1}} IFVERSION 3")
            .find("version conflict") != std::string::npos);
  CHECK(db.run("ID c 1 DOC SETFIELDS users v {\"a\":{\"value\":1,\"ts\":1}}") ==
        db.run("ID c 1 DOC SETFIELDS users v {\"a\":{\"value\":1,\"ts\":1}}"));
}

TEST_CASE("BULK does all or nothing, and its items see those before them") {
  support::TestDb db;
  CHECK(db.run(R"(DOC BULK c [{"id":"a","data":{"n":1}},{"id":"a","op":"merge","data":{"m":2}},)"
               R"({"id":"b","op":"insert","data":{}},{"id":"b","op":"delete"},)"
               R"({"id":"a","op":"patch","data":[{"op":"remove","path":"/n"}],"ifVersion":2}])") ==
        "*5\n*2\na\n1\n*2\na\n2\n*2\nb\n1\n*2\nb\n0\n*2\na\n3");
  CHECK(fields(db.run("DOC GET c a")) == R"({"id":"a","m":2})");
  CHECK(db.run("DOC COUNT c") == "1");
  const std::pair<const char*, const char*> refused[] = {
      {R"([{"id":"x","data":{}},{"id":"a","op":"insert","data":{}}])",
       "ERROR: item 1: there is a document with this id already"},
      {R"([{"id":"x","data":{}},{"id":"x","ifVersion":2,"data":{}}])",
       "ERROR: item 1: version conflict: expected 2, got 1"},
      {R"([{"id":"x","data":{}},{"id":"y","op":"merge","data":{}}])",
       "ERROR: item 1: document not found"},
      {R"([{"id":"x","data":1}])", "ERROR: item 0: a document is a JSON object"},
      {R"([{"id":"x"}])", "ERROR: item 0: has no data"},
      {R"([{"id":1,"data":{}}])", "ERROR: item 0: has an id that is no string"},
      {R"([{"id":"x","op":"do","data":{}}])", "ERROR: item 0: has an op that there is not: do"},
      {R"([{"id":"x","data":{},"z":1}])", "ERROR: item 0: has a member that there is not: z"},
      {R"([1])", "ERROR: item 0: is no object"},
      {R"({})", "ERROR: BULK takes an array of items"}};
  for (const auto& [items, error] : refused)
    CHECK_MESSAGE(db.run("DOC BULK c " + std::string(items)) == error, items);
  CHECK(db.run("DOC COUNT c") == "1");
  CHECK(db.run("DOC BULK c []") == "*0");
}

TEST_CASE("FIND filters, sorts, cuts and goes on behind its cursor") {
  support::TestDb db;
  for (int i = 0; i < 100; ++i)
    db.run("DOC PUT c d" + std::to_string(100 + i) + " {\"n\":" + std::to_string(i % 7) + "}");
  CHECK(db.run("DOC COUNT c {\"n\":3}") == "14");
  CHECK(db.run("DOC COUNT c {\"n\":{\"$gt\":9}}") == "0");
  CHECK(db.run("DOC FIND c {\"n\":{\"$gt\":9}}") == "*2\n(nil)\n*0");
  CHECK(db.run("DOC FIND c {} LIMIT 2 FIELDS n") ==
        "*2\nd101\n*2\n{\"id\":\"d100\",\"n\":0}\n{\"id\":\"d101\",\"n\":1}");
  CHECK(db.run("DOC LIST c LIMIT 1 AFTER d150").starts_with("*1\n{\"id\":\"d151\""));
  CHECK(db.run("DOC LIST c LIMIT 5 AFTER d199") == "*0");
  CHECK(db.run("DOC LIST c LIMIT 0") == "*0");
  CHECK(db.run("DOC LIST nothing") == "*0");

  // Pages of 9 give what one query gives, in its order.
  for (const std::string sort : {"", " SORT -n", " SORT n,-id"}) {
    const std::string query = "DOC FIND c {\"n\":{\"$lt\":5}}" + sort;
    const std::string all = db.run(query + " FIELDS n");
    std::string pages, after;
    int rounds = 0;
    do {
      const std::string page = db.run(query + " LIMIT 9 FIELDS n" + after);
      const std::size_t end = page.find('\n', 3);
      const std::string cursor = page.substr(3, end - 3);
      pages += page.substr(page.find('\n', end + 1));
      after = cursor == "(nil)" ? "" : " AFTER " + cursor;
    } while (!after.empty() && ++rounds < 20);
    CHECK(all.substr(all.find("\n{")) == pages);
  }
  CHECK(db.run("DOC FIND c {} SORT n,").starts_with("ERROR: SORT: a field's name"));
  CHECK(db.run("DOC FIND c {} FIELDS ,").starts_with("ERROR: FIELDS: a field's name"));
  CHECK(db.run("DOC COUNT c {} {}") == "ERROR: syntax error");
  CHECK(db.run("DOC FIND _c {}").starts_with("ERROR: a collection's name"));
}

TEST_CASE("what FIND does not know is said by name, and not passed over") {
  support::TestDb db;
  db.run("DOC PUT c a {\"n\":1}");
  const std::pair<const char*, const char*> refused[] = {
      {"FIND c {} LIMIT -1", "LIMIT takes a whole number from 0, not '-1'"},
      {"FIND c {} LIMIT abc", "LIMIT takes a whole number from 0, not 'abc'"},
      {"FIND c {} LIMIT 2.0", "LIMIT takes a whole number from 0, not '2.0'"},
      {"FIND c {} LIMIT", "LIMIT takes a value"},
      {"FIND c {} LIMIT 1 limit 2", "LIMIT is there twice"},
      {"FIND c {} NOPE 1", "unknown option 'NOPE': here may stand LIMIT, AFTER, SORT, FIELDS"},
      {"FIND c {} SORT -n, a LIMIT 2",
       "unknown option 'a': here may stand LIMIT, AFTER, SORT, FIELDS"},
      {"EXPLAIN c {} NOPE 1", "unknown option 'NOPE': here may stand LIMIT, AFTER, SORT, FIELDS"},
      {"LIST c SORT n", "unknown option 'SORT': here may stand LIMIT, AFTER"},
      {"CHANGES c SINCE 1-1 SINCE 1-1", "SINCE is there twice"},
      {"CHANGES c LIMIT 0", "LIMIT takes a whole number from 1, not '0'"},
      {"CHANGES c FROM 1-1", "unknown option 'FROM': here may stand SINCE, LIMIT"},
      {"FIND c {} SORT n,n", "SORT: the field \"n\" is there twice"},
      {"FIND c {} SORT n,-n", "SORT: the field \"n\" is there twice"},
      {"FIND c {} SORT +n",
       "SORT: \"+n\" is no field's name: a name stands bare, but for one - before it in SORT and "
       "indexes"},
      {"FIND c {} SORT n:desc",
       "SORT: \"n:desc\" is no field's name: a field that falls is written -age, one that rises "
       "age"},
      {"FIND c {} SORT {\"n\":1}",
       "SORT: \"{\"n\":1}\" is no field's name: a name stands bare, but for one - before it in "
       "SORT "
       "and indexes"},
      {"FIND c {} SORT n..a",
       "SORT: \"n..a\" is no field's name: between its dots something is missing"},
      {"FIND c {} FIELDS $.n",
       "FIELDS: \"$.n\" is no field's name: it has a wildcard or an operator in it"},
      {"FIND c {} FIELDS *",
       "FIELDS: \"*\" is no field's name: it has a wildcard or an operator in it"},
      {"FIND c {} FIELDS -n", "FIELDS: \"-n\" would be left out: say what is shown"},
      {"FIND c {} SORT n AFTER x", "AFTER takes a cursor that FIND gave for this SORT"},
      {"FIND c {} SORT n AFTER 00", "AFTER takes a cursor that FIND gave for this SORT"},
      {"FIND c {} SORT n AFTER 10", "AFTER takes a cursor that FIND gave for this SORT"},
      {"FIND c {\"n\":{\"$options\":\"i\"}}", "the filter: $options stands beside $regex"},
      {"COUNT c {\"n\":{\"$foo\":1}}", "the filter: unknown operator $foo"},
  };
  for (const auto& [command, error] : refused)
    CHECK_MESSAGE(db.run("DOC " + std::string(command)) == "ERROR: " + std::string(error), command);
  // A cursor of one order is none of another.
  db.run("DOC PUT c b {\"n\":2}");
  const std::string page = db.run("DOC FIND c {} SORT n LIMIT 1");
  const std::string cursor = page.substr(3, page.find('\n', 3) - 3);
  CHECK(db.run("DOC FIND c {} SORT n LIMIT 1 FIELDS n AFTER " + cursor) ==
        "*2\n(nil)\n*1\n{\"id\":\"b\",\"n\":2}");
  CHECK(db.run("DOC FIND c {} SORT -n AFTER " + cursor) ==
        "ERROR: AFTER takes a cursor that FIND gave for this SORT");
  CHECK(db.run("DOC FIND c {} SORT \" -n , a\" LIMIT 1 FIELDS \" n , a \"").ends_with("\"n\":2}"));
}

TEST_CASE("an update of MongoDB's is neither merged into a document nor put in its place") {
  support::TestDb db;
  db.run(R"(DOC PUT c a {"n":1})");
  const std::string merged =
      "ERROR: a merge has members and their values, no operators: $inc (DOC PATCH changes a member "
      "of such a name)";
  const std::string put =
      "ERROR: a document has no member $inc, which is how MongoDB changes one: DOC MERGE and DOC "
      "PATCH do that here";
  CHECK(db.run(R"(DOC MERGE c a {"$inc":{"n":1}})") == merged);
  CHECK(db.run(R"(DOC MERGE c a {"m":1,"$nonsense":{"n":1}})").starts_with("ERROR: a merge has"));
  CHECK(db.run(R"(DOC PUT c a {"$inc":{"n":1}})") == put);
  CHECK(db.run(R"(DOC PUT c a {"id":"a","$schema":"x","$inc":{"n":1}})") == put);
  CHECK(db.run(R"(DOC BULK c [{"id":"a","op":"merge","data":{"$inc":{"n":1}}}])") ==
        "ERROR: item 0: " + merged.substr(7));
  CHECK(db.run(R"(DOC BULK c [{"id":"b","data":{"$inc":{"n":1}}}])") ==
        "ERROR: item 0: " + put.substr(7));
  CHECK(fields(db.run("DOC GET c a")) == R"({"id":"a","n":1})");
  // Other names with a $ are names.
  CHECK(db.run(R"(DOC PUT c s {"$schema":"x","n":{"$inc":1}})") == "*2\ns\n1");
  CHECK(db.run(R"(DOC PATCH c s [{"op":"replace","path":"/$schema","value":"y"}])") == "2");
  CHECK(db.run(R"(DOC MERGE c s {"m":1})") == "3");
  CHECK(fields(db.run("DOC GET c s")) == R"({"id":"s","$schema":"y","n":{"$inc":1},"m":1})");
}

TEST_CASE("FLUSHALL removes keys, and leaves documents alone") {
  support::TestDb db;
  db.run("SET k v");
  db.run("DOC PUT c a {}");
  CHECK(db.run("FLUSHALL") == "OK");
  CHECK(db.run("DBSIZE") == "0");
  CHECK(db.run("DOC COUNT c") == "1");
}

TEST_CASE("documents come back from the log and from snapshots") {
  support::SimulatedFilesystem filesystem;
  DatabaseOptions options = support::TestDb::in_memory();
  options.wal_enabled = true;
  options.data_directory = "/data";
  std::string shown;
  for (const bool snapshot : {false, true}) {
    support::TestDb db(options, filesystem);
    if (!shown.empty()) CHECK(db.run("DOC GET c a") == shown);
    CHECK(db.run("DOC PUT c a {\"n\":1}").starts_with("*2\na\n"));
    db.run("DOC PUT c b {}");
    db.run("DOC DEL c b");
    shown = db.run("DOC GET c a");
    REQUIRE(db.database().close(snapshot));
  }
  support::TestDb db(options, filesystem);
  CHECK(db.run("DOC GET c a") == shown);
  CHECK(db.run("DOC COUNT c") == "1");
}

}  // namespace kimdb::database
