#include "database/document_query.h"

#include <algorithm>

#include "database/database.h"
#include "database/sql/transaction.h"
#include "engine/collection_scan.h"
#include "engine/filter.h"
#include "engine/index_scan.h"
#include "engine/projection.h"
#include "engine/sort_key.h"

namespace kimdb::database {

namespace {

std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[c & 15];
  }
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    if (digit(text[i]) < 0 || digit(text[i + 1]) < 0) return std::nullopt;
    bytes += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
  }
  return bytes;
}

// The parts of the order's fields, then an id.
bool is_cursor(std::string_view key, const engine::SortOrder& order) {
  return std::all_of(order.begin(), order.end(),
                     [&](const engine::SortField& field) {
                       return engine::take_key_part(key, field.descending).has_value();
                     }) &&
         engine::is_document_id(key);
}

// The indexes of a collection: every partition knows them, but for those that come or go right now.
engine::IndexList indexes_of(Context& c, std::string_view collection) {
  engine::IndexList indexes;
  c.with_partition(0, [&](engine::Partition& partition) {
    indexes = partition.collections(engine::kDocuments).indexes(collection);
  });
  return indexes;
}

// In which order documents come.
enum class Visited { in_no_order, by_id, by_plan };

// Calls visit(entry, Visited) for the collection's documents as of one LSN, those behind an id or
// those that a plan leads to; false where what follows in this order is not wanted.
template <class Visit>
void scan(Context& c, const DocumentQuery& query, std::string_view behind,
          const std::optional<engine::IndexPlan>& plan, Lsn& lsn, Visit&& visit) {
  engine::Engine& engine = c.database.engine();
  const auto by_index = [&](engine::IndexScan documents) {
    const Visited order = documents.sorted() ? Visited::by_plan : Visited::in_no_order;
    while (documents.step([&](const engine::Entry& entry) { return visit(entry, order); })) {
    }
  };
  const auto by_id = [&](engine::CollectionScan documents) {
    if (!behind.empty()) documents.begin_behind(engine::document_key(query.collection, behind));
    while (
        documents.step([&](const engine::Entry& entry) { return visit(entry, Visited::by_id); })) {
    }
  };
  if (c.holds_locks()) {
    for (std::size_t i = 0; i < engine.partition_count(); ++i)
      c.with_partition(i,
                       [&](engine::Partition& partition) { c.depends_on(partition.last_lsn()); });
    return plan ? by_index(engine::IndexScan(engine, *plan))
                : by_id(engine::CollectionScan(engine, engine::kDocuments, query.collection));
  }
  const auto scan_view = [&](const engine::ReadView& view) {
    c.depends_on(view.lsn());
    lsn = view.lsn();
    plan ? by_index(engine::IndexScan(engine, view, *plan))
         : by_id(engine::CollectionScan(engine, view, engine::kDocuments, query.collection));
  };
  if (c.transaction() == nullptr)
    return scan_view(engine.open_view([&] { return c.database.applied_lsn(); }));
  scan_view(c.transaction()->view);
}

// What the session's transaction has changed lies over what a scan finds.
template <class Visit>
auto over_changes(const Context& c, Visit& visit) {
  return [&c, &visit](const engine::Entry& entry, Visited visited) {
    if (c.transaction() != nullptr && c.transaction()->keys.find(engine::kDocuments, entry.key()))
        [[unlikely]]
      return true;
    return visit(entry, visited);
  };
}
template <class Visit>
void visit_changed(const Context& c, std::string_view collection, Visit& visit) {
  if (c.transaction() == nullptr) return;
  const std::string all = engine::document_key(collection, "");
  if (c.transaction()->reads) c.transaction()->reads->add_range(engine::kDocuments, all);
  c.transaction()->keys.for_each_with_prefix(
      engine::kDocuments, all,
      [&](const engine::Entry& entry) { visit(entry, Visited::in_no_order); });
}

// The same, by the index that serves best, which it gives. begin() is called before it begins, anew
// where an index was dropped or the state replaced meanwhile: what was seen then says nothing.
template <class Begin, class Visit>
Result<std::optional<engine::IndexPlan>> scan_whole(Context& c, const DocumentQuery& query,
                                                    std::string_view behind,
                                                    const engine::Filter& filter,
                                                    const std::optional<engine::SortOrder>& order,
                                                    Lsn& lsn, Begin&& begin, Visit&& visit) {
  constexpr int kAttempts = 5;
  const engine::Engine& engine = c.database.engine();
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::uint64_t replacements = engine.replacements();
    auto plan = engine::plan_by_index(indexes_of(c, query.collection), filter, order);
    begin();
    scan(c, query, behind, plan, lsn, over_changes(c, visit));
    visit_changed(c, query.collection, visit);
    const bool useless = plan && (plan->index->retired() || plan->index->refused_some());
    const bool replaced = !c.holds_locks() && replacements != engine.replacements();
    if (!useless && !replaced) return plan;
  }
  return Error{ErrorCode::unavailable, "the state was replaced meanwhile: try again"};
}

