// The client against the real server.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "client/client.h"
#include "tests/support/test_server.h"

namespace kimdb::client {
namespace {

using std::chrono::milliseconds;

Options options_for(const support::TestServer& server) {
  return {.address = "127.0.0.1:" + std::to_string(server.port()), .name = "tests"};
}

TEST_CASE("the typed functions do on a server what they promise") {
  support::TestServer server;
  auto client = Client::connect(options_for(server));
  REQUIRE(client);
  CHECK(client->server().role == "master");
  CHECK(client->ping());

  CHECK(*client->set("a", "1"));
  CHECK(**client->get("a") == "1");
  CHECK(!client->get("nope")->has_value());
  CHECK(!*client->set("a", "2", {.condition = SetOptions::Condition::if_absent}));
  CHECK(*client->set("a", "2", {.condition = SetOptions::Condition::if_present}));
  CHECK(*client->increment("a", 5) == 7);
  CHECK(*client->exists("a"));

  CHECK(!client->time_to_live("a")->has_value());
  CHECK(*client->expire("a", milliseconds(60'000)));
  CHECK(client->time_to_live("a")->value() > milliseconds(50'000));
  CHECK(*client->set("b", "x", {.expire_after = milliseconds(60'000)}));
  CHECK(client->time_to_live("b")->has_value());

  const std::string binary("\0\r\n\xff", 4);
  REQUIRE(client->set_many(
      std::vector<std::pair<std::string_view, std::string_view>>{{"c", binary}, {"d", ""}}));
  auto values = client->get_many(std::vector<std::string_view>{"c", "nope", "d"});
  REQUIRE(values);
  CHECK(*(*values)[0] == binary);
  CHECK(!(*values)[1]);
  CHECK(*(*values)[2] == "");

  std::vector<std::string> keys;
  std::string cursor = "0";
  do {
    auto page = client->scan(cursor);
    REQUIRE(page);
    keys.insert(keys.end(), page->keys.begin(), page->keys.end());
    cursor = page->cursor;
  } while (cursor != "0");
  CHECK(keys.size() == 4);
  CHECK(*client->del({"a", "b", "nope"}) == 2);
}

TEST_CASE("a transaction is refused whole when a watched key changed") {
  support::TestServer server;
  auto client = Client::connect(options_for(server));
  auto other = Client::connect(options_for(server));
  REQUIRE(client);
  REQUIRE(other);
  REQUIRE(client->call({"WATCH", "k"}));
  REQUIRE(other->set("k", "theirs"));
  auto result = client->transaction(Pipeline().add({"SET", "k", "ours"}));
  REQUIRE(result);
  CHECK(!result->has_value());
  CHECK(**client->get("k") == "theirs");
  result = client->transaction(Pipeline().add({"SET", "k", "ours"}).add({"GET", "k"}));
  REQUIRE(result);
  CHECK((**result)[1].string == "ours");
}

TEST_CASE("messages arrive while commands are called, and after the server was killed") {
  support::TestServer server;
  auto subscriber = Client::connect(options_for(server));
  auto publisher = Client::connect(options_for(server));
  REQUIRE(subscriber);
  REQUIRE(publisher);
  REQUIRE(subscriber->subscribe({"news"}));
  REQUIRE(subscriber->subscribe_patterns({"w*"}));
  CHECK(*publisher->publish("news", "one") == 1);
  CHECK(subscriber->ping());
  auto event = subscriber->next_event(milliseconds(10'000));
  REQUIRE(event);
  CHECK((*event)->payload == "one");

  server.kill();
  server.restart();
  event = subscriber->next_event(milliseconds(10'000));
  REQUIRE(event);
  CHECK((*event)->kind == Event::Kind::resubscribed);
  CHECK(*publisher->publish("weather", "two") == 1);
  event = subscriber->next_event(milliseconds(10'000));
  REQUIRE(event);
  CHECK((*event)->kind == Event::Kind::pattern_message);
  CHECK((*event)->payload == "two");
}

TEST_CASE("what was acknowledged before a kill is there for the same client after it") {
  support::TestServer server;
  auto client = Client::connect(options_for(server));
  REQUIRE(client);
  REQUIRE(client->call({"SELECT", "2"}));
  Pipeline pipeline;
  for (int i = 0; i < 1000; ++i) pipeline.add({"SET", "k" + std::to_string(i), std::to_string(i)});
  std::vector<Value> replies;
  REQUIRE(client->run(pipeline, replies));
  server.kill();
  server.restart();
  // In the keyspace that was selected over the connection that is gone.
  auto value = client->get("k999");
  REQUIRE(value);
  REQUIRE(value->has_value());
  CHECK(**value == "999");
  CHECK(client->call({"DBSIZE"})->integer == 1000);
}

TEST_CASE("a numbered write that is sent again is done once") {
  support::TestServer server;
  auto client = Client::connect(options_for(server));
  REQUIRE(client);
  CHECK(client->call({"ID", "c1", "1", "INCR", "n"})->integer == 1);
  server.kill();
  server.restart();
  CHECK(client->call({"ID", "c1", "1", "INCR", "n"})->integer == 1);
  CHECK(**client->get("n") == "1");
}

// Rows of 10,000 bytes, made as they are asked for.
std::string rows_of(std::size_t count) {
  return "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < " +
         std::to_string(count) + ") SELECT n, printf('%010000d', n) AS v FROM c";
}

TEST_CASE("call_streamed hands over a long list as it comes, and gives a short one as a reply") {
  support::TestServer server;
  Options options = options_for(server);
  options.reply_bytes_max = 1 << 20;
  auto client = Client::connect(options);
  REQUIRE(client);
  REQUIRE(client->subscribe({"news"}));
  std::int64_t rows = 0;
  const auto take = [&](std::vector<Value>&& elements) {
    for (const Value& row : elements) {
      REQUIRE(row.elements.size() == 4);
      REQUIRE(row.elements[1].integer == ++rows);
      REQUIRE(row.elements[3].string.size() == 10'000);
    }
  };
  const auto call = [&](const std::string& sql) {
    return client->call_streamed(std::vector<std::string>{"SQL", sql}, take);
  };
  auto reply = call(rows_of(20'000));
  REQUIRE(reply);
  CHECK(reply->type == Value::Type::array);
  CHECK(reply->elements.empty());
  CHECK(rows == 20'000);
  reply = call(rows_of(3));
  REQUIRE(reply);
  CHECK(reply->elements.size() == 3);
  CHECK(rows == 20'000);
  reply = call("SELECT nothing");
  REQUIRE(reply);
  CHECK(reply->is_error());

  // A connection that was made again is asked, too.
  server.kill();
  server.restart();
  rows = 0;
  REQUIRE(client->ping());
  reply = call(rows_of(2'000));
  REQUIRE(reply);
  CHECK(rows == 2'000);

  // Whole it is larger than this client takes.
  CHECK(!client->call({"SQL", rows_of(2'000)}));
}

TEST_CASE("of a long list that fails in the middle the error is the reply") {
  support::TestServer server({"sql.statement_timeout=300ms"});
  auto client = Client::connect(options_for(server));
  REQUIRE(client);
  std::size_t rows = 0;
  const auto take = [&](std::vector<Value>&& elements) { rows += elements.size(); };
  const std::vector<std::string> endless{
      "SQL", "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c"};
  auto reply = client->call_streamed(endless, take);
  REQUIRE(reply);
  CHECK(reply->is_error());
  CHECK(reply->string == "ERR the statement took longer than sql.statement_timeout allows");
  CHECK(rows > 0);
  CHECK(client->ping());

  // Where the connection breaks no reply comes, and nothing is asked for again.
  rows = 0;
  bool killed = false;
  reply = client->call_streamed(endless, [&](std::vector<Value>&& elements) {
    rows += elements.size();
    if (!killed) server.kill();
    killed = true;
  });
  REQUIRE(!reply);
  CHECK(reply.error().code == ErrorCode::io_error);
  CHECK(reply.error().message.ends_with("; the rest of the reply is missing"));
}

}  // namespace
}  // namespace kimdb::client
