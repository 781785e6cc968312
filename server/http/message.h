// Requests and responses of HTTP/1.1 as values, and what both sides of HTTP need of text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kimdb::server {

struct HttpRequest {
  std::string method;
  std::string target;                                        // as it came
  std::vector<std::string> path;                             // its parts, decoded
  std::vector<std::pair<std::string, std::string>> query;    // decoded
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  bool keep_alive = true;
  bool takes_chunks = true;  // HTTP/1.1

  // Null where there is none.
  const std::string* header(std::string_view name) const;
  const std::string* parameter(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

std::string_view reason_of(int status);
// "%41+b" is "A b" in a query, "A+b" in a path. Nothing where it is cut short.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
// As a part of a path.
std::string percent_encode(std::string_view text);
std::optional<std::string> base64_decode(std::string_view text);
// RFC 9457, with a code that stays the same while texts may change.
HttpResponse problem(int status, std::string_view code, std::string_view detail);
// Status line and headers. Of a body that ends with the connection whole; else the end of the
// headers is still to come.
enum class BodyEnd { length, last_chunk, connection };
std::string to_head(const HttpResponse& response, BodyEnd end);
// `keep_alive`: the connection stays.
std::string to_bytes(const HttpResponse& response, bool keep_alive, bool without_body);

}  // namespace kimdb::server
