// The prompt of the real kimdb-cli, typed at through a pseudo-terminal.
#include <doctest/doctest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "tests/support/test_server.h"

namespace kimdb::cli {
namespace {

using std::chrono::steady_clock;

// kimdb-cli on a terminal of 100 columns, with a home of its own.
class Terminal {
 public:
  explicit Terminal(const support::TestServer& server) {
    const std::string binary = support::built_binary("kimdb-cli");
    const std::string address = "127.0.0.1:" + std::to_string(server.port());
    const winsize size{.ws_row = 30, .ws_col = 100};
    process_ = forkpty(&descriptor_, nullptr, nullptr, &size);
    if (process_ < 0) throw std::runtime_error("forkpty failed");
    if (process_ == 0) {
      setenv("HOME", home_.path().c_str(), 1);
      setenv("TERM", "xterm", 1);
      setenv("NO_COLOR", "1", 1);
      unsetenv("XDG_STATE_HOME");
      unsetenv("INPUTRC");
      execl(binary.c_str(), binary.c_str(), "--address", address.c_str(), nullptr);
      _exit(127);
    }
  }
  ~Terminal() {
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    close(descriptor_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(const std::string& keys) {
    REQUIRE(write(descriptor_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }

  // Reads on until the text appears behind what was expected before; false when it does not within
  // ten seconds.
  bool shows(const std::string& text) {
    const auto end = steady_clock::now() + std::chrono::seconds(10);
    std::size_t found;
    while ((found = seen_.find(text)) == std::string::npos) {
      if (steady_clock::now() > end || !read_more()) {
        MESSAGE("expected " << text << ", seen " << support::readable(seen_));
        return false;
      }
    }
    seen_.erase(0, found + text.size());
    return true;
  }

  std::string history() const { return support::file_text(home_.path() + "/.kimdb_history"); }

  // The exit code; -1 where it has not ended, and says nothing any more, after ten seconds.
  int wait() {
    while (read_more()) continue;
    ::kill(process_, SIGKILL);  // has no effect on one that has ended
    int status = 0;
    waitpid(process_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  bool read_more() {
    pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, 10'000) != 1) return false;
    char bytes[4096];
    const ssize_t count = read(descriptor_, bytes, sizeof bytes);
    if (count <= 0) return false;  // EIO: the other side is gone
    seen_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  support::TemporaryDirectory home_;
  int descriptor_ = -1;
  pid_t process_ = -1;
  std::string seen_;
};

TEST_CASE("at the prompt: hints, completion, transactions, history, and the way out") {
  support::TestServer server;
  server.connect().ask("SET user:1001 Kim");
  Terminal terminal(server);
  CHECK(terminal.shows(" [master]> "));

  terminal.type("SET a");
  CHECK(terminal.shows("\x1b[2m value [NX|XX]"));  // dim, behind the cursor
  terminal.type(" 1\r");
  CHECK(terminal.shows("OK\r\n"));
  CHECK(terminal.shows(" [master]> "));

  terminal.type("get user:\t");
  CHECK(terminal.shows("user:1001"));
  terminal.type("\r");
  CHECK(terminal.shows("Kim\r\n"));
  CHECK(terminal.shows(" [master]> "));

  terminal.type("MULTI\r");
  CHECK(terminal.shows("(tx)> "));
  terminal.type("INCR a\r");
  CHECK(terminal.shows("(tx)> "));
  terminal.type("EXEC\r");
  CHECK(terminal.shows("1) 2\r\n"));
  CHECK(terminal.shows(" [master]> "));

  terminal.type("AUTH secret\r");
  CHECK(terminal.shows(" [master]> "));
  terminal.type("help ttl\r");
  CHECK(terminal.shows("TTL key\r\n"));
  CHECK(terminal.shows(" [master]> "));
  terminal.type("quit\r");
  CHECK(terminal.wait() == 0);
  CHECK(terminal.history().find("INCR a\n") != std::string::npos);
  CHECK(terminal.history().find("secret") == std::string::npos);
}

TEST_CASE("Ctrl-C throws the line away and ends SUBSCRIBE; Ctrl-D leaves") {
  support::TestServer server;
  Terminal terminal(server);
  CHECK(terminal.shows(" [master]> "));
  terminal.type("SET half");
  CHECK(terminal.shows("half"));
  terminal.type("\x03");
  CHECK(terminal.shows("^C"));
  CHECK(terminal.shows(" [master]> "));

  terminal.type("SUBSCRIBE news\r");
  CHECK(terminal.shows("Ctrl-C ends"));
  server.connect().ask("PUBLISH news hello");
  CHECK(terminal.shows("> message news hello"));
  terminal.type("\x03");
  CHECK(terminal.shows(" [master]> "));
  terminal.type("EXISTS half\r");
  CHECK(terminal.shows("0\r\n"));
  CHECK(terminal.shows(" [master]> "));
  terminal.type("\x04");
  CHECK(terminal.wait() == 0);
}

TEST_CASE("a server that was killed and started again is connected again, and that is said") {
  support::TestServer server;
  Terminal terminal(server);
  CHECK(terminal.shows(" [master]> "));
  terminal.type("SET a 1\r");
  CHECK(terminal.shows("OK\r\n"));
  CHECK(terminal.shows(" [master]> "));
  server.kill();
  server.restart();
  terminal.type("GET a\r");
  CHECK(terminal.shows("connection lost"));
  CHECK(terminal.shows("connected again"));
  CHECK(terminal.shows("1\r\n"));
  CHECK(terminal.shows(" [master]> "));
  terminal.type("quit\r");
  CHECK(terminal.wait() == 0);
}

}  // namespace
}  // namespace kimdb::cli
