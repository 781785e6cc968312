// "host:port" as configuration and command lines write it.
//
// Pure: names are not resolved. IPv6 addresses stand in brackets: "[::1]:3223". An empty host
// (":3223") means every interface, as in Go. Port 0 lets the operating system choose.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kimdb {

struct Address {
  std::string host;  // without brackets
  std::uint16_t port = 0;

  bool operator==(const Address&) const = default;
};

// invalid_argument where the port is missing or no number up to 65535, or the host holds what no
// host name does.
Result<Address> parse_address(std::string_view text);

std::string to_string(const Address& address);

// Whether only this machine can reach a listener there: 127.0.0.0/8, ::1 or the name localhost. Any
// other name counts as reachable from outside, because what it resolves to may change.
bool is_loopback(const Address& address);

}  // namespace kimdb
