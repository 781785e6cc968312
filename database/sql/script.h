// A text with several statements in it. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kimdb::database::sql {

// The statements between its semicolons, in order; nothing is no statement. What is not read, a
// quote without an end, is part of the last one.
std::vector<std::string_view> split_statements(std::string_view text);

// What is said of the statement with this number, from 1, that ended all of them. `done`: how many
// before it are not undone with it.
std::string statement_error(const std::vector<std::string_view>& statements, std::size_t number,
                            std::size_t done, std::string_view message);

}  // namespace kimdb::database::sql
