// The text of INFO: sections of name:value lines, named as Redis names them where the meaning is
// the same.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kimdb::database {

class Context;

// No sections named: those that Redis shows by default. Looks at every partition.
std::string info_text(Context& c, std::span<const std::string_view> sections);

// Resident memory of this process.
std::int64_t resident_bytes();

}  // namespace kimdb::database
