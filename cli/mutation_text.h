// Records of the log as lines that a person can read. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kimdb::cli {

// A line for each operation of the record, without line breaks at their ends:
//
//   put keyspace=0 key=a value="two words" expires_at=1790000000000 replaces=7
//
// Keys and values are quoted as in the line protocol where they are not one plain word, and cut
// after `bytes_max` bytes ("… (5000 bytes)"). replaces=own: an earlier operation of the same record
// made the version. What does not decode is a line "malformed: …".
std::string mutation_text(std::string_view mutation, std::size_t bytes_max = 200);

}  // namespace kimdb::cli
