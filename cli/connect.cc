#include "cli/connect.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>

#include "cli/config_file.h"
#include "cli/output.h"
#include "cli/remote_executor.h"
#include "cli/terminal.h"
#include "client/client.h"

namespace kimdb::cli {
namespace {

using client::Notice;

constexpr const char* kDefaultAddress = "127.0.0.1:3223";

Result<std::string> address_of(const Options& options) {
  if (!options.address.empty()) return options.address;
  if (!options.config_path.empty()) {
    auto config = read_config_file(options.config_path);
    if (!config) return std::move(config).error();
    return config->network_address.value_or(kDefaultAddress);
  }
  const char* given = std::getenv("KIMDB_ADDRESS");
  return std::string(given != nullptr && *given != '\0' ? given : kDefaultAddress);
}

// Says what happens to the connection; of several failed attempts only the first.
class NoticePrinter {
 public:
  void operator()(const Notice& notice) {
    switch (notice.kind) {
      case Notice::Kind::lost:
        complain("connection lost: " + notice.text);
        break;
      case Notice::Kind::retrying:
        if (!retrying_) complain("connecting again: " + notice.text);
        retrying_ = true;
        break;
      case Notice::Kind::connected:
        complain("connected again");
        retrying_ = false;
        break;
    }
  }

 private:
  bool retrying_ = false;
};

}  // namespace

Result<std::unique_ptr<Executor>> connect_to_server(const Options& options, Interrupt& interrupt) {
  auto address = address_of(options);
  if (!address) return std::move(address).error();
  client::Options settings{.address = *address,
                           .user = options.user,
                           .name = "kimdb-cli",
                           .tls = {.enabled = options.tls,
                                   .ca = options.tls_ca,
                                   .cert = options.tls_cert,
                                   .key = options.tls_key},
                           // A person ends a wait with Ctrl-C; SAVE or WAIT may take long.
                           .reply_timeout = std::chrono::milliseconds(0),
                           .cancel_descriptor = interrupt.descriptor(),
                           .on_notice = NoticePrinter()};
  const std::string question =
      "Password for " + (options.user.empty() ? std::string("default") : options.user) + ": ";
  const bool has_password = std::getenv("KIMDB_PASSWORD") != nullptr;
  if (!options.user.empty() || has_password) {
    auto password = get_password(question);
    if (!password) return std::move(password).error();
    settings.password = std::move(*password);
  }
  auto connected = client::Client::connect(settings);
  if (!connected && connected.error().code == ErrorCode::permission_denied &&
      settings.password.empty()) {
    auto password = get_password(question);
    if (!password) return std::move(password).error();
    settings.password = std::move(*password);
    connected = client::Client::connect(settings);
  }
  if (!connected) return std::move(connected).error();
  return std::unique_ptr<Executor>(
      std::make_unique<RemoteExecutor>(std::move(*connected), *address, interrupt));
}

}  // namespace kimdb::cli
