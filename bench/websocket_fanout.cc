// Many WebSockets that follow one collection, while some of them change it: how many of the changes
// arrive, in order, and how fast.
//
// bench_websocket_fanout port [clients [changes [ticks]]]: connects in batches of 500; then, every
// 100 ms, 1,000 of the clients in turn are active: 400 send a ping, some a document, until all
// changes are made. One thread, one epoll set. Ends with 1 where anything is missing.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 500;
constexpr int kActive = 1000;
constexpr int kPings = 400;
constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::seconds kPatience{60};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "websocket_fanout: %s\n", what.c_str());
  std::exit(1);
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// A frame of text, masked by zeros: the mask changes nothing.
std::string client_frame(std::string_view text) {
  std::string frame = "\x81";
  if (text.size() < 126) {
    frame += static_cast<char>(0x80 | text.size());
  } else {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(text.size() >> 8);
    frame += static_cast<char>(text.size());
  }
  frame.append(4, '\0');
  frame += text;
  return frame;
}

struct Client {
  int socket = -1;
  bool upgraded = false;
  bool subscribed = false;
  std::string partial;              // what is behind the last whole frame
  std::uint64_t last_position = 0;  // LSN of the last change
  Clock::time_point ping_sent;
};

struct Totals {
  std::uint64_t subscribed = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t delivered = 0;
  std::uint64_t bytes = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t errors = 0;
  std::uint64_t reads = 0;
  std::vector<double> pong_ms;
  Clock::time_point last_delivery;
};

class Load {
 public:
  Load(std::uint16_t port, std::size_t clients) : clients_(clients), buffer_(1 << 20) {
    epoll_ = epoll_create1(0);
    if (epoll_ < 0) fail("epoll");
    for (std::size_t begin = 0; begin < clients; begin += kBatch) {
      const std::size_t end = std::min(clients, begin + kBatch);
      for (std::size_t i = begin; i < end; ++i) connect(port, i);
      run_until([&] { return totals.subscribed == end; }, "not all clients could subscribe");
    }
  }

  void send(std::size_t client, std::string_view text) {
    const std::string frame = client_frame(text);
    write_all(clients_[client], frame);
  }
  void ping(std::size_t client) {
    clients_[client].ping_sent = Clock::now();
    send(client, R"({"type":"ping","time":1})");
  }
  // Handles what comes until then.
  void run_to(Clock::time_point end) {
    do {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
      poll(static_cast<int>(std::max<std::int64_t>(0, left.count())));
    } while (Clock::now() < end);
  }
  template <class Done>
  void run_until(Done&& done, const char* otherwise) {
    const auto begin = Clock::now();
    while (!done()) {
      poll(100);
      if (Clock::now() - begin > kPatience) {
        std::fprintf(stderr, "websocket_fanout: %s\n", otherwise);
        return;
      }
    }
  }

  Totals totals;

