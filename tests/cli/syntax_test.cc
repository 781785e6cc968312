#include "cli/syntax.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace kimdb::cli {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kSet = "key value [NX|XX] [GET] [EX seconds | PX ms | KEEPTTL]";

std::string rest(std::string_view syntax, const Strings& typed) {
  return syntax_text(match_syntax(parse_syntax(syntax), typed).expected);
}
Strings keywords(std::string_view syntax, const Strings& typed) {
  return match_syntax(parse_syntax(syntax), typed).keywords;
}

TEST_CASE("a syntax line is written as it was read") {
  for (const char* text : {"", "key", kSet, "key [key ...]", "GET pattern | SET name value",
                           "GET|SET|REWRITE ...", "[NX|XX]", "(a | b c) d"}) {
    Strings forms;
    std::string again;
    for (const SyntaxSequence& form : parse_syntax(text)) {
      again += (again.empty() ? "" : " | ") + syntax_text(form);
    }
    CHECK(again == text);
  }
}

TEST_CASE("values that were typed are expected no longer") {
  CHECK(rest(kSet, {}) == kSet);
  CHECK(rest(kSet, {"k"}) == "value [NX|XX] [GET] [EX seconds | PX ms | KEEPTTL]");
  CHECK(rest("key", {"k"}) == "");
}

TEST_CASE("options may come in any order, each once") {
  CHECK(rest(kSet, {"k", "v", "get"}) == "[NX|XX] [EX seconds | PX ms | KEEPTTL]");
  CHECK(rest(kSet, {"k", "v", "EX"}) == "seconds [NX|XX] [GET]");
  CHECK(rest(kSet, {"k", "v", "EX", "10", "xx"}) == "[GET]");
  CHECK(keywords(kSet, {"k", "v", "EX", "10"}) == Strings{"GET", "NX", "XX"});
}

TEST_CASE("a bar without spaces parts words, or groups where a keyword follows a value") {
  CHECK(rest("key [EX seconds|PX ms|KEEPTTL]", {"k"}) == "[EX seconds | PX ms | KEEPTTL]");
  CHECK(keywords("key [EX seconds|PX ms|KEEPTTL]", {"k"}) == Strings{"EX", "KEEPTTL", "PX"});
  CHECK(keywords("[SKIPME yes|no]", {}) == Strings{"SKIPME"});
  CHECK(rest("[SKIPME yes|no]", {"SKIPME"}) == "yes|no");
  CHECK(rest("ENCODING|VERSION key", {"VERSION"}) == "key");
}

TEST_CASE("what may be repeated stays expected") {
  CHECK(rest("key [key ...]", {"a", "b", "c"}) == "[key ...]");
  CHECK(rest("key value [key value ...]", {"a", "1", "b"}) == "value [key value ...]");
  CHECK(rest("channel ...", {"a", "b"}) == "[channel ...]");
}

TEST_CASE("nothing is hinted behind what does not fit") {
  CHECK(rest("key", {"a", "b"}) == "");
  CHECK(rest(kSet, {"k", "v", "BOGUS"}) == "");
}

TEST_CASE("of a command's forms the typed one counts") {
  constexpr const char* kConfig = "GET pattern | SET name value";
  CHECK(rest(kConfig, {}) == "GET pattern | SET name value");
  CHECK(keywords(kConfig, {}) == Strings{"GET", "SET"});
  CHECK(rest(kConfig, {"set"}) == "name value");
  CHECK(rest("GET|SET ...", {"GET"}) == "[...]");
  CHECK(keywords("GET|SET ...", {}) == Strings{"GET", "SET"});
}

TEST_CASE("the next value's name is known") {
  CHECK(match_syntax(parse_syntax("source destination [DB n]"), Strings{}).value == "source");
  CHECK(match_syntax(parse_syntax("source destination [DB n]"), Strings{"a", "b", "DB"}).value ==
        "n");
}

TEST_CASE("syntax that is none is still shown and never fatal") {
  for (const char* text : {"]", "[", "|", "...", "[ | ]", "a ] b", "((((", "[a [b [c"}) {
    const auto forms = parse_syntax(text);
    CHECK(!forms.empty());
    for (const Strings& typed : {Strings{}, Strings{"x"}, Strings{"x", "y", "z"}}) {
      syntax_text(match_syntax(forms, typed).expected);
    }
  }
}

}  // namespace
}  // namespace kimdb::cli
