// The OpenAPI document of the REST interface, server/http/openapi.yaml.
#pragma once

#include <string>

namespace kimdb::server {

// The same as JSON, made at the first call. Any thread.
const std::string& openapi_json();

}  // namespace kimdb::server
