// UTF-8 (RFC 3629) and text as JSON writes it (RFC 8259). Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kimdb {

// The length of the UTF-8 character at `i`, 0 where there is none: no overlong forms, no
// surrogates, nothing above U+10FFFF (table 3-7 of the Unicode standard).
std::size_t utf8_length(std::string_view text, std::size_t i);
bool is_utf8(std::string_view bytes);
void append_utf8(std::string& out, std::uint32_t code_point);

// `text`, which is UTF-8, as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace kimdb
