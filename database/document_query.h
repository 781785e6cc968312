// Which documents of a collection a client asks for, and in which order: DOC FIND, LIST and COUNT.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "database/context.h"

namespace kimdb::database {

struct DocumentQuery {
  std::string_view collection;
  std::string_view filter = "{}";
  std::string_view sort;    // none: by id
  std::string_view fields;  // none: all
  std::string_view after;   // a cursor
  std::optional<std::size_t> limit;
};

// Which index was used; no name: none.
struct UsedIndex {
  std::string name;
  std::string fields;
  std::size_t ranges = 0;  // of its keys
  bool sorted = false;     // its order was that of the result
};

struct FoundDocuments {
  std::vector<std::string> documents;  // JSON
  std::string next;                    // the cursor of what follows; empty: nothing does
  Lsn lsn = 0;  // of the state that they stood in; not where the caller holds all locks
  std::size_t examined = 0;  // documents that were looked at
  UsedIndex plan;
};

// Of one state, whose LSN the reply depends on. An error says what is wrong with the query.
Result<FoundDocuments> find_documents(Context& c, const DocumentQuery& query);
Result<std::size_t> count_documents(Context& c, const DocumentQuery& query);

}  // namespace kimdb::database