// A document as it is shown, and as elements where somebody asks.
class Shown {
 public:
  void read(const engine::Entry& entry) {
    text_.clear();
    engine::append_document(text_, engine::document_id(entry),
                            engine::read_document(entry.value()));
    parsed_ = false;
  }
  const std::string& text() const { return text_; }
  const engine::JsonElement& element() {
    if (!parsed_) reader_.read(text_, element_);
    parsed_ = true;
    return element_;
  }

 private:
  std::string text_;
  engine::JsonReader reader_;
  engine::JsonElement element_;
  bool parsed_ = false;
};

// The first documents by their keys, `limit` of them and one more, which says that others follow.
class FirstDocuments {
 public:
  explicit FirstDocuments(std::optional<std::size_t> limit)
      : size_max_(limit ? *limit + 1 : SIZE_MAX) {}

  bool wants(std::string_view key) const {
    return found_.size() < size_max_ || key < found_.front().key;
  }
  void add(std::string key, const std::string& text) {
    if (found_.size() == size_max_) {
      std::pop_heap(found_.begin(), found_.end(), less);
      found_.pop_back();
    }
    found_.push_back({std::move(key), text});
    std::push_heap(found_.begin(), found_.end(), less);
  }

  struct Found {
    std::string key;
    std::string text;
  };
  std::vector<Found> take() {
    std::sort_heap(found_.begin(), found_.end(), less);
    return std::move(found_);
  }

 private:
  static bool less(const Found& a, const Found& b) { return a.key < b.key; }
  std::size_t size_max_;
  std::vector<Found> found_;  // a heap, the last one in front
};

}  // namespace

Result<FoundDocuments> find_documents(Context& c, const DocumentQuery& query) {
  const auto filter = engine::Filter::parse(query.filter);
  if (!filter) return filter.error();
  std::optional<engine::SortOrder> order;
  if (!query.sort.empty()) {
    auto parsed = engine::read_typed_order(query.sort);
    if (!parsed) return Error(parsed.error()).in("SORT");
    order = std::move(*parsed);
  }
  std::optional<engine::Projection> projection;
  if (!query.fields.empty()) {
    auto parsed = engine::Projection::parse(query.fields);
    if (!parsed) return Error(parsed.error()).in("FIELDS");
    projection = std::move(*parsed);
  }
  std::string after(query.after);
  if (order && !after.empty()) {
    auto key = from_hex(after);
    if (!key || !is_cursor(*key, *order))
      return Error{ErrorCode::invalid_argument,
                   "AFTER takes a cursor that FIND gave for this SORT"};
    after = std::move(*key);
  }

  FoundDocuments result;
  FirstDocuments first(query.limit);
  Shown shown;
  const bool all = filter->matches_all();
  std::size_t examined = 0;
  const auto visit = [&](const engine::Entry& entry, Visited visited) {
    ++examined;
    const std::string_view id = engine::document_id(entry);
    // In the order of ids nothing behind this one is wanted either.
    if (!order && !first.wants(id)) return visited != Visited::by_id;
    shown.read(entry);
    std::string key;
    if (order) {
      engine::append_sort_key(key, shown.element(), *order);
      // The same, and its id would only come behind that.
      if (!first.wants(key)) return visited != Visited::by_plan;
    }
    if (!all && !filter->matches(shown.element())) return true;
    key += id;
    if (key > after && first.wants(key)) first.add(std::move(key), shown.text());
    return true;
  };
  const auto begin = [&] {
    first = FirstDocuments(query.limit);
    examined = 0;
  };
  const auto plan =
      scan_whole(c, query, order ? "" : after, *filter, order, result.lsn, begin, visit);
  if (!plan) return plan.error();

  auto found = first.take();
  if (query.limit && found.size() > *query.limit) {
    found.pop_back();
    if (!found.empty()) result.next = order ? to_hex(found.back().key) : found.back().key;
  }
  for (auto& [key, text] : found)
    result.documents.push_back(projection ? projection->apply(text) : std::move(text));
  result.examined = examined;
  if (const auto& used = *plan)
    result.plan = {used->index->definition().name, used->index->definition().fields,
                   used->ranges.size(), used->sorted && !used->index->multikey()};
  return result;
}

Result<std::size_t> count_documents(Context& c, const DocumentQuery& query) {
  const auto filter = engine::Filter::parse(query.filter);
  if (!filter) return filter.error();
  Shown shown;
  std::size_t count = 0;
  Lsn lsn = 0;
  const auto visit = [&](const engine::Entry& entry, Visited) {
    shown.read(entry);
    if (filter->matches(shown.element())) ++count;
    return true;
  };
  const auto plan = scan_whole(
      c, query, "", *filter, {}, lsn, [&] { count = 0; }, visit);
  if (!plan) return plan.error();
  return count;
}

}  // namespace kimdb::database
