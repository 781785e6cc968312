#include "database/sql/tokenizer.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace kimdb::database::sql {

namespace {

using Kind = Token::Kind;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
// Bytes beyond ASCII are letters.
bool begins_name(char c) { return is_alpha(c) || c == '_' || static_cast<signed char>(c) < 0; }
bool is_in_name(char c) { return begins_name(c) || is_digit(c) || c == '$'; }

class Scanner {
 public:
  Scanner(std::string_view text, std::size_t at, Token& token)
      : text_(text), at_(at), token_(token) {}

  void read() {
    const bool closed = skip_space();
    begin_ = at_;
    if (!closed) return take(Kind::broken, text_.size());
    if (at_ == text_.size()) return take(Kind::end, at_);
    const char c = text_[at_];
    if ((c == 'x' || c == 'X') && peek(1) == '\'') return blob();
    if (begins_name(c)) return take(Kind::word, end_of(at_, is_in_name));
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    switch (c) {
      case '\'':
        return quoted(Kind::string, '\'');
      case '"':
      case '`':
        return quoted(Kind::quoted, c);
      case '[':
        return quoted(Kind::quoted, ']');
      case '?':
        return take(Kind::variable, end_of(at_ + 1, is_digit));
      case ':':
      case '@':
      case '$':
      case '#':
        return variable();
      default:
        return symbol();
    }
  }

 private:
  char peek(std::size_t ahead) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  template <class Wanted>
  std::size_t end_of(std::size_t at, Wanted&& wanted) const {
    while (at < text_.size() && wanted(text_[at])) ++at;
    return at;
  }
  void take(Kind kind, std::size_t end) {
    token_.kind = kind;
    token_.text = text_.substr(begin_, end - begin_);
    token_.offset = begin_;
  }

  // False where a comment has no end.
  bool skip_space() {
    for (;;) {
      at_ = end_of(at_, is_space);
      if (peek(0) == '-' && peek(1) == '-') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (peek(0) == '/' && peek(1) == '*') {
        const std::size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return false;
        at_ = end + 2;
      } else {
        return true;
      }
    }
  }

  // From a quote to the next one that is not doubled; of [ there is no doubling.
  void quoted(Kind kind, char quote) {
    for (std::size_t at = text_.find(quote, at_ + 1); at != std::string_view::npos;
         at = text_.find(quote, at + 2))
      if (quote == ']' || at + 1 == text_.size() || text_[at + 1] != quote)
        return take(kind, at + 1);
    return take(Kind::broken, text_.size());
  }

  void blob() {
    const std::size_t digits = at_ + 2;
    const std::size_t end = end_of(digits, [](char c) { return hex_digit(c) >= 0; });
    const bool whole = end < text_.size() && text_[end] == '\'' && (end - digits) % 2 == 0;
    return take(whole ? Kind::blob : Kind::broken, std::min(end + 1, text_.size()));
  }

  void number() {
    std::size_t end = at_;
    if (text_[at_] == '0' && to_lower(peek(1)) == 'x' && hex_digit(peek(2)) >= 0) {
      end = end_of(at_ + 2, [](char c) { return hex_digit(c) >= 0; });
    } else {
      end = end_of(end, is_digit);
      if (end < text_.size() && text_[end] == '.') end = end_of(end + 1, is_digit);
      if (end < text_.size() && to_lower(text_[end]) == 'e') {
        const bool has_sign =
            end + 1 < text_.size() && (text_[end + 1] == '+' || text_[end + 1] == '-');
        const std::size_t digits = end + (has_sign ? 2 : 1);
        if (digits < text_.size() && is_digit(text_[digits])) end = end_of(digits, is_digit);
      }
    }
    // 1a is no number with a name behind it.
    const std::size_t tail = end_of(end, is_in_name);
    return take(tail == end ? Kind::number : Kind::broken, tail);
  }

  void variable() {
    const std::size_t end = end_of(at_ + 1, is_in_name);
    return take(end > at_ + 1 ? Kind::variable : Kind::broken, end);
  }

  void symbol() {
    constexpr std::array<std::string_view, 9> kTwo = {
        "<>", "<=", ">=", "==", "!=", "||", "<<", ">>", "->"};
    constexpr std::string_view kOne = "()+-*/%,;.<>=~&|";
    const std::string_view rest = text_.substr(at_);
    // Most of them begin nothing longer.
    constexpr std::string_view kAlone = "(),;";
    if (kAlone.find(rest[0]) != std::string_view::npos) return take(Kind::symbol, at_ + 1);
    if (rest.starts_with("->>")) return take(Kind::symbol, at_ + 3);
    for (const std::string_view two : kTwo)
      if (rest.starts_with(two)) return take(Kind::symbol, at_ + 2);
    return take(kOne.find(rest[0]) != std::string_view::npos ? Kind::symbol : Kind::broken,
                at_ + 1);
  }

  std::string_view text_;
  std::size_t at_;
  std::size_t begin_ = 0;
  Token& token_;
};

}  // namespace

bool Token::is_word(std::string_view keyword) const {
  return kind == Kind::word && equals_ignoring_case(text, keyword);
}

std::string Token::name() const {
  if (kind != Kind::quoted && kind != Kind::string) return std::string(text);
  const char quote = text.back();
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    out += text[i];
    if (text[i] == quote && quote != ']') ++i;
  }
  return out;
}

void read_token(std::string_view text, std::size_t offset, Token& token) {
  Scanner(text, offset, token).read();
}

bool is_open(std::string_view text) {
  int depth = 0;
  bool comma = false;  // is the last token
  for (std::size_t end = 0;;) {
    const Token token = next_token(text, end);
    if (token.kind == Token::Kind::end) return depth > 0 || comma;
    comma = token.is_symbol(",");
    if (token.kind == Token::Kind::broken) {
      constexpr std::string_view kOpen = "'\"`[";
      return kOpen.find(token.text[0]) != std::string_view::npos || token.text.starts_with("/*");
    }
    if (token.is_symbol("(")) ++depth;
    if (token.is_symbol(")")) --depth;
    end = token.offset + token.text.size();
  }
}

}  // namespace kimdb::database::sql
