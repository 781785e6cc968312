#include "database/collection_watch.h"

#include "engine/document.h"
#include "engine/json_reader.h"

namespace kimdb::database {

namespace {

// Beyond these they are told again.
constexpr std::size_t kGoneMax = 100'000;

}  // namespace

bool matches(const engine::Filter& filter, const DocumentChange& change) {
  if (change.kind == DocumentChange::Kind::remove) return false;
  thread_local std::string shown;
  shown.clear();
  engine::append_document(shown, change.id(), engine::read_document(change.value));
  engine::JsonElement element;
  return engine::JsonReader::of_this_thread().read(shown, element) && filter.matches(element);
}

std::optional<DocumentChange::Kind> CollectionWatch::look_at(const DocumentChange& change) {
  if (!filter_) return change.kind;
  const std::string id(change.id());
  if (matches(*filter_, change)) {
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
