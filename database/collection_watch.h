// What one client gets of a collection's changes: those of all documents, or of those that a filter
// matches. Of a document that does not match any more it is told the removal, once; where the
// client cannot have known it, that is one event too many, which does no harm.
//
// Used by one thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "database/change_feed.h"
#include "engine/filter.h"
#include "engine/json_reader.h"

namespace kimdb::database {

// A change that many look at: its document is parsed once, by the thread's JsonReader, which nobody
// else may use meanwhile.
class ShownChange {
 public:
  explicit ShownChange(const DocumentChange& change) : change_(change) {}

  const DocumentChange& change() const { return change_; }
  // The document as it is shown matches; false of one that was removed.
  bool matches(const engine::Filter& filter);

 private:
  const DocumentChange& change_;
  bool read_ = false;
  std::optional<engine::JsonElement> document_;
};

class CollectionWatch {
 public:
  CollectionWatch(std::string collection, std::unique_ptr<ChangeReader> reader,
                  std::optional<engine::Filter> filter)
      : collection_(std::move(collection)),
        reader_(std::move(reader)),
        filter_(std::move(filter)) {}

  const std::string& collection() const { return collection_; }
  ChangeReader& reader() { return *reader_; }
  bool filtered() const { return filter_.has_value(); }
  // Of this collection, and new.
  bool concerns(const DocumentChange& change) const {
    return change.collection() == collection_ && reader_->is_new(change);
  }
  // As what the change is told; nothing: not at all.
  std::optional<DocumentChange::Kind> look_at(ShownChange& shown);

 private:
  std::string collection_;
  std::unique_ptr<ChangeReader> reader_;
  std::optional<engine::Filter> filter_;
  std::unordered_set<std::string> gone_;  // ids that were told not to match
};

}  // namespace kimdb::database
