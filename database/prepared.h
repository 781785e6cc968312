// What a command works out of its words before any lock is taken: which entries it will change, and
// what it will store. So parsing happens once, outside the locks, when the command is queued by
// MULTI as well.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/lsn.h"

namespace kimdb::database {

class Database;

struct DocumentCall {
  enum class Kind { read, put, insert, merge, patch, set_fields, remove } kind = Kind::read;
  std::string key;   // engine::document_key
  std::string json;  // the body, the patch, or the fields
  // IFVERSION: 0 where there must be no document; the LSN of the record that wrote it may be asked
  // for, too, since versions begin anew with a document.
  std::optional<std::uint64_t> version;
  Lsn lsn = 0;
  bool any_version = false;  // IFVERSION *: there must be one
};

struct Prepared {
  std::vector<DocumentCall> documents;
};

// Fills `prepared`; gives what is wrong with the words, as an error reply says it, or nothing.
using Prepare = std::string (*)(Database&, std::span<const std::string_view> words,
                                Prepared& prepared);

}  // namespace kimdb::database
