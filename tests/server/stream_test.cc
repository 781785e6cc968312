// Answers that are too long to be held: they leave while they are found, on every interface, and a
// client that does not read stops nobody else.
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/master_and_slave.h"
#include "tests/server/sql_lines.h"
#include "tests/support/http_server.h"
#include "tests/support/test_seed.h"
#include "tests/support/test_server.h"

namespace kimdb::support {
namespace {

using namespace std::chrono_literals;

// Rows of 10,000 bytes, each with its number; made as they are asked for.
std::string rows_of(std::size_t count) {
  return "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < " +
         std::to_string(count) + ") SELECT n, printf('%010000d', n) AS v FROM c";
}
constexpr std::size_t kRowBytes = 10'000;
constexpr std::size_t kManyRows = 32'000;  // 320 MB

std::string padded(std::size_t number) {
  std::string digits = std::to_string(number);
  return std::string(kRowBytes - digits.size(), '0') + digits;
}

// What the server may hold of it: a few pieces, and what the allocator keeps of them. The
// sanitizers' allocators keep what is freed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kHeldMax = std::uint64_t{1} << 30;
#else
constexpr std::uint64_t kHeldMax = 64 << 20;
#endif

// What stands in the server before a long answer, and that it has not grown by much meanwhile.
class Memory {
 public:
  explicit Memory(const TestServer& server) : server_(server), before_(peak()) {}
  void check() const { CHECK(peak() - before_ < kHeldMax); }

