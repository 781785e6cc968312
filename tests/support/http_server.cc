#include "tests/support/http_server.h"

#include <utility>

#include "base/ascii.h"

namespace kimdb::support {

HttpResponse parse_http_response(const std::string& text) {
  HttpResponse response;
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) throw TcpError("this is no response of HTTP: " + text);
  response.status = std::stoi(text.substr(9, 3));
  for (std::size_t at = text.find("\r\n") + 2; at < end; at = text.find("\r\n", at) + 2) {
    const std::size_t colon = text.find(": ", at);
    std::string& value = response.headers[lower_case(text.substr(at, colon - at))];
    if (!value.empty()) value += ", ";
    value += text.substr(colon + 2, text.find("\r\n", at) - colon - 2);
  }
  response.body = text.substr(end + 4);
  return response;
}

HttpServer::HttpServer(std::vector<std::string> settings)
    : port_(free_port()), server_([&] {
        settings.push_back("http.address=127.0.0.1:" + std::to_string(port_));
        return std::move(settings);
      }()) {}

HttpResponse HttpServer::request(const std::string& method, const std::string& target,
                                 const std::string& body,
                                 const std::vector<std::string>& headers) const {
  std::string text = method + " " + target + " HTTP/1.1\r\nConnection: close\r\n";
  bool has_host = false;
  for (const std::string& header : headers) {
    text += header + "\r\n";
    has_host |= header.starts_with("Host:");
  }
  if (!has_host) text += "Host: localhost\r\n";
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  TcpClient client = connect();
  client.send(text + "\r\n" + body);
  return parse_http_response(client.receive_until_close());
}

bool has(const HttpResponse& response, int status, std::string_view code) {
  return response.status == status &&
         response.body.find("\"code\":\"" + std::string(code) + "\"") != std::string::npos &&
         response.headers.at("content-type") == "application/problem+json";
}

}  // namespace kimdb::support