 private:
  void connect(std::uint16_t port, std::size_t index) {
    Client& client = clients_[index];
    client.socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (client.socket < 0 ||
        ::connect(client.socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      fail(std::string("cannot connect: ") + std::strerror(errno));
    const int one = 1;
    ::setsockopt(client.socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, client.socket, &event);
    write_all(client,
              "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
                  client_frame(R"({"type":"subscribe","collection":"load"})"));
  }

  static void write_all(Client& client, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(client.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) fail(std::string("cannot send: ") + std::strerror(errno));
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  void poll(int timeout_ms) {
    epoll_event events[256];
    const int count = epoll_wait(epoll_, events, 256, timeout_ms);
    for (int i = 0; i < count; ++i) receive(clients_[events[i].data.u64]);
  }

  void receive(Client& client) {
    const ssize_t count = ::recv(client.socket, buffer_.data(), buffer_.size(), 0);
    if (count <= 0) fail("the server has closed a connection");
    ++totals.reads;
    totals.bytes += static_cast<std::uint64_t>(count);
    std::string_view bytes(buffer_.data(), static_cast<std::size_t>(count));
    if (!client.partial.empty()) {
      client.partial += bytes;
      bytes = client.partial;
    }
    const std::size_t left = take(client, bytes);
    std::string rest(bytes.substr(bytes.size() - left));
    client.partial = std::move(rest);
  }

  // Handles whole frames; gives how many bytes are left.
  std::size_t take(Client& client, std::string_view bytes) {
    if (!client.upgraded) {
      const std::size_t end = bytes.find("\r\n\r\n");
      if (end == std::string_view::npos) return bytes.size();
      if (!bytes.starts_with("HTTP/1.1 101")) fail(std::string(bytes.substr(0, end)));
      client.upgraded = true;
      bytes.remove_prefix(end + 4);
    }
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    for (;;) {
      std::size_t head = 2;
      if (bytes.size() < head) return bytes.size();
      std::size_t size = byte(1);
      if (size == 126) {
        head = 4;
        if (bytes.size() < head) return bytes.size();
        size = static_cast<std::size_t>(byte(2)) << 8 | byte(3);
      } else if (size == 127) {
        fail("a frame is longer than expected");
      }
      if (bytes.size() < head + size) return bytes.size();
      if (byte(0) == 0x81) handle(client, bytes.substr(head, size));
      bytes.remove_prefix(head + size);
    }
  }

  void handle(Client& client, std::string_view text) {
    constexpr std::string_view kSync = R"({"type":"sync")";
    constexpr std::string_view kPosition = R"("position":")";
    if (text.starts_with(kSync)) {
      const std::size_t at = text.rfind(kPosition);
      const std::size_t dash = text.find('-', at + kPosition.size());
      const std::uint64_t position = std::strtoull(text.data() + dash + 1, nullptr, 10);
      if (position <= client.last_position) ++totals.out_of_order;
      client.last_position = position;
      ++totals.delivered;
      totals.last_delivery = Clock::now();
    } else if (text.starts_with(R"({"type":"created")")) {
      ++totals.acknowledged;
    } else if (text.starts_with(R"({"type":"pong")")) {
      totals.pong_ms.push_back(1000 * seconds_since(client.ping_sent));
    } else if (text.starts_with(R"({"type":"subscribed")")) {
      ++totals.subscribed;
    } else if (!text.starts_with(R"({"type":"connected")")) {
      if (totals.errors++ == 0)
        std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
    }
  }

  std::vector<Client> clients_;
  std::vector<char> buffer_;
  int epoll_ = -1;
};

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, std::uint64_t otherwise) {
    return argc > i ? std::strtoull(argv[i], nullptr, 10) : otherwise;
  };
  if (argc < 2) fail("port [clients [changes [ticks]]]");
  const std::uint64_t clients = argument(2, 10'000);
  const std::uint64_t changes = argument(3, 1000);
  const std::uint64_t ticks = std::max<std::uint64_t>(1, argument(4, 10));

  auto begin = Clock::now();
  Load load(static_cast<std::uint16_t>(argument(1, 0)), clients);
  const double connecting = seconds_since(begin);
  Totals& totals = load.totals;

  begin = Clock::now();
  const std::string document =
      R"({"type":"create","collection":"load","data":{"name":"Kim","text":")" +
      std::string(64, 'x') + "\"}}";
  std::size_t next = 0;
  for (std::uint64_t tick = 0; tick < ticks; ++tick) {
    const std::uint64_t until = changes * (tick + 1) / ticks;
    const std::uint64_t made = changes * tick / ticks;
    for (int i = 0; i < kActive; ++i, next = (next + 1) % clients) {
      if (i < kPings) load.ping(next);
      for (std::uint64_t each = static_cast<std::uint64_t>(i); each < until - made; each += kActive)
        load.send(next, document);
    }
    load.run_to(begin + (tick + 1) * kTick);
  }
  load.run_until([&] { return totals.acknowledged == changes; },
                 "not all changes are acknowledged");
  const std::uint64_t expected = totals.acknowledged * clients;
  load.run_until([&] { return totals.delivered >= expected; }, "not all changes have arrived");
  const double seconds = std::chrono::duration<double>(totals.last_delivery - begin).count();
  load.run_to(Clock::now() + std::chrono::milliseconds(200));  // nothing comes twice

  std::sort(totals.pong_ms.begin(), totals.pong_ms.end());
  const auto pong = [&](double part) {
    return totals.pong_ms.empty() ? 0.0
                                  : totals.pong_ms[static_cast<std::size_t>(
                                        part * static_cast<double>(totals.pong_ms.size() - 1))];
  };
  const auto count = [](std::uint64_t number) { return static_cast<unsigned long long>(number); };
  std::printf("clients %llu connecting_s %.2f\n", count(clients), connecting);
  std::printf(
      "changes %llu expected %llu delivered %llu ratio %.6f out_of_order %llu errors %llu\n",
      count(totals.acknowledged), count(expected), count(totals.delivered),
      expected == 0 ? 0.0 : static_cast<double>(totals.delivered) / static_cast<double>(expected),
      count(totals.out_of_order), count(totals.errors));
  std::printf("seconds %.3f deliveries_per_s %.0f MB_per_s %.0f reads %llu\n", seconds,
              static_cast<double>(totals.delivered) / seconds,
              static_cast<double>(totals.bytes) / 1e6 / seconds, count(totals.reads));
  std::printf("pong_ms p50 %.1f p99 %.1f of %zu\n", pong(0.5), pong(0.99), totals.pong_ms.size());
  const bool whole = totals.delivered == expected && totals.acknowledged == changes &&
                     totals.out_of_order == 0 && totals.errors == 0;
  return whole ? 0 : 1;
}
