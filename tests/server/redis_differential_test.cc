// The same random commands to Debian's redis-server and to kimdb: the replies are the same bytes.
//
// KIMDB_SEED repeats a run, KIMDB_TEST_SECONDS makes it longer. Where kimdb answers otherwise on
// purpose is said in redis_command_stream.cc, in one list, and for people in docs/redis.md.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "tests/server/redis_pair.h"
#include "tests/support/redis_server.h"
#include "tests/support/test_seed.h"
#include "tests/support/test_server.h"

namespace kimdb::support {
namespace {

using namespace std::string_literals;

constexpr int kDatabases = 16;

// Both servers, kimdb with a second port that takes Redis' inline commands as well.
struct Servers {
  RedisServer redis;
  std::uint16_t resp_port = free_port();
  TestServer kimdb{{"wal.sync=off", "slowlog.threshold=1h",
                    "network.resp_address=127.0.0.1:" + std::to_string(resp_port)}};
  RecentCommands recent;

  // What is slow depends on the machine.
  Servers() { redis.connect().call({"CONFIG", "SET", "slowlog-log-slower-than", "-1"}); }

  RedisPair pair(const std::string& name) {
    return {name, redis.connect(), kimdb.connect(std::chrono::seconds(5)), recent};
  }
  RedisPair pair_on_resp_port(const std::string& name) {
    return {name, redis.connect(), TcpClient(resp_port, std::chrono::seconds(5)), recent};
  }
};

// A whole iteration, as the set of what it gave. A key that stays is given at least once.
std::set<std::string> scan_all(TcpClient& client, const std::vector<std::string>& options) {
  std::set<std::string> keys;
  std::string cursor = "0";
  do {
    std::vector<std::string> words = {"SCAN", cursor};
    words.insert(words.end(), options.begin(), options.end());
    const RespReply reply = client.call(words);
    REQUIRE_MESSAGE(reply.elements.size() == 2, readable(reply.raw));
    cursor = reply.elements[0].text;
    for (const RespReply& key : reply.elements[1].elements) keys.insert(key.text);
  } while (cursor != "0");
  return keys;
}

// All that both hold, in every database.
void compare_contents(Servers& servers) {
  RedisPair pair = servers.pair("contents");
  for (int database = 0; database < kDatabases; ++database) {
    pair.run({{"SELECT", std::to_string(database)}});
    pair.run({{"DBSIZE"}});
    const RespReply keys = pair.run({{"KEYS", "*"}, Compare::sorted});
    for (const RespReply& key : keys.elements) {
      pair.run({{"GET", key.text}});
      pair.run({{"PTTL", key.text}, Compare::near, 2000});
    }
    for (const std::vector<std::string>& options :
         std::vector<std::vector<std::string>>{{},
                                               {"COUNT", "1"},
                                               {"MATCH", "k[1-5]"},
                                               {"COUNT", "3", "MATCH", "*k*"},
                                               {"TYPE", "string"},
                                               {"TYPE", "list"}}) {
      CHECK(scan_all(pair.redis(), options) == scan_all(pair.kimdb(), options));
    }
  }
}

std::vector<StreamCommand> some(CommandStream& stream, bool in_transaction) {
  std::vector<StreamCommand> commands;
  for (std::uint64_t count = 1 + stream.random().below(12); count > 0; --count) {
    StreamCommand command = stream.next();
    if (in_transaction && is_refused_by_one_in_transactions(command.words)) continue;
    // A key that does not exist is watched less exactly (docs/redis.md).
    if (equals_ignoring_case(command.words[0], "WATCH"))
      for (std::size_t i = 1; i < command.words.size(); ++i)
        commands.push_back({{"SETNX", command.words[i], "watched"}});
    // Whether it succeeds is seen only later: from here on there may be a transaction.
    if (equals_ignoring_case(command.words[0], "MULTI")) in_transaction = true;
    commands.push_back(std::move(command));
  }
  return commands;
}

// Everything that comes back for raw bytes on a connection of their own, until the end.
std::string everything(TcpClient client, const std::string& bytes) {
  client.send(bytes);
  client.shutdown_sending();
  return client.receive_until_close();
}

}  // namespace

TEST_CASE("random commands get the same bytes from kimdb as from Redis") {
  CommandStream stream(test_seed("random commands get the same bytes from kimdb as from Redis"));
  Servers servers;
  const TestDeadline deadline(10);
  std::uint64_t commands = 0;
  do {
    // Two connections on kimdb's port and one on its RESP port, so that they meet in WATCH and
    // EXEC.
    std::vector<RedisPair> pairs;
    pairs.push_back(servers.pair("c1"));
    pairs.push_back(servers.pair("c2"));
    pairs.push_back(servers.pair_on_resp_port("c3"));
    for (int step = 0; step < 150; ++step) {
      RedisPair& pair = pairs[stream.random().below(pairs.size())];
      if (!pair.in_transaction() && stream.random().below(10) == 0) {
        pair.run(stream.hello());
      } else {
        const std::vector<StreamCommand> batch = some(stream, pair.in_transaction());
        pair.run(batch);
        commands += batch.size();
      }
    }
    pairs.clear();
    compare_contents(servers);
  } while (!deadline.passed());
  MESSAGE(commands, " commands compared");
}

TEST_CASE("random subscriptions get the same bytes from kimdb as from Redis") {
  CommandStream stream(
      test_seed("random subscriptions get the same bytes from kimdb as from Redis"));
  Servers servers;
  const TestDeadline deadline(3);
  do {
    std::vector<RedisPair> subscribers;
    RedisPair publisher = servers.pair("publisher");
    for (const char* name : {"s1", "s2", "s3"}) {
      subscribers.push_back(servers.pair(name));
      if (stream.random().below(2) == 0) subscribers.back().run({{"HELLO", "3"}, Compare::shape});
    }
    for (int step = 0; step < 100; ++step) {
      if (stream.random().below(2) == 0) {
        const StreamCommand command = stream.subscriber();
        RedisPair& pair = subscribers[stream.random().below(subscribers.size())];
        pair.run_until_ping(command, command.words.size() == 1);
      } else {
        publisher.run(stream.publisher());
        for (RedisPair& pair : subscribers) pair.compare_pushed();
      }
    }
    // Subscriptions go with their connections; the servers need a moment to see that these are
    // gone.
    for (RedisPair& pair : subscribers) {
      pair.run_until_ping({{"UNSUBSCRIBE"}}, true);
      pair.run_until_ping({{"PUNSUBSCRIBE"}}, true);
    }
  } while (!deadline.passed());
}

TEST_CASE("random commands under CLIENT REPLY get the same bytes from kimdb as from Redis") {
  CommandStream stream(
      test_seed("random commands under CLIENT REPLY get the same bytes from kimdb as from Redis"));
  Servers servers;
  const TestDeadline deadline(3);
  do {
    RedisPair pair = servers.pair("c1");
    for (int part = 0; part < 5; ++part) {
      if (stream.random().below(2) == 0) pair.run({{"HELLO", "3"}, Compare::shape});
      // RESET ends the silence: what came until then is the same.
      std::vector<StreamCommand> script;
      bool in_transaction = false;
      for (int step = 0; step < 8; ++step) {
        script.push_back(stream.silenced());
        const std::string name = script.back().words[0];
        // The reply of EXEC is all or nothing here, whatever is switched within it.
        if (in_transaction && name == "CLIENT") script.pop_back();
        in_transaction = in_transaction || name == "MULTI";
      }
      script.push_back({{"RESET"}});
      pair.run_all_until_ping(script, true);
    }
  } while (!deadline.passed());
}

TEST_CASE("under CLIENT REPLY OFF subscribers get what Redis sends them, monitors nothing") {
  Servers servers;
  for (const char* version : {"2", "3"}) {
    CAPTURE(version);
    RedisPair pair = servers.pair("c1"), publisher = servers.pair("publisher");
    pair.run({{"HELLO", version}, Compare::shape});
    pair.send({{"CLIENT", "REPLY", "OFF"}});
    pair.send({{"SUBSCRIBE", "c1", "c2"}});
    pair.compare_received(2);
    pair.send({{"PSUBSCRIBE", "c*"}});
    pair.compare_received(1);
    publisher.run({{"PUBLISH", "c1", "hello"}});
    pair.compare_received(2);
    pair.run_until_ping({{"RESET"}}, false);

    pair.run({{"HELLO", version}, Compare::shape});
    pair.send({{"MONITOR"}});
    pair.compare_received(1);
    pair.send({{"CLIENT", "REPLY", "OFF"}});
    publisher.run({{"SET", "k1", "1"}});
    pair.run_until_ping({{"RESET"}}, false);
  }
}

TEST_CASE("what is no RESP gets the same bytes from kimdb as from Redis") {
  Servers servers;
  const std::string ping = "*1\r\n$4\r\nPING\r\n";
  for (const std::string& bytes : {
           ping,
           ping + ping + ping,
           "*0\r\n" + ping,
           "*-1\r\n" + ping,
           "*-10\r\n" + ping,
           "*1\r\n$0\r\n\r\n" + ping,
           ping + "*abc\r\n" + ping,
           "*99999999999999999999\r\n"s,
           "*1\r\n$-1\r\n"s,
           "*1\r\n$abc\r\n"s,
           "*1\r\n$99999999999999999999\r\n"s,
           "*1\r\n$\r\n"s,
           "*1\r\nPING\r\n"s,
           "*1\r\n+PING\r\n"s,
           "*2\r\n$4\r\nPING\r\n:1\r\n"s,
           "*1\r\n\r\n"s,
           "*1\r\n$4\r\nQUIT\r\n" + ping,
           "*2\r\n$4\r\nQUIT\r\n$1\r\nx\r\n" + ping,
           "*3\r\n$3\r\nSET\r\n"s,
           "*1\r\n$4\r\nPI"s,
           "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\n\r\n\r\n\0\r\n"s + "*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
       }) {
    CAPTURE(readable(bytes));
    CHECK(readable(everything(servers.kimdb.connect(), bytes)) ==
          readable(everything(servers.redis.connect(), bytes)));
  }
}

TEST_CASE("inline commands on network.resp_address get the same bytes as from Redis") {
  Servers servers;
  for (const std::string& bytes : {
           "PING\r\n"s,
           "PING\n"s,
           "\r\n\r\nPING\r\n"s,
           "  PING  hello  \r\n"s,
           "ping\r\nPING x y\r\n"s,
           "SET a \"b c\"\r\nGET a\r\n"s,
           "SET a 'it\\'s'\r\nGET a\r\n"s,
           "SET a \"\\x41\\n\\t\\\"\\\\\\q\"\r\nGET a\r\n"s,
           "SET a \"unbalanced\r\nPING\r\n"s,
           "SET a 'unbalanced\r\n"s,
           "SET a \"x\"y\r\n"s,
           "GET\r\n"s,
           "NOSUCH a b\r\n"s,
           "# no comment here\r\n"s,
           "SET a {\"b\": 1}\r\n"s,
           "SELECT 1\r\nSET only1 1\r\nSELECT 0\r\nGET only1\r\n"s,
           "QUIT\r\nPING\r\n"s,
           "SET a b"s,
           "PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n"s,
       }) {
    CAPTURE(readable(bytes));
    CHECK(readable(everything(TcpClient(servers.resp_port), bytes)) ==
          readable(everything(servers.redis.connect(), bytes)));
  }
}

}  // namespace kimdb::support
