// How values are written into line replies and JSON, so that they read back as what they are. Pure;
// any thread.
#pragma once

#include <string>
#include <string_view>

namespace kimdb::protocol {

// FORMAT text: true where `value`, alone on a reply's line, could not be seen as it is (it is
// empty, holds a control character or bytes that are no UTF-8) or be taken for something else
// (another reply, an event, a tag).
bool needs_quotes(std::string_view value);

// FORMAT strict: true as well where it would not read back as exactly one word.
bool needs_quotes_as_word(std::string_view value);

// Appends `value` in double quotes with the escapes of the input: \n \r \t \\ \" \xHH. Its UTF-8
// stays legible, control characters and other bytes do not.
void append_quoted(std::string& out, std::string_view value);

// Appends `value` as a JSON string. One that is no UTF-8 has no such form: it becomes
// {"base64":"…"}.
void append_json(std::string& out, std::string_view value);

// The same where only a string may stand, as the name of a member: bytes that are no UTF-8 become
// "base64:…".
void append_json_name(std::string& out, std::string_view value);

}  // namespace kimdb::protocol
