#include "client/client.h"

#include <doctest/doctest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/client/fake_server.h"

namespace kimdb::client {
namespace {

using std::chrono::milliseconds;
using Listener = FakeServer::Listener;

Result<Client> connect(const FakeServer& server) {
  return Client::connect({.address = server.address()});
}

TEST_CASE("a reply that arrives byte by byte is read as one") {
  FakeServer server([](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"GET", "k"});
    connection.send_byte_by_byte("$5\r\nva\r\nl\r\n");
  });
  auto client = connect(server);
  REQUIRE(client);
  CHECK(client->server().server == "kimdb");
  CHECK(client->server().role == "master");
  CHECK(client->server().connection_id == 7);
  auto value = client->get("k");
  REQUIRE(value);
  CHECK(**value == "va\r\nl");
  CHECK(server.failure() == "");
}

TEST_CASE("the login and the name go with the handshake") {
  FakeServer server([](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.shake_hands({"HELLO", "3", "AUTH", "kim", "secret", "SETNAME", "tests"});
  });
  auto client = Client::connect(
      {.address = server.address(), .user = "kim", .password = "secret", .name = "tests"});
  CHECK(client.has_value());
  CHECK(server.failure() == "");
}

TEST_CASE("a refused login is permission_denied and not tried again") {
  FakeServer server([](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.expect({"HELLO", "3", "AUTH", "default", "wrong"});
    connection.send("-WRONGPASS invalid username-password pair\r\n");
    connection.expect_close();
  });
  auto client = Client::connect({.address = server.address(), .password = "wrong"});
  REQUIRE(!client);
  CHECK(client.error().code == ErrorCode::permission_denied);
  CHECK(client.error().message.find("invalid username-password pair") != std::string::npos);
  CHECK(server.failure() == "");
}

TEST_CASE("a server that knows no HELLO is unsupported") {
  FakeServer server([](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.expect({"HELLO", "3"});
    connection.send("-ERR unknown command 'HELLO'\r\n");
  });
  auto client = connect(server);
  REQUIRE(!client);
  CHECK(client.error().code == ErrorCode::unsupported);
}

TEST_CASE("a server that speaks no RESP is unsupported") {
  FakeServer server([](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.send("SSH-2.0-OpenSSH_9.2\r\n");
    connection.expect({"HELLO", "3"});
  });
  auto client = connect(server);
  REQUIRE(!client);
  CHECK(client.error().code == ErrorCode::unsupported);
}

TEST_CASE("nobody listening is unavailable and names the address") {
  std::string address;
  {
    FakeServer server([](Listener&) {});
    address = server.address();
  }
  auto client = Client::connect({.address = address});
  REQUIRE(!client);
  CHECK(client.error().code == ErrorCode::unavailable);
  CHECK(client.error().message.find(address) != std::string::npos);
}

TEST_CASE("an address without a port is refused before anything is tried") {
  auto client = Client::connect({.address = "localhost"});
  REQUIRE(!client);
  CHECK(client.error().code == ErrorCode::invalid_argument);
}

TEST_CASE("an error reply is a value of call and an error of the typed functions") {
  FakeServer server([](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"GET", "k"});
    connection.send("-WRONGTYPE not a string\r\n");
    connection.expect({"GET", "k"});
    connection.send("-WRONGTYPE not a string\r\n");
  });
  auto client = connect(server);
  REQUIRE(client);
  auto reply = client->call({"GET", "k"});
  REQUIRE(reply);
  CHECK(reply->is_error());
  CHECK(reply->string == "WRONGTYPE not a string");
  auto value = client->get("k");
  REQUIRE(!value);
  CHECK(value.error().message == "WRONGTYPE not a string");
}

TEST_CASE("a pipeline's replies come in order, errors among them, events aside") {
  FakeServer server([](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"SET", "a", "1"});
    connection.expect({"INCR", "b"});
    connection.expect({"GET", "a"});
    connection.send(
        "+OK\r\n>3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\nhi\r\n-ERR not an integer\r\n$1\r\n1\r\n");
  });
  auto client = connect(server);
  REQUIRE(client);
  Pipeline pipeline;
  pipeline.add({"SET", "a", "1"}).add({"INCR", "b"}).add({"GET", "a"});
  std::vector<Value> replies;
  REQUIRE(client->run(pipeline, replies));
  REQUIRE(replies.size() == 3);
  CHECK(replies[0].string == "OK");
  CHECK(replies[1].is_error());
  CHECK(replies[2].string == "1");
  auto event = client->next_event(milliseconds(1000));
  REQUIRE(event);
  REQUIRE(event->has_value());
  CHECK((*event)->channel == "ch");
  CHECK((*event)->payload == "hi");
}

