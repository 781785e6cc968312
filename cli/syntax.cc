#include "cli/syntax.h"

#include <algorithm>
#include <cctype>

#include "base/ascii.h"

namespace kimdb::cli {
namespace {

// --- parsing ---

// "seconds|PX": a value, then a keyword, so what the bar parts are two groups of words, not two
// words.
bool parts_groups(std::string_view left, std::string_view right) {
  const std::string_view last = left.substr(left.rfind('|') + 1);
  const std::string_view next = right.substr(0, right.find_first_of(" \t\n|[]()"));
  return !last.empty() && !is_keyword(last) && is_keyword(next);
}

std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> tokens;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) tokens.push_back(std::move(word));
    word.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_group_bar = c == '|' && parts_groups(word, text.substr(i + 1));
    if (c == '[' || c == ']' || c == '(' || c == ')' || is_group_bar) {
      end_word();
      tokens.emplace_back(1, c);
    } else if (c == ' ' || c == '\t' || c == '\n') {
      end_word();
    } else {
      word += c;
    }
  }
  end_word();
  return tokens;
}

bool is_repeat_mark(std::string_view token) { return token == "..." || token == "…"; }

class Parser {
 public:
  explicit Parser(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {}

  std::vector<SyntaxSequence> forms() {
    std::vector<SyntaxSequence> forms = alternatives();
    // A bracket that was closed and never opened: what follows it belongs to the last form.
    while (next_ < tokens_.size()) {
      ++next_;
      const auto more = alternatives();
      forms.back().insert(forms.back().end(), more[0].begin(), more[0].end());
    }
    return forms;
  }

 private:
  // Up to a closing bracket, which is left to the caller.
  std::vector<SyntaxSequence> alternatives() {
    std::vector<SyntaxSequence> result(1);
    while (next_ < tokens_.size() && tokens_[next_] != "]" && tokens_[next_] != ")") {
      const std::string& token = tokens_[next_++];
      if (token == "|") {
        result.emplace_back();
      } else if (is_repeat_mark(token)) {
        if (!result.back().empty()) result.back().back().repeats = true;
      } else if (token == "[" || token == "(") {
        result.back().push_back(group(token == "["));
      } else {
        result.back().push_back(word(token));
      }
    }
    return result;
  }

  // "key", or "GET|SET": without spaces the bar binds only the words beside it.
  static SyntaxElement word(std::string_view token) {
    if (token.find('|') == std::string_view::npos) return {.word = std::string(token)};
    SyntaxElement choice;
    while (!token.empty()) {
      const std::size_t bar = token.find('|');
      const std::string_view part = token.substr(0, bar);
      if (!part.empty()) choice.alternatives.push_back({SyntaxElement{.word = std::string(part)}});
      token.remove_prefix(bar == std::string_view::npos ? token.size() : bar + 1);
    }
    return choice;
  }

  SyntaxElement group(bool optional) {
    SyntaxElement element{.alternatives = alternatives(), .optional = optional};
    if (next_ < tokens_.size()) ++next_;  // the closing bracket
    // "[key value ...]": what comes again is the group.
    for (SyntaxSequence& sequence : element.alternatives) {
      if (sequence.empty() || !sequence.back().repeats) continue;
      sequence.back().repeats = false;
      element.repeats = true;
    }
    return element;
  }

  std::vector<std::string> tokens_;
  std::size_t next_ = 0;
};

// --- matching ---

// Where in a syntax the typed words have led.
class Matcher {
 public:
  explicit Matcher(std::span<const std::string> typed) : typed_(typed) {}

  // True where all the words were typed that this form can take or more are welcome; what is still
  // expected goes to rest().
  bool match(const SyntaxSequence& form) {
    take(form);
    return next_ == typed_.size();
  }

  std::size_t taken() const { return next_; }
  SyntaxSequence& rest() { return rest_; }

 private:
  // Takes what of the sequence was typed. Optional groups that stand side by side may come in any
  // order. False where the words ended inside it: the rest of the sequence is then in rest_.
  bool take(const SyntaxSequence& sequence) {
    for (std::size_t i = 0; i < sequence.size();) {
      if (!sequence[i].optional) {
        if (!take_required(sequence[i])) {
          rest_.insert(rest_.end(), sequence.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                       sequence.end());
          return false;
        }
        ++i;
        continue;
      }
      const std::size_t end = end_of_options(sequence, i);
      if (!take_options(sequence, i, end)) {
        rest_.insert(rest_.end(), sequence.begin() + static_cast<std::ptrdiff_t>(end),
                     sequence.end());
        return false;
      }
      i = end;
    }
    return true;
  }

  // False where the words ended before or inside the element.
  bool take_required(const SyntaxElement& element) {
    if (next_ == typed_.size()) {
      rest_.push_back(element);
      return false;
    }
    if (element.word.empty()) {
      const SyntaxSequence* typed = typed_alternative(element);
      if (typed == nullptr) {
        ++next_;
      } else if (!take(*typed)) {
        return false;
      }
    } else {
      ++next_;
    }
    return !element.repeats || take_repeats(element);
  }

