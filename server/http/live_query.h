// A query whose result is kept as it is: when a change of its collection may concern it, it is
// asked again, and what has become different is told. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "database/collection_watch.h"
#include "engine/filter.h"
#include "protocol/reply_reader.h"

namespace kimdb::server {

struct ShownDocument {
  std::string id;
  std::string json;
  std::uint64_t version = 0;  // 0: not among its fields
};
// Of DOC FIND's reply, [cursor, [documents]].
std::vector<ShownDocument> shown_documents(const protocol::Value& reply);

class LiveQuery {
 public:
  // `words` ask for the result.
  LiveQuery(std::string id, std::vector<std::string> words, engine::Filter filter,
            const std::vector<ShownDocument>& result);

  const std::string& id() const { return id_; }
  const std::vector<std::string>& words() const { return words_; }
  // A change may concern the result.
  void look_at(database::ShownChange& shown);
  // The result is being read: whatever changes now may be in it, or not.
  void begin_asking() {
    stale_ = false;
    asking_ = true;
  }
  bool stale() const { return stale_; }
  // Messages that lead from the last result to this one, each from where the one before it led:
  // removed {id}, added {id, index, data}, moved {id, index}, changed {id, index, data}.
  std::vector<std::string> become(const std::vector<ShownDocument>& result);

 private:
  // A document of the last result; of what it was, a hash.
  struct Known {
    std::string id;
    std::array<std::uint64_t, 2> hash{};
  };
  static Known known(const ShownDocument& document);
  std::string message(std::string_view type, std::string_view id) const;

  const std::string id_;
  const std::vector<std::string> words_;
  const engine::Filter filter_;
  std::vector<Known> result_;
  std::unordered_set<std::string> ids_;  // of the result
  bool stale_ = false;
  bool asking_ = false;
};

}  // namespace kimdb::server
