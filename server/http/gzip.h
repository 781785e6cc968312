// gzip (RFC 1952) of whole bodies, through libdeflate. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace kimdb::server {

// Whether an Accept-Encoding header (RFC 9110, 12.5.3) takes gzip.
bool accepts_gzip(std::string_view accept_encoding);
// At the level that is fastest.
std::string gzip(std::string_view text);

}  // namespace kimdb::server
