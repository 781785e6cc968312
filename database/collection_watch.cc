#include "database/collection_watch.h"

#include <utility>

#include "engine/document.h"

namespace kimdb::database {

namespace {

// Beyond these they are told again.
constexpr std::size_t kGoneMax = 100'000;

}  // namespace

bool ShownChange::matches(const engine::Filter& filter) {
  if (change_.kind == DocumentChange::Kind::remove) return false;
  if (!std::exchange(read_, true)) {
    std::string text;
    engine::append_document(text, change_.id(), engine::read_document(change_.value));
    engine::JsonElement element;
    if (engine::JsonReader::of_this_thread().read(text, element)) document_ = element;
  }
  return document_ && filter.matches(*document_);
}

std::optional<DocumentChange::Kind> CollectionWatch::look_at(ShownChange& shown) {
  const DocumentChange& change = shown.change();
  if (!filter_) return change.kind;
  const std::string id(change.id());
  if (shown.matches(*filter_)) {
    gone_.erase(id);
    return change.kind;
  }
  if (gone_.size() >= kGoneMax) gone_.clear();
  if (!gone_.insert(id).second) return std::nullopt;
  // What did not exist before, nobody has to forget.
  if (change.kind == DocumentChange::Kind::insert) return std::nullopt;
  return DocumentChange::Kind::remove;
}

}  // namespace kimdb::database
