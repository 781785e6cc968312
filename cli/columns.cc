#include "cli/columns.h"

#include <clocale>
#include <cstdint>
#include <cwchar>

#include "base/utf8.h"

namespace kimdb::cli {
namespace {

// wcwidth() knows Unicode only in a locale of UTF-8. For this thread, as long as the object lives.
class Utf8Locale {
 public:
  Utf8Locale() : before_(uselocale(utf8())) {}
  ~Utf8Locale() { uselocale(before_); }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  // Null where the C library has none: then the locale stays what it is.
  static locale_t utf8() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
  }

  locale_t before_;
};

bool is_ascii(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  return true;
}

// The character of `size` bytes.
wchar_t code_point(std::string_view text, std::size_t size) {
  auto value = static_cast<unsigned char>(text[0]) & (0xffu >> (size == 1 ? 1 : size + 1));
  for (std::size_t i = 1; i < size; ++i)
    value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
  return static_cast<wchar_t>(value);
}

// Takes the first character off the text; its width.
std::size_t take_character(std::string_view& text) {
  const std::size_t size = utf8_length(text, 0);
  const int cells = size == 0 ? -1 : wcwidth(code_point(text, size));
  text.remove_prefix(size == 0 ? 1 : size);
  return cells < 0 ? 1 : static_cast<std::size_t>(cells);
}

}  // namespace

std::size_t columns(std::string_view text) {
  if (is_ascii(text)) return text.size();
  const Utf8Locale locale;
  std::size_t width = 0;
  while (!text.empty()) width += take_character(text);
  return width;
}

std::string fitting(std::string_view text, std::size_t width) {
  if (is_ascii(text)) return std::string(text.substr(0, width));
  const Utf8Locale locale;
  std::string_view rest = text;
  std::size_t used = 0;
  while (!rest.empty()) {
    std::string_view behind = rest;
    used += take_character(behind);
    if (used > width) break;
    rest = behind;
  }
  return std::string(text.substr(0, text.size() - rest.size()));
}

}  // namespace kimdb::cli
