#include "server/http/message.h"

#include <algorithm>
#include <cstdint>

#include "base/ascii.h"
#include "base/utf8.h"

namespace kimdb::server {

namespace {

const std::string* find(const std::vector<std::pair<std::string, std::string>>& list,
                        std::string_view name) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const auto& item) { return item.first == name; });
  return found == list.end() ? nullptr : &found->second;
}

}  // namespace

const std::string* HttpRequest::header(std::string_view name) const { return find(headers, name); }

const std::string* HttpRequest::parameter(std::string_view name) const { return find(query, name); }

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 507:
      return "Insufficient Storage";
    default:
      return "Internal Server Error";
  }
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
        return std::nullopt;
      out += static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
      i += 2;
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[c & 15];
    }
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if ((count += 6) < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count);
  }
  return out;
}

HttpResponse problem(int status, std::string_view code, std::string_view detail) {
  HttpResponse response{.status = status, .content_type = "application/problem+json"};
  response.body = "{\"type\":\"about:blank\",\"title\":";
  append_json_string(response.body, reason_of(status));
  response.body += ",\"status\":" + std::to_string(status) + ",\"code\":";
  append_json_string(response.body, code);
  response.body += ",\"detail\":";
  append_json_string(response.body, is_utf8(detail) ? detail : "(no text)");
  response.body += "}\n";
  return response;
}

std::string to_head(const HttpResponse& response, BodyEnd end) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += reason_of(response.status);
  out += "\r\n";
  if (response.status != 204 && response.status != 304) {
    out += "Content-Type: " + response.content_type + "\r\n";
    if (end == BodyEnd::length)
      out += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  }
  if (end == BodyEnd::last_chunk) out += "Transfer-Encoding: chunked\r\n";
  for (const auto& [name, value] : response.headers) out += name + ": " + value + "\r\n";
  return out + (end == BodyEnd::connection ? "Connection: close\r\n\r\n" : "");
}

std::string to_bytes(const HttpResponse& response, bool keep_alive, bool without_body) {
  std::string out = to_head(response, BodyEnd::length);
  out += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
  const bool has_body = response.status != 204 && response.status != 304;
  if (has_body && !without_body) out += response.body;
  return out;
}

}  // namespace kimdb::server
