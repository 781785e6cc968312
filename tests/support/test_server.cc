#include "tests/support/test_server.h"

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

namespace kimdb::support {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kStartTimeout{60};
constexpr std::chrono::seconds kStopTimeout{60};

std::string tail(const std::string& text) {
  constexpr std::size_t kShown = 4000;
  return text.size() <= kShown ? text : "…" + text.substr(text.size() - kShown);
}

}  // namespace

std::string built_binary(const std::string& name) {
  const char* build = std::getenv("KIMDB_BUILD");
  return std::string(build != nullptr ? build : "build/release") + "/bin/" + name;
}

TestServer::TestServer(std::vector<std::string> settings)
    : port_(free_port()), settings_(std::move(settings)) {
  restart();
}

void TestServer::kill() { process_->kill(); }

void TestServer::restart() {
  launch();
  wait_until_ready();
}

void TestServer::launch() {
  std::vector<std::string> arguments = {
      built_binary("kimdb-server"),
      "--set",
      "network.address=127.0.0.1:" + std::to_string(port_),
      "--set",
      "wal.data_directory=" + data_directory(),
  };
  // Servers of tests run beside each other: HTTP is for those that say where.
  if (std::none_of(settings_.begin(), settings_.end(),
                   [](const std::string& setting) { return setting.starts_with("http.address="); }))
    arguments.insert(arguments.end(), {"--set", "http.address="});
  for (const std::string& setting : settings_) {
    arguments.push_back("--set");
    arguments.push_back(setting);
  }
  process_ = std::make_unique<ChildProcess>(arguments, directory_.path() + "/output");
}

void TestServer::wait_until_ready() {
  wait_for_pong(*process_, port_, directory_.path() + "/output");
}

int TestServer::stop() {
  process_->signal(SIGTERM);
  const std::optional<int> code = process_->wait(kStopTimeout);
  if (!code) throw std::runtime_error("the server does not stop on SIGTERM: " + tail(output()));
  return *code;
}

bool TestServer::running() { return !process_->ended().has_value(); }

std::string TestServer::output() const { return file_text(directory_.path() + "/output"); }

void wait_for_pong(ChildProcess& process, std::uint16_t port, const std::string& output_path) {
  const auto deadline = steady_clock::now() + kStartTimeout;
  while (steady_clock::now() < deadline) {
    if (const auto code = process.ended()) {
      throw std::runtime_error("the server ended with " + std::to_string(*code) + ": " +
                               tail(file_text(output_path)));
    }
    try {
      TcpClient client(port, std::chrono::seconds(5));
      const std::string answer = client.call({"PING"}).raw;
      // By its way of saying so, where it speaks TLS only.
      if (answer == "+PONG\r\n" || answer == "-ERR this port speaks TLS\r\n") return;
    } catch (const TcpError&) {
      // Not listening yet. There is nothing to wait on that both servers would signal.
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  throw std::runtime_error("the server does not answer: " + tail(file_text(output_path)));
}

}  // namespace kimdb::support