TEST_CASE("a pipeline larger than all buffers does not wait for itself") {
  // The server answers each command before it reads the next; a client that only sent would stop
  // both once the sockets' buffers are full.
  constexpr int kCommands = 300;
  const std::string value(100'000, 'v');
  FakeServer server([&](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    for (int i = 0; i < kCommands; ++i) {
      connection.expect({"ECHO", value});
      connection.send("$100000\r\n" + value + "\r\n");
    }
  });
  auto client = connect(server);
  REQUIRE(client);
  Pipeline pipeline;
  for (int i = 0; i < kCommands; ++i) pipeline.add({"ECHO", value});
  std::vector<Value> replies;
  REQUIRE(client->run(pipeline, replies));
  CHECK(replies.size() == kCommands);
  CHECK(replies.back().string == value);
  CHECK(server.failure() == "");
}

TEST_CASE("a read is sent again over a new connection") {
  for (const bool by_reset : {false, true}) {
    FakeServer server([&](Listener& listener) {
      {
        FakeConnection connection(listener.accept());
        connection.shake_hands();
        connection.expect({"GET", "k"});
        if (by_reset) connection.reset();
      }
      FakeConnection connection(listener.accept());
      connection.shake_hands();
      connection.expect({"GET", "k"});
      connection.send("$1\r\nv\r\n");
    });
    std::vector<Notice::Kind> notices;
    auto client =
        Client::connect({.address = server.address(), .on_notice = [&](const Notice& notice) {
                           notices.push_back(notice.kind);
                         }});
    REQUIRE(client);
    auto value = client->get("k");
    REQUIRE(value);
    CHECK(**value == "v");
    CHECK(notices == std::vector{Notice::Kind::lost, Notice::Kind::connected});
    CHECK(server.failure() == "");
  }
}

TEST_CASE("a write that may have been executed is not sent again") {
  FakeServer server([](Listener& listener) {
    {
      FakeConnection connection(listener.accept());
      connection.shake_hands();
      connection.expect({"INCR", "k"});
    }
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"PING"});
    connection.send("+PONG\r\n");
  });
  auto client = connect(server);
  REQUIRE(client);
  auto reply = client->call({"INCR", "k"});
  REQUIRE(!reply);
  CHECK(reply.error().code == ErrorCode::io_error);
  CHECK(reply.error().message.find("unknown") != std::string::npos);
  CHECK(client->ping().has_value());  // the next call finds a new connection
  CHECK(server.failure() == "");
}

TEST_CASE("a write that carries an ID is sent again") {
  FakeServer server([](Listener& listener) {
    {
      FakeConnection connection(listener.accept());
      connection.shake_hands();
      connection.expect({"ID", "c1", "7", "INCR", "k"});
    }
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"ID", "c1", "7", "INCR", "k"});
    connection.send(":1\r\n");
  });
  auto client = connect(server);
  REQUIRE(client);
  auto reply = client->call({"ID", "c1", "7", "INCR", "k"});
  REQUIRE(reply);
  CHECK(reply->integer == 1);
  CHECK(server.failure() == "");
}

TEST_CASE("of a broken pipeline the replies that came are kept, and its reads alone go on") {
  FakeServer server([](Listener& listener) {
    {
      FakeConnection connection(listener.accept());
      connection.shake_hands();
      connection.expect({"SET", "a", "1"});
      connection.expect({"GET", "a"});
      connection.send("+OK\r\n");
    }
    {
      FakeConnection connection(listener.accept());
      connection.shake_hands();
      connection.expect({"GET", "a"});
      connection.send("$1\r\n1\r\n");
      connection.expect({"GET", "a"});
      connection.expect({"SET", "a", "2"});
      connection.send("$1\r\n1\r\n");
    }
  });
  auto client = connect(server);
  REQUIRE(client);
  Pipeline pipeline;
  pipeline.add({"SET", "a", "1"}).add({"GET", "a"});
  std::vector<Value> replies;
  CHECK(client->run(pipeline, replies));
  CHECK(replies.size() == 2);

  pipeline.clear();
  pipeline.add({"GET", "a"}).add({"SET", "a", "2"});
  replies.clear();
  const Status status = client->run(pipeline, replies);
  REQUIRE(!status);
  CHECK(status.error().code == ErrorCode::io_error);
  CHECK(replies.size() == 1);
  CHECK(server.failure() == "");
}

