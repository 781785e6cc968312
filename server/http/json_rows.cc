#include "server/http/json_rows.h"

#include <array>
#include <charconv>
#include <utility>

#include "base/utf8.h"
#include "server/http/rest.h"

namespace kimdb::server {

namespace {

void append_chunk(std::string& out, std::string_view bytes) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bytes.size(), 16);
  out.append(digits.data(), end.ptr);
  out += "\r\n";
  out += bytes;
  out += "\r\n";
}

}  // namespace

JsonRows::JsonRows(std::string begin, std::unique_ptr<database::ReplyStream> rest)
    : resp_(std::move(begin)), rest_(std::move(rest)) {
  reader_.hand_out(true);
}

database::ReplyStream::State JsonRows::next(std::string& out) {
  json_.clear();
  if (std::exchange(begun_, true)) {
    if (rest_->next(resp_) == State::broken) return State::broken;
  } else {
    json_ = "{\"success\":true,\"rows\":[";
  }
  read();
  if (!json_.empty()) append_chunk(out, json_);
  if (state_ == State::ended) out += "0\r\n\r\n";
  return state_;
}

void JsonRows::read() {
  using Outcome = protocol::ReplyReader::Outcome;
  std::size_t at = 0;
  for (;;) {
    protocol::Value value;
    const auto parsed = reader_.next(std::string_view(resp_).substr(at), value);
    at += parsed.consumed;
    if (parsed.outcome == Outcome::element) {
      if (count_++ > 0) json_ += ',';
      append_row(json_, value);
      continue;
    }
    if (parsed.outcome == Outcome::value) end(value);
    if (parsed.outcome == Outcome::error) state_ = State::broken;
    break;
  }
  resp_.erase(0, at);
}

void JsonRows::end(const protocol::Value& list) {
  if (list.is_error()) {
    json_ += "],\"error\":";
    const std::string_view text = list.string;
    append_json_string(json_, text.starts_with("ERR ") ? text.substr(4) : text);
    state_ = State::broken;
  } else {
    json_ += "],\"count\":" + std::to_string(count_);
    state_ = State::ended;
  }
  json_ += "}\n";
}

}  // namespace kimdb::server
