// Numbers as text: what SQLite reads in them, and how results show them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/sql_value.h"

namespace kimdb::database::sql {

// Digits, with a point in them or not, that every way to read takes for the same number; nothing
// where SQLite may round otherwise than from_chars does: its quotient is rounded twice, which shows
// behind 3 decimals. Pure.
std::optional<engine::SqlValue> plain_number(std::string_view digits);

// A text that is nothing but a number, as SQLite's affinity takes it: white space around it is
// allowed. What is not plain SQLite itself reads, on a connection of this thread's.
std::optional<engine::SqlValue> number_in(std::string_view text);

// A finite double in the shortest digits that read back as it, in SQLite's form, which is never
// that of a whole number: "100000.0", "0.1", "1.0e+300". Pure.
std::string real_text(double real);

// A number with as many digits behind the point as `scale` says: "1.50". Pure.
std::string decimal_text(const engine::SqlValue& number, std::uint32_t scale);
// A number rounded to `scale` digits behind the point, half away from zero, as its shortest digits
// say it: 1.005 is 1.01. Of a scale a double, so that it is calculated with as one, unless it is a
// whole number that no double is; else a whole number, if 64 bits hold it. Nothing where more than
// `precision` digits remain. Pure.
std::optional<engine::SqlValue> rounded_decimal(const engine::SqlValue& number,
                                                std::uint32_t precision, std::uint32_t scale);

}  // namespace kimdb::database::sql
