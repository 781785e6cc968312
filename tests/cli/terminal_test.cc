// kimdb-cli in a real terminal (tmux): what is typed and pasted there, cut connections, a narrow
// window, Korean.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/test_server.h"
#include "tests/support/tmux_terminal.h"

namespace kimdb::cli {
namespace {

using support::times_in;
using support::TmuxTerminal;

constexpr const char* kPrompt = "[master]>";
constexpr const char* kMore = "   ...>";

// A server and the prompt of kimdb-cli at it.
struct AtPrompt {
  explicit AtPrompt(std::vector<std::string> settings = {},
                    TmuxTerminal::Size size = TmuxTerminal::Size(),
                    const std::string& locale = "C.UTF-8")
      : server(std::move(settings)),
        terminal({"env", "LC_ALL=" + locale, support::built_binary("kimdb-cli"), "--address",
                  "127.0.0.1:" + std::to_string(server.port())},
                 size) {
    REQUIRE(terminal.shows("[master]>"));
  }

  std::string ask(const std::string& line) { return server.connect().ask(line); }
  // The table orders with the rows 1 to 5.
  void make_orders() {
    REQUIRE(ask("CREATE TABLE orders (id INT PRIMARY KEY, name TEXT)") == "OK");
    REQUIRE(ask("INSERT INTO orders (id) VALUES (1), (2), (3), (4), (5)") == "5");
  }
  bool has_orders(const std::string& ids) {
    auto client = server.connect();
    client.send("SELECT coalesce(group_concat(id), '-') AS ids FROM orders\n");
    client.receive_line();
    client.receive_line();
    return client.receive_line() == ids;
  }
  // The number of kimdb-cli's connection; empty where there is none.
  std::string connection() {
    auto client = server.connect();
    client.send("CLIENT LIST\n");
    std::string id;
    for (int lines = std::stoi(client.receive_line().substr(1)); lines > 0; --lines) {
      const std::string line = client.receive_line();
      if (line.find("name=kimdb-cli") != std::string::npos) id = line.substr(3, line.find(' ') - 3);
    }
    return id;
  }
  void cut() { REQUIRE(ask("KILL " + connection()) == "OK"); }

