// SQL's tokens, by SQLite's rules. Pure; views into the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kimdb::database::sql {

struct Token {
  enum class Kind : std::uint8_t {
    end,       // of the text
    word,      // a keyword or a name
    quoted,    // a name in "", `` or []
    string,    // '…'
    blob,      // x'…'
    number,    // 1, 1.5, .5e3, 0x10
    variable,  // ?, ?1, :name, @name, $name
    symbol,    // ( ) , ; . and operators
    broken,    // a quote or comment without an end, a number or a byte that is none
  };

  Kind kind = Kind::end;
  std::string_view text;   // as it is written
  std::size_t offset = 0;  // in the text, in bytes

  // A word that is this keyword, in any case.
  bool is_word(std::string_view keyword) const;
  bool is_symbol(std::string_view symbol) const {
    return kind == Kind::symbol && text.size() == symbol.size() && text[0] == symbol[0] &&
           (symbol.size() == 1 || text == symbol);
  }
  // The name that a word or a quoted name says, or what a string holds.
  std::string name() const;
};

// Whether a statement that is typed goes on behind the text: a parenthesis, a quote or a comment is
// open, or it ends in a comma.
bool is_open(std::string_view text);

// The first token from `offset` on; white space and comments are left out. Into `token`, for who
// reads many: a copy made of it at once waits for what was just written.
void read_token(std::string_view text, std::size_t offset, Token& token);
inline Token next_token(std::string_view text, std::size_t offset) {
  Token token;
  read_token(text, offset, token);
  return token;
}

}  // namespace kimdb::database::sql
