// Client and server through TLS.
#include <doctest/doctest.h>

#include <string>
#include <thread>

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
