#include "server/http/request_reader.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <utility>

#include "base/ascii.h"

namespace kimdb::server {

namespace http = boost::beast::http;

namespace {

constexpr std::uint32_t kHeaderBytesMax = 32 << 10;

std::string_view view(const boost::beast::string_view& text) { return {text.data(), text.size()}; }

// Path and query of the target; false where it is none that a server answers.
bool split_target(HttpRequest& request) {
  std::string_view target = request.target;
  if (target.empty() || target[0] != '/') return target == "*";
  const std::size_t mark = target.find('?');
  std::string_view path = target.substr(1, mark == std::string_view::npos ? mark : mark - 1);
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    auto part = percent_decode(path.substr(0, slash), false);
    if (!part) return false;
    request.path.push_back(std::move(*part));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  if (mark == std::string_view::npos) return true;
  std::string_view query = target.substr(mark + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.empty()) {  // of a&&b
      query.remove_prefix(1);
      continue;
    }
    const std::size_t equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!name || !value) return false;
    request.query.emplace_back(std::move(*name), std::move(*value));
    if (pair.size() == query.size()) break;
    query.remove_prefix(pair.size() + 1);
  }
  return true;
}

}  // namespace

struct HttpRequestReader::State {
  std::optional<http::request_parser<http::string_body>> parser;
  bool told_to_continue = false;
};

HttpRequestReader::HttpRequestReader() : state_(std::make_unique<State>()) {}
HttpRequestReader::~HttpRequestReader() = default;

HttpRequestReader::Read HttpRequestReader::next(std::string_view input,
                                                std::uint64_t body_bytes_max,
                                                HttpRequest& request) {
  auto& parser = state_->parser;
  if (!parser) {
    parser.emplace();
    parser->eager(true);
    parser->header_limit(kHeaderBytesMax);
    parser->body_limit(body_bytes_max);
    state_->told_to_continue = false;
  }
  boost::beast::error_code error;
  Read read;
  read.consumed = parser->put(boost::asio::buffer(input.data(), input.size()), error);
  if (error == http::error::need_more) {
    // Only of headers, or of what stands between chunks, something is left over.
    if (input.size() - read.consumed <= kHeaderBytesMax) return read;
    error = http::error::header_limit;
  }
  if (error) {
    read.outcome = Outcome::error;
    read.status = error == http::error::body_limit     ? 413
                  : error == http::error::header_limit ? 431
                                                       : 400;
    read.problem =
        error == http::error::body_limit ? "the body exceeds http.max_body_size" : error.message();
    return read;
  }
  if (!parser->is_done()) return read;

  auto message = parser->release();
  parser.reset();
  request = {};
  request.method = view(message.method_string());
  request.target = view(message.target());
  request.keep_alive = message.keep_alive();
  request.takes_chunks = message.version() >= 11;
  for (const auto& field : message) {
    std::string name = lower_case(view(field.name_string()));
    request.headers.emplace_back(std::move(name), view(field.value()));
  }
  request.body = std::move(message.body());
  read.outcome = Outcome::request;
  // Whoever stands between may understand what is not plain in another way.
  const std::string* encoding = request.header("transfer-encoding");
  const bool is_plain = encoding == nullptr || equals_ignoring_case(*encoding, "chunked");
  const auto hosts = std::count_if(request.headers.begin(), request.headers.end(),
                                   [](const auto& header) { return header.first == "host"; });
  if (is_plain && hosts <= 1 && split_target(request)) return read;
  read.outcome = Outcome::error;
  read.status = 400;
  read.problem = !is_plain   ? "a Transfer-Encoding other than chunked"
                 : hosts > 1 ? "more than one Host"
                             : "the target is no path";
  return read;
}

bool HttpRequestReader::wants_continue() {
  const auto& parser = state_->parser;
  if (!parser || !parser->is_header_done() || state_->told_to_continue) return false;
  state_->told_to_continue = true;
  return boost::beast::iequals(parser->get()[http::field::expect], "100-continue");
}

}  // namespace kimdb::server