 private:
  std::uint64_t peak() const { return server_.peak_resident_bytes(); }
  const TestServer& server_;
  const std::uint64_t before_;
};

// Reads the parts of a list without its length; the lines, in all.
std::size_t receive_parts(TcpClient& client, const std::function<void(std::string)>& take) {
  std::size_t lines = 0;
  for (;;) {
    const std::string part = client.receive_line();
    REQUIRE(part.starts_with('*'));
    const std::size_t count = std::stoul(part.substr(1));
    if (count == 0) return lines;
    for (std::size_t i = 0; i < count; ++i, ++lines) take(client.receive_line());
  }
}

std::vector<std::string> receive_parts(TcpClient& client) {
  std::vector<std::string> lines;
  receive_parts(client, [&](std::string line) { lines.push_back(std::move(line)); });
  return lines;
}

void expect(TcpClient& client, const std::string& bytes) {
  REQUIRE(client.receive_exact(bytes.size()) == bytes);
}

// A row of rows_of() in RESP, a map or a list of names and values.
std::string resp_row(const std::string& head, std::size_t number) {
  return head + "\r\n$1\r\nn\r\n:" + std::to_string(number) + "\r\n$1\r\nv\r\n$10000\r\n" +
         padded(number) + "\r\n";
}

// A table whose rows say in which round they were written.
constexpr std::size_t kTableRows = 3000;
void make_table(TcpClient& client, std::size_t value_bytes = 5000) {
  REQUIRE(ask_lines(client, "CREATE TABLE t (id INT PRIMARY KEY, round INT, v TEXT)") == "OK");
  REQUIRE(ask_lines(client,
                    "INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 "
                    "FROM c WHERE n < " +
                        std::to_string(kTableRows) + ") SELECT n, 1, printf('%0" +
                        std::to_string(value_bytes) + "d', n) FROM c") ==
          std::to_string(kTableRows));
}

// A stream of the whole table has begun, and is read up to its first row.
TcpClient begin_to_read(const TestServer& server,
                        const std::string& statement = "SELECT id, round, v FROM t") {
  TcpClient client = server.connect(60s);
  REQUIRE(client.ask("CLIENT STREAM ON") == "OK");
  REQUIRE(client.ask(statement) == "*?");
  return client;
}

}  // namespace

TEST_CASE("an answer of 320 MB reaches who reads, in lines, and the server holds little of it") {
  TestServer server;
  TcpClient client = server.connect(60s);
  REQUIRE(client.ask("CLIENT STREAM ON") == "OK");
  const Memory memory(server);
  client.send(rows_of(kManyRows) + "\nECHO next\n");
  REQUIRE(client.receive_line() == "*?");
  std::size_t at = 0;
  receive_parts(client, [&](const std::string& line) {
    REQUIRE(line == (at == 0 ? "n|v" : std::to_string(at) + "|" + padded(at)));
    ++at;
  });
  CHECK(at == kManyRows + 1);
  CHECK(client.receive_line() == "next");
  // Who has not asked for such lists is told first how many rows come.
  REQUIRE(client.ask("CLIENT STREAM OFF") == "OK");
  REQUIRE(client.ask(rows_of(kManyRows)) == "*" + std::to_string(kManyRows + 1));
  REQUIRE(client.receive_line() == "n|v");
  for (std::size_t i = 1; i <= kManyRows; ++i)
    REQUIRE(client.receive_line() == std::to_string(i) + "|" + padded(i));
  CHECK(client.ask("ECHO next") == "next");
  memory.check();
}

TEST_CASE("an answer of 320 MB reaches who reads, in RESP, and the server holds little of it") {
  TestServer server;
  const Memory memory(server);
  for (const bool streams : {true, false})
    for (const char* version : {"2", "3"}) {
      CAPTURE(streams);
      CAPTURE(version);
      TcpClient client = server.connect(60s);
      client.call({"HELLO", version});
      if (streams) CHECK(client.call({"CLIENT", "STREAM", "ON"}).raw == "+OK\r\n");
      const std::size_t rows = streams ? kManyRows : kManyRows / 4;
      client.send(resp_request({"SQL", rows_of(rows)}));
      client.send(resp_request({"PING"}));
      expect(client, streams ? "*?\r\n" : "*" + std::to_string(rows) + "\r\n");
      for (std::size_t i = 1; i <= rows; ++i)
        expect(client, resp_row(*version == '2' ? "*4" : "%2", i));
      expect(client, streams ? ".\r\n+PONG\r\n" : "+PONG\r\n");
    }
  memory.check();
}

TEST_CASE("an answer of 320 MB reaches who reads, as JSON, and the server holds little of it") {
  TestServer server;
  TcpClient client = server.connect(60s);
  REQUIRE(client.ask("FORMAT json") == "OK");
  const Memory memory(server);
  client.send(rows_of(kManyRows) + "\nPING\n");
  for (std::size_t i = 1; i <= kManyRows; ++i)
    expect(client, (i == 1 ? "[" : ",") + ("{\"n\":" + std::to_string(i)) + ",\"v\":\"" +
                       padded(i) + "\"}");
  expect(client, "]\n\"PONG\"\n");
  memory.check();
}

TEST_CASE(
    "an answer of 320 MB reaches who reads over HTTP, in chunks, and the server holds little") {
  HttpServer server;
  TcpClient client = server.connect();
  client.set_timeout(60s);
  const Memory memory(server.server());
  const std::string body = "{\"sql\":\"" + rows_of(kManyRows) + "\"}";
  client.send("POST /api/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body +
              "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.receive_line() == "HTTP/1.1 200 OK");
  bool chunked = false;
  for (std::string line = client.receive_line(); !line.empty(); line = client.receive_line())
    chunked = chunked || line == "Transfer-Encoding: chunked";
  REQUIRE(chunked);
  std::string text;  // what has come and was not looked at
  std::size_t rows = 0;
  for (;;) {
    const std::size_t size = std::stoul(client.receive_line(), nullptr, 16);
    text += client.receive_exact(size);
    expect(client, "\r\n");
    if (rows == 0) {
      REQUIRE(text.starts_with("{\"success\":true,\"rows\":["));
      text.erase(0, 24);
    }
    std::size_t at = 0;
    for (;;) {
      const std::string row = (rows == 0 ? "{\"n\":" : ",{\"n\":") + std::to_string(rows + 1) +
                              ",\"v\":\"" + padded(rows + 1) + "\"}";
      if (text.size() - at < row.size()) break;
      REQUIRE(text.substr(at, row.size()) == row);
      at += row.size();
      ++rows;
    }
    text.erase(0, at);
    if (size == 0) break;
  }
  CHECK(rows == kManyRows);
  CHECK(text == "],\"count\":" + std::to_string(kManyRows) + "}\n");
  CHECK(client.receive_line() == "HTTP/1.1 200 OK");  // the next request
  memory.check();
}

TEST_CASE("a list of documents of 70 MB reaches who reads, although it is made as a whole") {
  TestServer server;
  TcpClient client = server.connect(60s);
  const std::string text(700'000, 'x');
  for (int i = 0; i < 100; ++i) {
    const std::string document = "{\"text\":\"" + text + "\"}";
    REQUIRE(!client.call({"DOC", "PUT", "c", std::to_string(i), document}).is_error());
  }
  REQUIRE(client.ask("DOC LIST c") == "*100");
  for (int i = 0; i < 100; ++i) REQUIRE(client.receive_line().find(text) != std::string::npos);
  CHECK(client.ask("ECHO next") == "next");
}

TEST_CASE("small answers are what they were, whether lists without their length were asked for") {
  TestServer server;
  TcpClient client = server.connect();
  REQUIRE(ask_lines(client, "CREATE TABLE t (id INT PRIMARY KEY, v TEXT)") == "OK");
  REQUIRE(ask_lines(client, "INSERT INTO t VALUES (1, 'a'), (2, '*?'), (3, '.')") == "3");
  const std::string lines = ask_lines(client, "SELECT id, v FROM t ORDER BY id");
  const std::string resp = client.call({"SQL", "SELECT id, v FROM t ORDER BY id"}).raw;
  CHECK(lines == "*4\nid|v\n1|a\n2|\"*?\"\n3|.");
  REQUIRE(client.ask("CLIENT STREAM ON") == "OK");
  CHECK(ask_lines(client, "SELECT id, v FROM t ORDER BY id") == lines);
  CHECK(client.call({"SQL", "SELECT id, v FROM t ORDER BY id"}).raw == resp);
  CHECK(client.ask("CLIENT STREAM maybe").starts_with("ERROR: syntax error"));
  CHECK(client.call({"RESET"}).raw == "+RESET\r\n");
  CHECK(client.ask(rows_of(1000)) == "*1001");
}

TEST_CASE("who does not read stops nobody else, however many they are") {
  TestServer server;
  TcpClient admin = server.connect(60s);
  make_table(admin);
  const Memory memory(server);
  std::vector<TcpClient> deaf;
  for (int i = 0; i < 12; ++i) deaf.push_back(begin_to_read(server));
  // More than there are workers, and I/O threads: statements and commands of others are answered,
  // and the deaf ones' statements rest.
  for (int i = 0; i < 8; ++i) {
    TcpClient client = server.connect(60s);
    CHECK(ask_lines(client, "SELECT count(*), max(round) FROM t") ==
          "*2\ncount(*)|max(round)\n3000|1");
    CHECK(client.ask("SET k v") == "OK");
    CHECK(client.ask("SCAN 0").starts_with("*2"));
    while (client.receive_available().empty()) std::this_thread::yield();
  }
  memory.check();
  for (TcpClient& client : deaf) CHECK(receive_parts(client).size() == kTableRows + 1);
}

TEST_CASE("a long answer shows one state, whatever is written while it leaves") {
  TestServer server;
  TcpClient writer = server.connect(60s);
  make_table(writer);
  TcpClient counted = server.connect(60s);
  REQUIRE(counted.ask("SELECT id, round, v FROM t") == "*" + std::to_string(kTableRows + 1));
  TcpClient by_key = begin_to_read(server, "SELECT id, round, v FROM t ORDER BY id");
  TcpClient streamed = begin_to_read(server);
  REQUIRE(ask_lines(writer, "UPDATE t SET round = 2, v = 'short'") == std::to_string(kTableRows));
  REQUIRE(ask_lines(writer, "DELETE FROM t WHERE id % 2 = 0") == std::to_string(kTableRows / 2));
  REQUIRE(ask_lines(writer, "INSERT INTO t VALUES (-1, 3, 'new')") == "1");
  const auto check = [&](const std::vector<std::string>& lines) {
    REQUIRE(lines.size() == kTableRows + 1);
    CHECK(lines[0] == "id|round|v");
    std::vector<bool> seen(kTableRows + 1);
    for (std::size_t i = 1; i < lines.size(); ++i) {
      const std::size_t id = std::stoul(lines[i]);
      REQUIRE(id <= kTableRows);
      REQUIRE(!seen[id]);
      seen[id] = true;
      REQUIRE(lines[i].starts_with(std::to_string(id) + "|1|0000"));
    }
  };
  check(receive_parts(streamed));
  check(receive_parts(by_key));
  std::vector<std::string> lines;
  for (std::size_t i = 0; i <= kTableRows; ++i) lines.push_back(counted.receive_line());
  check(lines);
  CHECK(ask_lines(counted, "SELECT count(*) FROM t") == "*2\ncount(*)\n1501");
}

TEST_CASE("a table that is dropped while its rows leave is still shown to its end") {
  TestServer server;
  TcpClient writer = server.connect(60s);
  make_table(writer);
  TcpClient reader = begin_to_read(server);
  REQUIRE(ask_lines(writer, "DROP TABLE t") == "OK");
  CHECK(receive_parts(reader).size() == kTableRows + 1);
  CHECK(ask_lines(reader, "SELECT id FROM t").starts_with("ERROR: "));
}

TEST_CASE(
    "in a transaction a long answer shows what that has changed, and the next command waits") {
  TestServer server;
  TcpClient other = server.connect(60s);
  make_table(other);
  TcpClient client = server.connect(60s);
  REQUIRE(client.ask("CLIENT STREAM ON") == "OK");
  client.send(
      "BEGIN\nUPDATE t SET round = 7 WHERE id <= 100\nINSERT INTO t VALUES (0, 7, 'mine')\n"
      "SELECT id, round, v FROM t\nDELETE FROM t WHERE id = 0\nCOMMIT\nSELECT count(*) FROM t\n");
  CHECK(client.receive_line() == "OK");
  CHECK(client.receive_line() == "100");
  CHECK(client.receive_line() == "1");
  REQUIRE(client.receive_line() == "*?");
  REQUIRE(ask_lines(other, "SELECT count(*) FROM t WHERE round = 7") == "*2\ncount(*)\n0");
  const std::vector<std::string> lines = receive_parts(client);
  CHECK(lines.size() == kTableRows + 2);
  std::size_t mine = 0;
  for (const std::string& line : lines) mine += line.find("|7|") != std::string::npos ? 1 : 0;
  CHECK(mine == 101);
  CHECK(client.receive_line() == "1");
  CHECK(client.receive_line() == "OK");
  CHECK(receive_lines(client) == "*2\ncount(*)\n3000");
  CHECK(ask_lines(other, "SELECT count(*) FROM t WHERE round = 7") == "*2\ncount(*)\n100");
}

TEST_CASE("an event comes behind a long answer, not into it") {
  TestServer server;
  TcpClient other = server.connect(60s);
  make_table(other);
  TcpClient client = server.connect(60s);
  REQUIRE(client.ask("CLIENT STREAM ON") == "OK");
  REQUIRE(client.ask("SUBSCRIBE news") == "> subscribe news 1");
  REQUIRE(client.ask("SELECT id, round, v FROM t") == "*?");
  REQUIRE(other.ask("PUBLISH news x") == "1");
  CHECK(receive_parts(client).size() == kTableRows + 1);
  CHECK(client.receive_line() == "> message news x");
}

TEST_CASE("what a long answer holds goes with its connection, and by KILL") {
  TestServer server;
  TcpClient admin = server.connect(60s);
  make_table(admin);
  // Old versions stay as long as somebody may show them.
  const auto versions = [&] {
    const std::string rows = ask_lines(admin, "SELECT sum(undo) FROM kimdb_partitions");
    return rows.substr(rows.rfind('\n') + 1);
  };
  for (const bool killed : {true, false}) {
    CAPTURE(killed);
    TcpClient reader = begin_to_read(server);
    REQUIRE(ask_lines(admin, "UPDATE t SET round = round + 1") == std::to_string(kTableRows));
    CHECK(ask_lines(admin, "VACUUM") == "OK");
    CHECK(versions() == std::to_string(kTableRows));
    if (killed) {
      const std::string list = admin.call({"CLIENT", "LIST"}).text;
      const std::size_t cmd = list.find("cmd=sql", list.find('\n'));
      REQUIRE(cmd != std::string::npos);
      const std::size_t line = list.rfind("id=", list.rfind('\n', cmd) + 4);
      REQUIRE(admin.ask("KILL " + std::to_string(std::stoul(list.substr(line + 3)))) == "OK");
      // Cut, and no end that could be taken for one.
      CHECK(reader.receive_until_close().find("\n*0\n") == std::string::npos);
    } else {
      reader.close();
    }
    const TestDeadline deadline(60);
    while (versions() != "0" && !deadline.passed()) ask_lines(admin, "VACUUM");
    CHECK(versions() == "0");
  }
}

TEST_CASE("what goes wrong in the middle of a long answer is told, whichever interface") {
  HttpServer http({"sql.statement_timeout=300ms"});
  const TestServer& server = http.server();
  const std::string endless =
      "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
      "SELECT n, printf('%01000d', n) AS v FROM c";
  const std::string why = "the statement took longer than sql.statement_timeout allows";

  TcpClient lines = server.connect(60s);
  REQUIRE(lines.ask("CLIENT STREAM ON") == "OK");
  REQUIRE(lines.ask(endless) == "*?");
  std::string part = lines.receive_line();
  for (; part.starts_with('*'); part = lines.receive_line())
    for (std::size_t i = std::stoul(part.substr(1)); i > 0; --i) lines.receive_line();
  CHECK(part == "ERROR: " + why);
  CHECK(lines.ask("ECHO next") == "next");

  TcpClient json = server.connect(60s);
  REQUIRE(json.ask("FORMAT json") == "OK");
  const std::string line = json.ask(endless);
  CHECK(line.starts_with("[{\"n\":1,\"v\":\"000"));
  CHECK(line.ends_with("\"},{\"error\":\"" + why + "\"}"));  // and no ]
  CHECK(json.ask("ECHO next") == "\"next\"");

  TcpClient resp = server.connect(60s);
  resp.call({"CLIENT", "STREAM", "ON"});
  resp.send(resp_request({"SQL", endless}));
  std::string last, before;
  for (last = resp.receive_line(); last != "."; last = resp.receive_line()) before = last;
  CHECK(before == "-ERR " + why);
  CHECK(resp.call({"PING"}).raw == "+PONG\r\n");

  // Who is told a count first is told the error instead.
  CHECK(server.connect(60s).ask(endless) == "ERROR: " + why);

  const std::string body = "{\"sql\":\"" + endless + "\"}";
  TcpClient client = http.connect();
  client.send("POST /api/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body);
  const std::string response = client.receive_until_close();
  CHECK(response.find("\r\nTransfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(response.ends_with("],\"error\":\"" + why + "\"}\n\r\n"));  // and no last chunk
}

TEST_CASE("a statement's time is its own, not its reader's; the answer's has a limit of its own") {
  TestServer server({"sql.statement_timeout=2s", "sql.answer_timeout=1h"});
  TcpClient writer = server.connect(60s);
  make_table(writer);
  TcpClient reader = begin_to_read(server);
  std::this_thread::sleep_for(2500ms);  // longer than the statement may run
  CHECK(receive_parts(reader).size() == kTableRows + 1);

  REQUIRE(writer.ask("CONFIG SET sql.answer_timeout 1ms") == "OK");
  // Who goes on reading is told; who does not is closed.
  TcpClient slow = begin_to_read(server);
  std::string part = slow.receive_line();
  for (; part.starts_with('*'); part = slow.receive_line())
    for (std::size_t i = std::stoul(part.substr(1)); i > 0; --i) slow.receive_line();
  CHECK(part == "ERROR: the answer took longer to leave than sql.answer_timeout allows");
  TcpClient deaf = server.connect(60s);
  const std::string id = deaf.ask("CLIENT ID");
  REQUIRE(deaf.ask("CLIENT STREAM ON") == "OK");
  REQUIRE(writer.ask("CONFIG SET sql.answer_timeout 500ms") == "OK");
  REQUIRE(deaf.ask("SELECT id, round, v FROM t") == "*?");
  const TestDeadline deadline(60);
  bool there = true;
  while (there && !deadline.passed())
    there = writer.call({"CLIENT", "LIST", "ID", id}).raw.find("id=" + id) != std::string::npos;
  CHECK(!there);
}

TEST_CASE("a statement whose rows may differ the second time is not run twice") {
  TestServer server({"sql.max_memory=16MB"});
  TcpClient client = server.connect(60s);
  const auto with_chance = [](std::size_t rows) {
    return "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < " +
           std::to_string(rows) + ") SELECT n, printf('%01000d', n) FROM c WHERE random() % 2 = 0";
  };
  // Held as a whole, as far as that goes.
  const std::string head = client.ask(with_chance(10'000));
  REQUIRE(head.starts_with('*'));
  for (std::size_t i = std::stoul(head.substr(1)); i > 0; --i) client.receive_line();
  CHECK(client.ask("ECHO next") == "next");
  CHECK(client.ask(with_chance(100'000)) ==
        "ERROR: the statement needs more memory than sql.max_memory allows");
  REQUIRE(client.ask("CLIENT STREAM ON") == "OK");
  REQUIRE(client.ask(with_chance(100'000)) == "*?");
  CHECK(receive_parts(client).size() > 40'000);
}

TEST_CASE("nothing of a long answer leaves before what it shows is committed") {
  const std::uint16_t port = free_port();
  std::vector<std::string> settings = master_settings(port);
  settings.emplace_back("replication.timeout=300ms");
  TestServer master(settings);
  TestServer slave(slave_settings(port, free_port()));
  TcpClient client = master.connect(60s);
  make_table(client, 500);
  REQUIRE(client.ask("CLIENT STREAM ON") == "OK");
  slave.kill();  // without it nothing is committed any more
  client.send("UPDATE t SET round = 2\nSELECT id, round, v FROM t\nPING\n");
  const std::string unknown =
      "ERROR: REPL_TIMEOUT the replicas did not acknowledge in time, outcome unknown";
  CHECK(client.receive_line() == unknown);
  CHECK(client.receive_line() == unknown);
  CHECK(client.receive_line() == "PONG");
}

}  // namespace kimdb::support
