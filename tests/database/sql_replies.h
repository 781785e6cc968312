// Statements of tests, and what is in their replies.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/test_db.h"

namespace kimdb::database {

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The reply to SQL with these words behind it.
inline std::string run_words(support::TestDb& db, support::TestSession& session,
                             protocol::Framing framing,
                             const std::vector<std::string_view>& words) {
  protocol::Request request;
  request.framing = framing;
  request.words = {"SQL"};
  request.words.insert(request.words.end(), words.begin(), words.end());
  std::string out;
  db.database().execute(session.state(), request, out, {.now_ms = db.database().now_ms()});
  return out;
}

}  // namespace kimdb::database