  // Whatever follows belongs to what comes again; nothing is asked for after it.
  bool take_repeats(const SyntaxElement& element) {
    next_ = typed_.size();
    SyntaxElement again{.optional = true, .repeats = true};
    if (!element.word.empty()) again.alternatives = {{SyntaxElement{.word = element.word}}};
    rest_.push_back(std::move(again));
    return false;
  }

  static std::size_t end_of_options(const SyntaxSequence& sequence, std::size_t begin) {
    std::size_t end = begin;
    while (end < sequence.size() && sequence[end].optional) ++end;
    return end;
  }

  bool take_options(const SyntaxSequence& sequence, std::size_t begin, std::size_t end) {
    std::vector<const SyntaxElement*> open;
    for (std::size_t i = begin; i < end; ++i) open.push_back(&sequence[i]);
    while (next_ < typed_.size()) {
      const auto group = std::ranges::find_if(
          open, [&](const SyntaxElement* option) { return typed_alternative(*option) != nullptr; });
      if (group == open.end()) break;
      const SyntaxElement& option = **group;
      if (!option.repeats) open.erase(group);
      if (!take(*typed_alternative(option))) {
        for (const SyntaxElement* other : open) rest_.push_back(*other);
        return false;
      }
    }
    if (next_ < typed_.size() && end < sequence.size()) return true;  // they belong to what follows
    for (const SyntaxElement* option : open) rest_.push_back(*option);
    return false;
  }

  const SyntaxSequence* typed_alternative(const SyntaxElement& option) const {
    for (const SyntaxSequence& alternative : option.alternatives) {
      if (begins_with_typed(alternative)) return &alternative;
    }
    return nullptr;
  }

  // Whether the next typed word can begin the sequence: its keyword, or any word for a value.
  bool begins_with_typed(const SyntaxSequence& sequence) const {
    if (sequence.empty()) return false;
    const SyntaxElement& first = sequence.front();
    if (first.word.empty()) return typed_alternative(first) != nullptr;
    return !is_keyword(first.word) || equals_ignoring_case(first.word, typed_[next_]);
  }

  std::span<const std::string> typed_;
  std::size_t next_ = 0;
  SyntaxSequence rest_;
};

// The words that may come next: those that begin the optional groups at the front of the sequence,
// and the first that must come.
void collect_next(const SyntaxSequence& sequence, SyntaxRest& rest) {
  for (const SyntaxElement& element : sequence) {
    if (!element.word.empty()) {
      if (is_keyword(element.word)) {
        rest.keywords.push_back(element.word);
      } else if (rest.value.empty()) {
        rest.value = element.word;
      }
    }
    for (const SyntaxSequence& alternative : element.alternatives) {
      if (!alternative.empty()) collect_next({alternative.front()}, rest);
    }
    if (!element.optional) return;
  }
}

bool is_choice_of_words(const SyntaxElement& element) {
  return !element.optional &&
         std::ranges::all_of(element.alternatives, [](const SyntaxSequence& alternative) {
           return alternative.size() == 1 && !alternative[0].word.empty();
         });
}

std::string element_text(const SyntaxElement& element) {
  if (!element.word.empty()) return element.word + (element.repeats ? " ..." : "");
  const bool choice = is_choice_of_words(element);
  std::string text;
  for (const SyntaxSequence& alternative : element.alternatives) {
    if (!text.empty()) text += choice ? "|" : " | ";
    text += syntax_text(alternative);
  }
  if (choice) return text + (element.repeats ? " ..." : "");
  if (element.repeats) text += text.empty() ? "..." : " ...";
  return (element.optional ? "[" : "(") + text + (element.optional ? "]" : ")");
}

}  // namespace

bool is_keyword(std::string_view word) {
  return !word.empty() &&
         std::ranges::all_of(word, [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; });
}

std::vector<SyntaxSequence> parse_syntax(std::string_view text) {
  return Parser(tokens_of(text)).forms();
}

std::string syntax_text(const SyntaxSequence& sequence) {
  std::string text;
  for (const SyntaxElement& element : sequence) {
    if (!text.empty()) text += ' ';
    text += element_text(element);
  }
  return text;
}

SyntaxRest match_syntax(const std::vector<SyntaxSequence>& forms,
                        std::span<const std::string> typed) {
  SyntaxRest result;
  bool shown = false;
  for (const SyntaxSequence& form : forms) {
    // Of several forms only those count whose keyword was typed.
    if (forms.size() > 1 && !typed.empty() && !form.empty() && is_keyword(form.front().word) &&
        !equals_ignoring_case(form.front().word, typed[0])) {
      continue;
    }
    Matcher matcher(typed);
    if (!matcher.match(form)) continue;
    collect_next(matcher.rest(), result);
    if (shown && !matcher.rest().empty()) result.expected.push_back({.word = "|"});
    result.expected.insert(result.expected.end(), matcher.rest().begin(), matcher.rest().end());
    shown = shown || !matcher.rest().empty();
  }
  std::ranges::sort(result.keywords);
  const auto repeated = std::ranges::unique(result.keywords);
  result.keywords.erase(repeated.begin(), repeated.end());
  return result;
}

}  // namespace kimdb::cli
