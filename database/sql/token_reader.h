// Reads a statement token by token: what its parsers share.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "database/sql/parser.h"
#include "database/sql/tokenizer.h"
#include "engine/schema.h"

namespace kimdb::database::sql {

// Thrown by readers, and caught by parse_statement(): a grammar's depth is no place for results.
struct Refused {
  Error error;
};

class TokenReader {
 protected:
  using Kind = Token::Kind;

  explicit TokenReader(std::string_view text) : text_(text) { advance(); }

  void advance() {
    read_token(text_, end_, token_);
    end_ = token_.offset + token_.text.size();
    if (token_.kind == Kind::broken) fail();
  }
  [[noreturn]] void fail(std::string_view what = {}) const {
    throw Refused{syntax_error(text_, token_.offset, what)};
  }
  [[noreturn]] static void refuse(std::string what) {
    throw Refused{{ErrorCode::invalid_argument, std::move(what)}};
  }
  bool take_word(std::string_view keyword) {
    if (!token_.is_word(keyword)) return false;
    advance();
    return true;
  }
  void expect_word(std::string_view keyword) {
    if (!take_word(keyword)) fail();
  }
  bool take_symbol(std::string_view symbol) {
    if (!token_.is_symbol(symbol)) return false;
    advance();
    return true;
  }
  void expect_symbol(std::string_view symbol) {
    if (!take_symbol(symbol)) fail();
  }
  bool at_name() const { return token_.kind == Kind::word || token_.kind == Kind::quoted; }
  // Also of what is no typed table: collections have other names.
  std::string take_any_name(std::string_view of_what) {
    if (!at_name()) fail("the name of " + std::string(of_what) + " is missing");
    std::string name = token_.name();
    advance();
    return name;
  }
  std::string take_name(std::string_view of_what) {
    if (at_name() && !engine::is_sql_name(token_.name()))
      fail("a name has no control characters, and is at most 128 bytes long");
    return take_any_name(of_what);
  }
  // What stands in parentheses, without them.
  std::string take_parenthesized() {
    if (!token_.is_symbol("(")) fail();
    const std::size_t begin = end_;
    std::size_t depth = 0;
    for (;;) {
      if (token_.is_symbol("(")) ++depth;
      if (token_.is_symbol(")") && --depth == 0) break;
      if (token_.kind == Kind::end) fail("a parenthesis is not closed");
      advance();
    }
    const std::string_view inner = text_.substr(begin, token_.offset - begin);
    advance();
    return trimmed(inner);
  }
  static std::string trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n\f\v";
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return {};
    return std::string(text.substr(begin, text.find_last_not_of(kSpace) - begin + 1));
  }
  // (a, b)
  std::vector<std::string> take_names(std::string_view of_what) {
    expect_symbol("(");
    std::vector<std::string> names;
    do names.push_back(take_name(of_what));
    while (take_symbol(","));
    expect_symbol(")");
    return names;
  }
  // Behind the statement.
  void finish() {
    take_symbol(";");
    if (token_.kind != Kind::end) fail();
  }

  const std::string_view text_;
  Token token_;
  std::size_t end_ = 0;  // of token_
};

}  // namespace kimdb::database::sql
