// Random requests for the parser tests: mostly near to well-formed, so that every branch is taken.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace kimdb::protocol {

inline std::string random_bytes(Random& random, std::size_t size_max) {
  std::string bytes(random.below(size_max + 1), '\0');
  // Half of them from the characters that mean something.
  constexpr std::string_view kMeaning = " \t\r\n\"'\\{}[]$#*|>(x0a1:OK\x7f\xc3\xa9";
  const bool any = random.below(2) == 0;
  for (char& c : bytes) {
    c = any ? static_cast<char>(random.below(256)) : kMeaning[random.below(kMeaning.size())];
  }
  return bytes;
}

inline std::string random_requests(Random& random) {
  static const std::vector<std::string> kPieces = {"SET ",
                                                   "GET k",
                                                   "\n",
                                                   "\r\n",
                                                   "#17 ",
                                                   "# c\n",
                                                   "\"a b\"",
                                                   "\"\\x41\\n\"",
                                                   "'q'",
                                                   "{\"a\": [1]}",
                                                   "[a-z]*",
                                                   "$3\n",
                                                   "$3\r\nabc",
                                                   "$60\n",
                                                   "SELECT ",
                                                   "SQL ",
                                                   "ACK synced ",
                                                   "AUTH|a|b",
                                                   "*3\r\n",
                                                   "$3\r\nSET\r\n",
                                                   "$1\r\nk\r\n",
                                                   "*1\r\n$4\r\nPING\r\n",
                                                   "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
                                                   "*0\r\n",
                                                   "*-1\r\n",
                                                   "$-1\r\n",
                                                   "*",
                                                   "$",
                                                   "\"",
                                                   "'",
                                                   "{",
                                                   "0",
                                                   "\r",
                                                   " ",
                                                   "POST ",
                                                   "PING\n",
                                                   "$12\r\nhello world!\r\n"};
  std::string input;
  const std::size_t pieces = random.below(12);
  for (std::size_t i = 0; i < pieces; ++i) {
    input +=
        random.below(20) == 0 ? random_bytes(random, 20) : kPieces[random.below(kPieces.size())];
  }
  return input;
}

inline std::vector<std::size_t> random_cuts(Random& random, std::size_t size) {
  std::vector<std::size_t> cuts(random.below(5));
  for (std::size_t& cut : cuts) cut = random.below(size + 1);
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

// For a failing test's message.
inline std::string shown(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    if (c >= ' ' && c < 0x7f) {
      text += c;
    } else {
      constexpr char kDigits[] = "0123456789abcdef";
      text += "\\x";
      text += kDigits[static_cast<unsigned char>(c) >> 4];
      text += kDigits[c & 15];
    }
  }
  return text;
}

}  // namespace kimdb::protocol
