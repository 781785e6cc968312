#include "database/sql/text_functions.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace kimdb::database::sql {

namespace {

constexpr std::size_t kTrimmedBytes = 1000;

// The bytes of a value as text; nothing for NULL, and where there is no memory for them.
std::optional<std::string_view> text_of(sqlite3_value* value) {
  const bool is_blob = sqlite3_value_type(value) == SQLITE_BLOB;
  const void* const bytes = is_blob ? sqlite3_value_blob(value) : sqlite3_value_text(value);
  const auto size = static_cast<std::size_t>(sqlite3_value_bytes(value));
  if (bytes == nullptr && !(is_blob && size == 0)) return std::nullopt;
  return std::string_view(static_cast<const char*>(bytes), size);
}

void result_text(sqlite3_context* context, std::string_view text) {
  sqlite3_result_text64(context, text.data() == nullptr ? "" : text.data(), text.size(),
                        SQLITE_TRANSIENT, SQLITE_UTF8);
}

// NULL, or the error that there is no memory.
void result_without(sqlite3_context* context, sqlite3_value* value) {
  if (sqlite3_value_type(value) != SQLITE_NULL) sqlite3_result_error_nomem(context);
}

// memmem takes time that grows with the sum of both sizes.
std::size_t place_of_bytes(std::string_view text, std::string_view part, std::size_t from) {
  if (text.size() - from < part.size()) return std::string_view::npos;
  const void* const found =
      memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

// The place of a part in a text, in characters, or of bytes in bytes; 0: it is not there.
std::size_t place_of(std::string_view text, std::string_view part, bool in_characters) {
  if (part.empty()) return 1;
  if (text.size() < part.size()) return 0;
  if (!in_characters) return place_of_bytes(text, part, 0) + 1;
  // Looked for where characters begin, and at the text's begin, whatever stands there.
  const std::size_t at = begins_character(part[0]) ? place_of_bytes(text, part, 0)
                         : text.starts_with(part)  ? 0
                                                   : std::string_view::npos;
  if (at == std::string_view::npos) return 0;
  if (at == 0) return 1;
  return 1 + static_cast<std::size_t>(
                 std::count_if(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                               begins_character));
}

void instr(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  for (int i = 0; i < 2; ++i)
    if (sqlite3_value_type(values[i]) == SQLITE_NULL) return;
  const bool in_characters =
      sqlite3_value_type(values[0]) != SQLITE_BLOB || sqlite3_value_type(values[1]) != SQLITE_BLOB;
  const auto text = text_of(values[0]), part = text_of(values[1]);
  if (!text || !part) return sqlite3_result_error_nomem(context);
  sqlite3_result_int64(context, static_cast<sqlite3_int64>(place_of(*text, *part, in_characters)));
}

void replace(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  const auto text = text_of(values[0]);
  if (!text) return result_without(context, values[0]);
  const auto part = text_of(values[1]);
  if (!part) return result_without(context, values[1]);
  // Nothing to look for: a number stays a number, bytes become text.
  if (part->empty() || part->front() == '\0')
    return sqlite3_value_type(values[0]) == SQLITE_BLOB ? result_text(context, *text)
                                                        : sqlite3_result_value(context, values[0]);
  const auto by = text_of(values[2]);
  if (!by) return result_without(context, values[2]);
  // Counts its memory, and keeps to SQLite's greatest length.
  sqlite3_str* const made = sqlite3_str_new(sqlite3_context_db_handle(context));
  const auto append = [&](std::string_view piece) {
    sqlite3_str_append(made, piece.data(), static_cast<int>(piece.size()));
  };
  std::size_t from = 0;
  for (std::size_t at = 0; sqlite3_str_errcode(made) == SQLITE_OK &&
                           (at = place_of_bytes(*text, *part, from)) != std::string_view::npos;
       from = at + part->size()) {
    append(text->substr(from, at - from));
    append(*by);
  }
  append(text->substr(from));
  const int code = sqlite3_str_errcode(made);
  const int size = sqlite3_str_length(made);
  char* const bytes = sqlite3_str_finish(made);
  if (code == SQLITE_TOOBIG) return sqlite3_result_error_toobig(context);
  if (code != SQLITE_OK) return sqlite3_result_error_nomem(context);
  if (bytes == nullptr) return sqlite3_result_text(context, "", 0, SQLITE_STATIC);
  sqlite3_result_text(context, bytes, size, sqlite3_free);
}

// The characters of a text, up to its first NUL, as SQLite separates them.
class Characters {
 public:
  explicit Characters(std::string_view text) {
    text = text.substr(0, text.find('\0'));
    for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
      end = begin + 1;
      if (static_cast<unsigned char>(text[begin]) >= 0xc0)
        while (end < text.size() && !begins_character(text[end])) ++end;
      all_.push_back({text.substr(begin, end - begin), begin});
      sizes_.push_back(end - begin);
    }
    std::sort(all_.begin(), all_.end());
    std::sort(sizes_.begin(), sizes_.end());
    sizes_.erase(std::unique(sizes_.begin(), sizes_.end()), sizes_.end());
  }

  // The size of the one that the text begins or ends with; 0: with none.
  std::size_t at_begin_of(std::string_view text) const {
    return first_of(text, [&](std::size_t size) { return text.substr(0, size); });
  }
  std::size_t at_end_of(std::string_view text) const {
    return first_of(text, [&](std::size_t size) { return text.substr(text.size() - size); });
  }

 private:
  using Character = std::pair<std::string_view, std::size_t>;  // and where it stands first

  template <class Part>
  std::size_t first_of(std::string_view text, Part&& part) const {
    const Character* first = nullptr;
    for (const std::size_t size : sizes_) {
      if (size > text.size()) break;
      const auto found = std::lower_bound(all_.begin(), all_.end(), Character(part(size), 0));
      if (found == all_.end() || found->first != part(size)) continue;
      if (first == nullptr || found->second < first->second) first = &*found;
    }
    return first == nullptr ? 0 : first->first.size();
  }

  std::vector<Character> all_;
  std::vector<std::size_t> sizes_;
};

enum Sides : int { kBegin = 1, kEnd = 2 };

template <int kSides>
void trim(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  auto text = text_of(values[0]);
  if (!text) return result_without(context, values[0]);
  const auto given = text_of(values[1]);
  if (!given) return result_without(context, values[1]);
  if (given->size() > kTrimmedBytes)
    return sqlite3_result_error(context, "trim: more than 1000 bytes of characters", -1);
  const Characters characters(*given);
  if ((kSides & kBegin) != 0)
    while (const std::size_t size = characters.at_begin_of(*text)) text->remove_prefix(size);
  if ((kSides & kEnd) != 0)
    while (const std::size_t size = characters.at_end_of(*text)) text->remove_suffix(size);
  result_text(context, *text);
}

}  // namespace

void register_text_functions(sqlite3* database) {
  const auto add = [&](const char* name, int arguments,
                       void (*function)(sqlite3_context*, int, sqlite3_value**)) {
    sqlite3_create_function_v2(database, name, arguments,
                               SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, nullptr,
                               function, nullptr, nullptr, nullptr);
  };
  add("instr", 2, instr);
  add("replace", 3, replace);
  add("trim", 2, trim<kBegin | kEnd>);
  add("ltrim", 2, trim<kBegin>);
  add("rtrim", 2, trim<kEnd>);
}

}  // namespace kimdb::database::sql
