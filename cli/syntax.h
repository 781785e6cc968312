// A command's syntax line ("key value [NX | XX] [EX seconds]") as a structure, and where in it the
// words typed so far stand. Feeds the hints and the completion. Pure; any thread.
//
//   words in small letters   stand for a value
//   words in capitals        are typed as they are
//   [ … ]                    may be left out; "…" or "..." in or after it: may come again
//   a | b                    either; outside brackets: the forms of a command ("GET p | SET n v")
//   NX|XX                    either word; without spaces the bar binds no more than that, but for
//                            "EX seconds|PX ms": between a value and a keyword it parts the groups
//
// Syntax lines come from a server, maybe a newer one: what does not fit this is taken for a value.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kimdb::cli {

struct SyntaxElement;
using SyntaxSequence = std::vector<SyntaxElement>;

struct SyntaxElement {
  std::string word;                          // of a plain word; empty: a group
  std::vector<SyntaxSequence> alternatives;  // of a group
  bool optional = false;
  bool repeats = false;
};

// The forms of the command: one at least.
std::vector<SyntaxSequence> parse_syntax(std::string_view text);

// "key value [NX | XX]"
std::string syntax_text(const SyntaxSequence& sequence);

// True for a word that is typed as it stands: letters, in capitals.
bool is_keyword(std::string_view word);

// What may follow the words typed behind the command's name.
struct SyntaxRest {
  SyntaxSequence expected;            // to be shown as a hint; in their order
  std::vector<std::string> keywords;  // that may come next
  std::string value;                  // what the next word stands for ("key"); empty: no value
};
SyntaxRest match_syntax(const std::vector<SyntaxSequence>& forms,
                        std::span<const std::string> typed);

}  // namespace kimdb::cli