  support::TestServer server;
  TmuxTerminal terminal;
};

TEST_CASE("a statement that is typed over two lines is one") {
  AtPrompt at;
  at.make_orders();
  at.terminal.enter("DELETE FROM orders");
  CHECK(at.terminal.shows("; or an empty line runs it, Ctrl-C drops it"));
  CHECK(at.has_orders("1,2,3,4,5"));
  at.terminal.enter("WHERE id = 4;");
  CHECK(at.terminal.shows(kPrompt, 2));
  CHECK(at.terminal.shows("\n1\n"));
  CHECK(at.has_orders("1,2,3,5"));

  // By an empty line.
  at.terminal.enter("DELETE FROM orders WHERE id = 5");
  CHECK(at.terminal.shows(kMore, 2));
  at.terminal.press("Enter");
  CHECK(at.terminal.shows("\n1\n", 2));
  CHECK(at.has_orders("1,2,3"));

  // What could not go on runs at once; several on a line are each its own.
  at.terminal.enter("BEGIN");
  CHECK(at.terminal.shows("(tx)>"));
  at.terminal.enter("DELETE FROM orders; ROLLBACK;");
  CHECK(at.terminal.shows("\n3\nOK\n"));
  CHECK(at.has_orders("1,2,3"));

  // Recalled from the history it comes back with all its lines.
  at.terminal.press("Up");
  at.terminal.press("Up");
  at.terminal.press("Up");
  at.terminal.press("Up");
  CHECK(at.terminal.shows("[master]> DELETE FROM orders\nWHERE id = 4;"));
}

TEST_CASE("Ctrl-C drops a statement that is open; quit and Ctrl-D say that it is") {
  AtPrompt at;
  at.make_orders();
  at.terminal.enter("DELETE FROM orders");
  CHECK(at.terminal.shows(kMore));
  at.terminal.press("C-c");
  CHECK(at.terminal.shows(kPrompt, 2));
  at.terminal.enter("ECHO here");
  CHECK(at.terminal.shows("\nhere\n"));
  at.terminal.enter("DELETE FROM orders");
  CHECK(at.terminal.shows(kMore, 2));
  at.terminal.enter("quit");
  CHECK(at.terminal.shows("(a statement is open:"));
  at.terminal.press("C-d");
  CHECK(at.terminal.shows("the statement did not end: nothing of it was run"));
  CHECK(at.terminal.shows("(ended with 0)"));
  CHECK(at.has_orders("1,2,3,4,5"));
  CHECK(at.terminal.home_file(".kimdb_history").find("DELETE") == std::string::npos);
}

TEST_CASE("what is pasted is what it is in a file, with the marks of a paste and without") {
  for (const bool bracketed : {true, false}) {
    CAPTURE(bracketed);
    AtPrompt at;
    at.make_orders();
    at.terminal.paste("DELETE FROM orders\n\n\tWHERE id = 4;\nSET k1 'two words'\nGET k1\n",
                      bracketed);
    if (bracketed) {
      CHECK(at.terminal.shows("GET k1"));
      CHECK(at.has_orders("1,2,3,4,5"));  // it is for the person to look at
      at.terminal.press("Enter");
    }
    CHECK(at.terminal.shows("\ntwo words\n"));
    CHECK(at.has_orders("1,2,3,5"));

    // The end of a paste ends no statement.
    at.terminal.paste("DELETE FROM orders\n", bracketed);
    if (bracketed) at.terminal.press("Enter");
    CHECK(at.terminal.shows("; or an empty line runs it"));
    CHECK(at.has_orders("1,2,3,5"));
    at.terminal.enter("WHERE id = 1;");
    CHECK(at.terminal.shows(kPrompt, bracketed ? 3 : 5));
    CHECK(at.has_orders("2,3,5"));
  }
}

TEST_CASE("a paste of a thousand lines is run whole and in order") {
  for (const bool bracketed : {true, false}) {
    CAPTURE(bracketed);
    AtPrompt at;
    REQUIRE(at.ask("CREATE TABLE t (id INT PRIMARY KEY, after_id INT)") == "OK");
    std::string text;
    for (int i = 0; i < 500; ++i) {
      const std::string id = std::to_string(i);
      text += "INSERT INTO t VALUES (" + id + ",\n  (SELECT max(id) FROM t));\n";
    }
    at.terminal.paste(text + "ECHO 'all is done'\n", bracketed);
    if (bracketed) {
      CHECK(at.terminal.shows("all is done"));
      at.terminal.press("Enter");
    }
    CHECK(at.terminal.shows("\nall is done\n"));
    auto client = at.server.connect();
    client.send("SELECT count(*) AS n FROM t WHERE id = after_id + 1\n");
    client.receive_line();
    client.receive_line();
    CHECK(client.receive_line() == "499");
  }
}

TEST_CASE("a transaction whose connection is cut becomes no single statements") {
  AtPrompt at({"network.idle_timeout=2s"});
  at.make_orders();
  at.terminal.enter("BEGIN");
  CHECK(at.terminal.shows("(tx)>"));
  at.terminal.enter("INSERT INTO orders (id) VALUES (11);");
  CHECK(at.terminal.shows("(tx)>", 2));
  // Until the server has closed it.
  CHECK(at.terminal.shows([&](const std::string&) { return at.connection().empty(); }));
  at.terminal.enter("INSERT INTO orders (id) VALUES (12);");
  CHECK(at.terminal.shows("connection lost"));
  CHECK(at.terminal.shows("ERROR: the connection was lost, and with it the transaction"));
  CHECK(at.terminal.shows("(tx lost)>"));
  at.terminal.enter("SET k 1");
  CHECK(at.terminal.shows("(tx lost)>", 2));
  at.terminal.enter("ROLLBACK");
  CHECK(at.terminal.shows("\nOK\n", 2));
  CHECK(at.terminal.shows(kPrompt, 2));
  CHECK(at.has_orders("1,2,3,4,5"));
  CHECK(at.ask("EXISTS k") == "0");
  at.terminal.enter("INSERT INTO orders (id) VALUES (13);");
  CHECK(at.terminal.shows("\n1\n", 2));
  CHECK(at.has_orders("1,2,3,4,5,13"));
}

TEST_CASE("a keyspace comes back over a new connection; a lost MULTI and WATCH are told") {
  AtPrompt at;
  at.terminal.enter("SELECT 3");
  CHECK(at.terminal.shows("/3 [master]>"));
  at.cut();
  at.terminal.enter("SET a 1");
  CHECK(at.terminal.shows("connected again"));
  CHECK(at.terminal.shows("/3 [master]>", 2));
  CHECK(at.ask("EXISTS a") == "0");
  at.terminal.enter("MULTI");
  CHECK(at.terminal.shows("/3 [master] (tx)>"));
  at.cut();
  at.terminal.enter("SET a 2");
  CHECK(at.terminal.shows("/3 [master] (tx lost)>"));
  at.terminal.enter("DISCARD");
  CHECK(at.terminal.shows("/3 [master]>", 3));
  at.terminal.enter("WATCH a");
  CHECK(at.terminal.shows("/3 [master]>", 4));
  at.cut();
  at.terminal.enter("MULTI");
  CHECK(at.terminal.shows("and with it WATCH"));
}

TEST_CASE("Ctrl-C in a search of the history runs nothing of it") {
  AtPrompt at;
  REQUIRE(at.ask("SET precious 1") == "OK");
  at.terminal.enter("FLUSHALL");
  CHECK(at.terminal.shows(kPrompt, 2));
  REQUIRE(at.ask("SET precious 1") == "OK");
  at.terminal.press("C-r");
  at.terminal.type("FLU");
  CHECK(at.terminal.shows("`FLU': FLUSHALL"));
  at.terminal.press("C-c");
  CHECK(at.terminal.shows("^C"));
  CHECK(at.terminal.shows(kPrompt, 3));
  at.terminal.press("Enter");
  CHECK(at.terminal.shows(kPrompt, 4));
  at.terminal.enter("GET precious");
  CHECK(at.terminal.shows("\n1\n"));

  // Nor what was recalled or typed before.
  at.terminal.press("Up");
  at.terminal.press("Up");
  CHECK(at.terminal.shows("[master]> FLUSHALL", 2));
  at.terminal.press("C-c");
  CHECK(at.terminal.shows(kPrompt, 6));
  at.terminal.press("Enter");
  CHECK(at.terminal.shows(kPrompt, 7));
  CHECK(at.ask("GET precious") == "1");
}

TEST_CASE("DOC WATCH streams changes, over a new connection too, until Ctrl-C") {
  AtPrompt at;
  REQUIRE(at.ask("DOC PUT c 1 {\"n\": 1}") != "");
  at.terminal.enter("DOC WATCH c");
  CHECK(at.terminal.shows("(waiting for events; Ctrl-C ends)"));
  at.ask("DOC PUT c 2 {\"n\": 2}");
  CHECK(at.terminal.shows("> change c insert 2 {\"id\":\"2\""));
  at.cut();
  CHECK(at.terminal.shows("> resubscribed c"));
  at.ask("DOC PUT c 3 {\"n\": 3}");
  CHECK(at.terminal.shows("> change c insert 3 {\"id\":\"3\""));
  at.terminal.press("C-c");
  CHECK(at.terminal.shows(kPrompt, 2));
  at.ask("DOC PUT c 4 {\"n\": 4}");
  at.terminal.enter("PING");
  CHECK(at.terminal.shows("\nPONG\n"));
  CHECK(times_in(at.terminal.screen(), "> change") == 2);
}

TEST_CASE("SHUTDOWN says OK") {
  AtPrompt at;
  at.terminal.enter("SHUTDOWN");
  CHECK(at.terminal.shows("\nOK\n"));
  CHECK(at.terminal.shows("(not connected)>"));
  CHECK(times_in(at.terminal.screen(), "ERROR") == 0);
}

TEST_CASE("FORMAT is kimdb-cli's own, and JSON in JSON is JSON") {
  AtPrompt at;
  at.ask("DOC PUT c 1 {\"n\": 1}");
  at.terminal.enter("FORMAT json");
  CHECK(at.terminal.shows("\n\"OK\"\n"));
  at.terminal.enter("MGET nope nada");
  CHECK(at.terminal.shows("\n[null,null]\n"));
  at.terminal.enter("DOC GET c 1");
  CHECK(at.terminal.shows("\n{\"id\":\"1\""));
  at.terminal.enter("format TEXT");
  CHECK(at.terminal.shows("\nOK\n"));
}

TEST_CASE("subcommands, collections, settings and columns are completed; help knows subcommands") {
  AtPrompt at;
  REQUIRE(at.ask("CREATE TABLE orders (amount INT)") == "OK");
  at.ask("DOC PUT citizens 1 {\"n\": 1}");
  at.terminal.type("DOC UNW");
  at.terminal.press("Tab");
  CHECK(at.terminal.shows("DOC UNWATCH"));
  at.terminal.type("cit");
  at.terminal.press("Tab");
  CHECK(at.terminal.shows("DOC UNWATCH citizens"));
  at.terminal.press("C-c");
  at.terminal.type("INDEX LI");
  at.terminal.press("Tab");
  at.terminal.press("Tab");
  CHECK(at.terminal.shows("INDEX LIST citizens"));
  at.terminal.press("C-c");
  at.terminal.type("CONFIG GET wal.max_se");
  at.terminal.press("Tab");
  CHECK(at.terminal.shows("CONFIG GET wal.max_segment_size"));
  at.terminal.press("C-c");
  at.terminal.enter("SELECT");
  at.terminal.type("amo");
  at.terminal.press("Tab");
  CHECK(at.terminal.shows("...> amount"));
  at.terminal.press("C-c");
  at.terminal.enter("help DOC FIND");
  CHECK(at.terminal.shows("DOC FIND collection filter [SORT -a,b]"));
}

TEST_CASE("Korean stands in straight columns, and a narrow window loses nothing") {
  for (const char* locale : {"C.UTF-8", "C"}) {
    CAPTURE(locale);
    AtPrompt at({}, {.columns = 46, .rows = 20}, locale);
    REQUIRE(at.ask("CREATE TABLE p (id INT, name TEXT, city TEXT)") == "OK");
    at.terminal.enter("INSERT INTO p VALUES (1, '김하나', '서울'), (2, 'Lee', '부산광역시');");
    CHECK(at.terminal.shows("\n2\n"));
    at.terminal.enter("SELECT * FROM p;");
    CHECK(
        at.terminal.shows("\n id | name   | city\n"
                          "----+--------+------------\n"
                          "  1 | 김하나 | 서울\n"
                          "  2 | Lee    | 부산광역시\n"
                          "(2 rows)\n"));
    // Typed across the window's edge, and taken back.
    at.terminal.type("SET k 가나다라마바사아자차카타파하x");
    CHECK(at.terminal.shows("SET k 가나다라\n마바사아자차카타파하x"));
    at.terminal.press("BSpace");
    at.terminal.press("BSpace");
    at.terminal.press("Enter");
    CHECK(at.terminal.shows("\nOK\n"));
    CHECK(at.ask("GET k") == "가나다라마바사아자차카타파");
  }
}

}  // namespace
}  // namespace kimdb::cli
