// Client and server through TLS.
#include "base/tls.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"
#include "tests/support/certificates.h"
#include "tests/support/test_server.h"

namespace kimdb::client {
namespace {

using support::Certificates;
using support::TestServer;

std::vector<std::string> settings_of(const std::string& certificate, const std::string& ca = "") {
  std::vector<std::string> settings{"tls.cert=" + certificate,
                                    "tls.key=" + Certificates::key_of(certificate),
                                    "network.max_message_size=64MB"};
  if (!ca.empty()) settings.push_back("tls.client_ca=" + ca);
  return settings;
}

Options options_for(const TestServer& server, TlsOptions tls, const char* host = "127.0.0.1") {
  tls.enabled = true;
  return {.address = std::string(host) + ":" + std::to_string(server.port()),
          .name = "tests",
          .tls = std::move(tls)};
}

std::string refusal(const Options& options) {
  const auto client = Client::connect(options);
  return client ? "" : client.error().message;
}

TEST_CASE("values of every size go through TLS as they are") {
  Certificates certificates;
  TestServer server(settings_of(certificates.issue("server")));
  auto client = Client::connect(options_for(server, {.ca = certificates.ca()}));
  REQUIRE_MESSAGE(client, client.error().message);
  std::string value;
  for (const std::size_t size : {0, 1, 16'383, 16'384, 16'385, 300'000, 5'000'000}) {
    value.resize(size, static_cast<char>('a' + size % 26));
    REQUIRE(client->set("key", value));
    const auto got = client->get("key");
    REQUIRE(got);
    REQUIRE(*got == value);
  }
  // More than the kernel takes at once, in both directions at the same time.
  Pipeline pipeline;
  for (int i = 0; i < 8; ++i) pipeline.add({"GET", "key"});
  std::vector<Value> values;
  REQUIRE(client->run(pipeline, values));
  REQUIRE(values.size() == 8);
  for (const Value& one : values) REQUIRE(one.string == value);
  CHECK(Client::connect(options_for(server, {.ca = certificates.ca()}, "localhost")));
}

TEST_CASE("who is not trusted is told why, and who does not encrypt is told to") {
  Certificates ours, theirs;
  const std::string certificate = ours.issue("server");
  TestServer server(settings_of(certificate, ours.ca()));
  const std::string own = ours.issue("client"), foreign = theirs.issue("client");
  const TlsOptions good{.ca = ours.ca(), .cert = own, .key = Certificates::key_of(own)};
  REQUIRE(Client::connect(options_for(server, good)));

  TlsOptions tls = good;
  tls.ca = theirs.ca();
  CHECK(refusal(options_for(server, tls)).find("no TLS with the server: ") != std::string::npos);
  {
    TestServer elsewhere(settings_of(ours.issue("elsewhere", "DNS:elsewhere.example")));
    CHECK(refusal(options_for(elsewhere, good)).find("mismatch") != std::string::npos);
  }
  tls = {.ca = ours.ca()};
  CHECK(!refusal(options_for(server, tls)).empty());
  tls = {.ca = ours.ca(), .cert = foreign, .key = Certificates::key_of(foreign)};
  CHECK(!refusal(options_for(server, tls)).empty());
  tls = {.ca = ours.ca() + ".none"};
  CHECK(refusal(options_for(server, tls)) ==
        "tls.ca: " + ours.ca() + ".none: No such file or directory");
  tls = {.ca = ours.ca(), .cert = own, .key = Certificates::key_of(foreign)};
  CHECK(refusal(options_for(server, tls)).starts_with("tls.key: "));

  CHECK(server.connect().ask("PING") == "ERROR: this port speaks TLS");
  Options plain = options_for(server, good);
  plain.tls.enabled = false;
  CHECK(refusal(plain).find("this port speaks TLS") != std::string::npos);
  // Garbage in the middle of a handshake, and one that never ends, disturb nobody.
  support::TcpClient stranger = server.connect();
  stranger.send(std::string("\x16\x03\x01\x00\x05garbage", 12));
  CHECK(stranger.wait_for_close());
  support::TcpClient silent = server.connect();
  silent.send("\x16");
  CHECK(Client::connect(options_for(server, good))->ping());
}

// A client of its own kind: what the library never does.
class RawTlsClient {
 public:
  RawTlsClient(std::uint16_t port, const std::string& ca)
      : context_(*make_tls_context({.ca = ca}, TlsSide::client, {})),
        descriptor_(::socket(AF_INET, SOCK_STREAM, 0)),
        ssl_(SSL_new(context_.get()), SSL_free) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    set_tls_socket(ssl_.get(), descriptor_);
    REQUIRE(SSL_connect(ssl_.get()) == 1);
  }
  void send(const std::string& bytes) {
    REQUIRE(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0);
  }
  void say_goodbye() { SSL_shutdown(ssl_.get()); }
  // RST instead of FIN.
  void break_connection() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(descriptor_);
  }

 private:
  TlsContextPointer context_;
  int descriptor_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

TEST_CASE("who says goodbye by TLS and breaks the connection keeps no thread busy") {
  Certificates certificates;
  std::vector<std::string> settings = settings_of(certificates.issue("server"));
  settings.push_back("network.io_threads=1");
  TestServer server(settings);
  auto client = Client::connect(options_for(server, {.ca = certificates.ca()}));
  REQUIRE(client);
  REQUIRE(client->set("big", std::string(8 << 20, 'x')));
  for (const char* requests : {"GET big\nGET big\nGET big\n", "WAITLSN 9-999999 60000\n"}) {
    RawTlsClient rude(server.port(), certificates.ca());
    rude.send(requests);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    rude.say_goodbye();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    rude.break_connection();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(client->ping());
    const auto alone = [&] {
      const auto info = client->call({"INFO", "clients"});
      return info && info->string.find("connected_clients:1\r\n") != std::string::npos;
    };
    for (int i = 0; i < 1000 && !alone(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    CHECK(alone());
  }
}

TEST_CASE("a server whose certificate cannot be used does not start, and says why") {
  Certificates certificates;
  const std::string certificate = certificates.issue("server"), other = certificates.issue("other");
  const auto start = [](const std::string& cert, const std::string& key) -> std::string {
    try {
      TestServer server({"tls.cert=" + cert, "tls.key=" + key});
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "it started";
  };
  CHECK(start(certificate + "x", Certificates::key_of(certificate))
            .find("tls.cert: " + certificate + "x: No such file") != std::string::npos);
  CHECK(start(certificate, Certificates::key_of(other)).find("tls.key: ") != std::string::npos);
}

}  // namespace
}  // namespace kimdb::client
