// A server of which each test says, step by step, what it receives and what it answers.
//
// Listens on a free port of 127.0.0.1 and runs the script in a thread of its own; the destructor
// waits for its end. What goes wrong in the script (the client sends something else, or nothing for
// 10 seconds) is told by failure(), which a test checks at its end.
#pragma once

#include <atomic>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <thread>

namespace kimdb::client {

// The server's side of one connection. Throws std::runtime_error where the client does not do what
// the script expects.
class FakeConnection {
 public:
  explicit FakeConnection(int descriptor) : descriptor_(descriptor) {}
  ~FakeConnection() { close(); }
  FakeConnection(const FakeConnection&) = delete;
  FakeConnection& operator=(const FakeConnection&) = delete;

  // Receives exactly this command.
  void expect(std::initializer_list<std::string_view> words);
  // Receives any command's bytes up to this size.
  void receive(std::size_t size);
  void send(std::string_view bytes);
  // Each byte in a write of its own.
  void send_byte_by_byte(std::string_view bytes);
  // HELLO 3, answered as kimdb does.
  void shake_hands(std::initializer_list<std::string_view> hello = {"HELLO", "3"});
  // Waits until the client has closed.
  void expect_close();
  void close();
  // With RST instead of FIN, as a killed machine's network does.
  void reset();

 private:
  std::string take(std::size_t size);

  int descriptor_;
};

class FakeServer {
 public:
  // Where its connections come from.
  class Listener {
   public:
    explicit Listener(int descriptor) : descriptor_(descriptor) {}
    // The next connection's descriptor.
    int accept();

   private:
    int descriptor_;
  };

  explicit FakeServer(std::function<void(Listener&)> script);
  ~FakeServer();

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Waits for the script's end; what went wrong in it, else empty.
  std::string failure();

 private:
  int descriptor_;
  int port_ = 0;
  std::string failure_;
  std::thread thread_;
};

}  // namespace kimdb::client
