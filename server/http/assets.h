// Files that are part of the program.
#pragma once

#include <string_view>

namespace kimdb::server {

std::string_view openapi_yaml();  // server/http/openapi.yaml
std::string_view docs_html();     // server/http/docs.html

}  // namespace kimdb::server