TEST_CASE("a server that closes at a command is not asked without end") {
  FakeServer server([](Listener& listener) {
    for (int i = 0; i < 3; ++i) {
      FakeConnection connection(listener.accept());
      connection.shake_hands();
      connection.expect({"GET", "k"});
    }
  });
  auto client = connect(server);
  REQUIRE(client);
  CHECK(!client->get("k"));
  CHECK(server.failure() == "");
}

TEST_CASE("a connection that the server closed while idle is made again before the write is sent") {
  FakeServer server([](Listener& listener) {
    FakeConnection(listener.accept()).shake_hands();
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"SELECT", "3"});
    connection.send("+OK\r\n");
    connection.close();
    FakeConnection again(listener.accept());
    again.shake_hands();
    again.expect({"SELECT", "3"});
    again.send("+OK\r\n");
    again.expect({"INCR", "k"});
    again.send(":1\r\n");
  });
  auto client = connect(server);
  REQUIRE(client);
  while (client->is_connected()) std::this_thread::yield();
  REQUIRE(client->call({"SELECT", "3"}));
  CHECK(client->keyspace() == 3);
  while (client->is_connected()) std::this_thread::yield();
  auto reply = client->call({"INCR", "k"});
  REQUIRE(reply);
  CHECK(reply->integer == 1);
  CHECK(server.failure() == "");
}

TEST_CASE("inside MULTI nothing is sent again, not even reads, until the transaction is given up") {
  FakeServer server([](Listener& listener) {
    {
      FakeConnection connection(listener.accept());
      connection.shake_hands();
      connection.expect({"MULTI"});
      connection.send("+OK\r\n");
      connection.expect({"GET", "k"});
    }
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"GET", "k"});
    connection.send("$1\r\nv\r\n");
  });
  auto client = connect(server);
  REQUIRE(client);
  REQUIRE(client->call({"MULTI"}));
  CHECK(client->in_transaction());
  auto lost = client->get("k");
  REQUIRE(!lost);
  CHECK(lost.error().message.find("MULTI") != std::string::npos);
  CHECK(!client->in_transaction());
  CHECK(client->transaction_lost());
  CHECK(!client->get("k"));
  CHECK(client->call({"DISCARD"})->string == "OK");
  auto value = client->get("k");
  REQUIRE(value);
  CHECK(**value == "v");
  CHECK(server.failure() == "");
}

TEST_CASE("EXEC is not sent without the WATCH that was lost with the connection") {
  FakeServer server([](Listener& listener) {
    {
      FakeConnection connection(listener.accept());
      connection.shake_hands();
      connection.expect({"WATCH", "k"});
      connection.send("+OK\r\n");
    }
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"PING"});
    connection.send("+PONG\r\n");
  });
  auto client = connect(server);
  REQUIRE(client);
  REQUIRE(client->call({"WATCH", "k"}));
  while (client->is_connected()) std::this_thread::yield();
  auto result = client->transaction(Pipeline().add({"SET", "k", "v"}));
  REQUIRE(!result);
  CHECK(result.error().code == ErrorCode::unavailable);
  CHECK(client->ping().has_value());
  CHECK(server.failure() == "");
}

TEST_CASE(
    "a transaction gives its results, nothing when a watched key changed, or what was wrong") {
  FakeServer server([](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    for (const char* answer :
         {"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:2\r\n", "+OK\r\n+QUEUED\r\n+QUEUED\r\n_\r\n",
          "+OK\r\n-ERR unknown command 'INCT'\r\n+QUEUED\r\n-EXECABORT discarded\r\n"}) {
      connection.expect({"MULTI"});
      connection.expect({"SET", "a", "1"});
      connection.expect({"INCR", "a"});
      connection.expect({"EXEC"});
      connection.send(answer);
    }
  });
  auto client = connect(server);
  REQUIRE(client);
  Pipeline commands;
  commands.add({"SET", "a", "1"}).add({"INCR", "a"});
  auto result = client->transaction(commands);
  REQUIRE(result);
  REQUIRE(result->has_value());
  CHECK((**result)[1].integer == 2);
  result = client->transaction(commands);
  REQUIRE(result);
  CHECK(!result->has_value());
  result = client->transaction(commands);
  REQUIRE(!result);
  CHECK(result.error().message == "unknown command 'INCT'");
  CHECK(!client->in_transaction());
}

