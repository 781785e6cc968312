// The real kimdb-server with HTTP on a free port, and requests to it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/tcp_client.h"
#include "tests/support/test_server.h"

namespace kimdb::support {

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; of several, with ", "
  std::string body;
};

// Of one response as it came. Throws TcpError where it is none.
HttpResponse parse_http_response(const std::string& text);

class HttpServer {
 public:
  explicit HttpServer(std::vector<std::string> settings = {});

  std::uint16_t port() const { return port_; }
  TestServer& server() { return server_; }
  TcpClient connect() const { return TcpClient(port_); }

  // On a connection of its own. `headers` are lines; Host is added where it is not among them.
  HttpResponse request(const std::string& method, const std::string& target,
                       const std::string& body = "",
                       const std::vector<std::string>& headers = {}) const;

 private:
  const std::uint16_t port_;
  TestServer server_;
};

// Whether it is problem details with this status and code.
bool has(const HttpResponse& response, int status, std::string_view code);

}  // namespace kimdb::support
