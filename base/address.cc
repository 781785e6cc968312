#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/units.h"

namespace kimdb {
namespace {

Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }

bool is_ipv6(const std::string& host) {
  in6_addr bytes;
  return inet_pton(AF_INET6, host.c_str(), &bytes) == 1;
}

bool is_host_name(std::string_view host) {
  return host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_';
         });
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid("not an address (write host:port)");
  const Result<std::uint64_t> port = parse_integer(text.substr(colon + 1));
  if (!port || *port > 65535) return invalid("not a port (0 to 65535 after the last colon)");

  Address address{.host = std::string(text.substr(0, colon)),
                  .port = static_cast<std::uint16_t>(*port)};
  if (address.host.size() >= 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
    if (!is_ipv6(address.host)) return invalid("not an IPv6 address between the brackets");
    return address;
  }
  if (!is_host_name(address.host)) {
    return invalid("not a host name or IP address (an IPv6 address needs brackets: [::1]:3223)");
  }
  return address;
}

std::string to_string(const Address& address) {
  const bool brackets = address.host.find(':') != std::string::npos;
  return (brackets ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

bool is_loopback(const Address& address) {
  in_addr v4;
  if (inet_pton(AF_INET, address.host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6;
  if (inet_pton(AF_INET6, address.host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6) != 0;
  return address.host == "localhost";
}

}  // namespace kimdb