TEST_CASE("a reply that does not come in time is an unknown outcome and ends the connection") {
  FakeServer server([](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"GET", "k"});
    connection.expect_close();
  });
  auto client = Client::connect({.address = server.address(), .reply_timeout = milliseconds(50)});
  REQUIRE(client);
  auto value = client->get("k");
  REQUIRE(!value);
  CHECK(value.error().code == ErrorCode::io_error);
  CHECK(value.error().message.find("in time") != std::string::npos);
  CHECK(server.failure() == "");
}

TEST_CASE("a wait ends when the cancel descriptor can be read") {
  FakeServer server([](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"INCR", "k"});
    connection.expect_close();
  });
  const int cancel = eventfd(0, EFD_CLOEXEC);
  auto client = Client::connect({.address = server.address(), .cancel_descriptor = cancel});
  REQUIRE(client);
  std::thread canceller([&] { CHECK(eventfd_write(cancel, 1) == 0); });
  auto reply = client->call({"INCR", "k"});
  canceller.join();
  REQUIRE(!reply);
  CHECK(reply.error().code == ErrorCode::io_error);
  CHECK(reply.error().message.find("cancelled") != std::string::npos);
  CHECK(server.failure() == "");
  close(cancel);
}

TEST_CASE("subscriptions are confirmed by pushes, deliver events, and survive the connection") {
  FakeServer server([](Listener& listener) {
    {
      FakeConnection connection(listener.accept());
      connection.shake_hands();
      connection.expect({"SUBSCRIBE", "a", "b"});
      // A message may come between two confirmations.
      connection.send(
          ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n1\r\n"
          ">3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n");
      connection.expect({"PSUBSCRIBE", "x*"});
      connection.send(">3\r\n$10\r\npsubscribe\r\n$2\r\nx*\r\n:3\r\n");
    }
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"SUBSCRIBE", "a", "b"});
    connection.expect({"PSUBSCRIBE", "x*"});
    connection.send(
        ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"
        ">3\r\n$10\r\npsubscribe\r\n$2\r\nx*\r\n:3\r\n"
        ">4\r\n$8\r\npmessage\r\n$2\r\nx*\r\n$2\r\nxy\r\n$1\r\n2\r\n");
    connection.expect({"UNSUBSCRIBE"});
    connection.send(
        ">3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:2\r\n>3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:"
        "1\r\n");
  });
  auto client = connect(server);
  REQUIRE(client);
  REQUIRE(client->subscribe({"a", "b"}));
  REQUIRE(client->subscribe_patterns({"x*"}));
  CHECK(client->has_subscriptions());
  std::vector<Event> events;
  REQUIRE(client->listen([&](const Event& event) {
    events.push_back(event);
    return events.size() < 3;
  }));
  CHECK(events[0].kind == Event::Kind::message);
  CHECK(events[0].payload == "1");
  CHECK(events[1].kind == Event::Kind::resubscribed);
  CHECK(events[2].kind == Event::Kind::pattern_message);
  CHECK(events[2].pattern == "x*");
  CHECK(events[2].channel == "xy");
  REQUIRE(client->unsubscribe());
  CHECK(client->has_subscriptions());  // the pattern
  CHECK(server.failure() == "");
}

TEST_CASE("next_event ends without an event when its time is over") {
  FakeServer server([](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect_close();
  });
  {
    auto client = connect(server);
    REQUIRE(client);
    auto event = client->next_event(milliseconds(20));
    REQUIRE(event);
    CHECK(!event->has_value());
  }
  CHECK(server.failure() == "");
}

TEST_CASE("events that nobody takes are dropped, the oldest first, and counted") {
  FakeServer server([](Listener& listener) {
    FakeConnection connection(listener.accept());
    connection.shake_hands();
    connection.expect({"PING"});
    for (const char* payload : {"1", "2", "3"}) {
      connection.send(">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n" + std::string(payload) + "\r\n");
    }
    connection.send("+PONG\r\n");
  });
  auto client = Client::connect({.address = server.address(), .events_max = 2});
  REQUIRE(client);
  REQUIRE(client->ping());
  CHECK(client->events_dropped() == 1);
  auto event = client->next_event(milliseconds(1000));
  REQUIRE(event);
  CHECK((*event)->payload == "2");
}

}  // namespace
}  // namespace kimdb::client
