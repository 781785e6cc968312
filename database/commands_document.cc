// Commands on documents: DOC, COLLECTIONS (docs/documents.md).

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>

#include "database/arguments.h"
#include "database/collection_watch.h"
#include "database/command_table.h"
#include "database/database.h"
#include "database/document_call.h"
#include "database/document_indexes.h"
#include "database/document_query.h"
#include "database/sql/transaction.h"
#include "database/subcommand.h"
#include "engine/document.h"
#include "engine/field_merge.h"
#include "engine/json_patch.h"
#include "engine/projection.h"
#include "protocol/numbers.h"

namespace kimdb::database {

namespace {

using engine::Document;
using engine::kDocuments;

constexpr std::string_view kNotFound = "ERR document not found";

using Kind = DocumentCall::Kind;

// --- under the locks ---

std::string_view id_of(const DocumentCall& call) { return engine::split_document_key(call.key).id; }

struct Found : Document {
  Lsn lsn = 0;  // of the record that wrote it
};
std::optional<Found> find_document(Context& c, const DocumentCall& call) {
  const engine::Entry* entry = c.find(kDocuments, call.key);
  if (entry == nullptr) return std::nullopt;
  return Found{engine::read_document(entry->value()), entry->lsn()};
}

// The body that the call makes of one.
Result<std::string> changed_body(const DocumentCall& call, std::string_view before) {
  auto tree = engine::parse_json_tree(before);
  const auto change = engine::parse_json_tree(call.json);
  if (!tree || !change) return Error{ErrorCode::corrupt, "the document is no JSON any more"};
  std::deque<std::string> names;
  if (call.kind == Kind::merge) {
    engine::merge_patch(*tree, *change);
  } else {
    constexpr std::size_t kGrowthMax = std::size_t{64} << 20;
    const Status patched =
        engine::json_patch(*tree, *change, before.size() + call.json.size() + kGrowthMax, names);
    if (!patched) return patched.error();
  }
  std::string text;
  engine::append_json(text, *tree);
  auto given = engine::parse_document(text);
  if (!given) return std::move(given).error();
  return std::move(given->body);
}

// What a call makes of a document; an error reply where it must not be done.
struct Change {
  std::optional<Found> after;        // none: it is removed, or was not there
  std::string_view value;            // of the entry
  std::vector<std::string> applied;  // fields, of a call that sets fields
};
std::string change_of(Context& c, const DocumentCall& call, const std::optional<Found>& before,
                      Change& change) {
  const std::uint64_t version = before ? before->version : 0;
  if (call.any_version && !before) return "ERR version conflict: expected any, got 0";
  if (call.version && *call.version != version)
    return "ERR version conflict: expected " + std::to_string(*call.version) + ", got " +
           std::to_string(version);
  if (call.lsn != 0 && before && call.lsn != before->lsn)
    return "ERR version conflict: the document was removed and made anew";
  if (call.kind == Kind::remove) return {};
  if (call.kind == Kind::insert && before) return "ERR there is a document with this id already";
  std::string_view body = call.json;
  if (call.kind == Kind::merge || call.kind == Kind::patch) {
    if (!before) return std::string(kNotFound);
    auto changed = changed_body(call, before->body);
    if (!changed) return error_reply(changed.error());
    if (!c.try_room(changed->size())) return "ERR value exceeds wal.max_transaction_size";
    body = c.keep(std::move(*changed));
  }
  if (call.kind == Kind::set_fields) {
    const auto writes = engine::parse_json_tree(call.json);
    if (!writes) return error_reply(writes.error());
    auto merged =
        engine::merge_fields(before ? before->body : "", before ? before->updated_at : 0, *writes);
    if (!merged) return error_reply(merged.error());
    change.applied = std::move(merged->applied);
    if (change.applied.empty() && before) {
      change.after = before;
      return {};
    }
    if (!c.try_room(merged->body.size())) return "ERR value exceeds wal.max_transaction_size";
    body = c.keep(std::move(merged->body));
  }
  change.after = Found{Document{.version = version + 1,
                                .created_at = before ? before->created_at : c.now_ms,
                                .updated_at = c.now_ms,
                                .body = body},
                       engine::kOwnRecord};
  change.value = c.keep(engine::encode_document(*change.after));
  return {};
}

std::string refused_by_index(Context& c, const FinalDocuments& changed) {
  const auto is_changed = [&](std::string_view key) {
    return changed.contains(key) ||
           (c.transaction() != nullptr && c.transaction()->keys.find(kDocuments, key));
  };
  // What the error says depends on the one that is in the way.
  const auto holds = [&](const std::string& key) { c.find(kDocuments, key); };
  return index_refusal(c.database.engine(), changed, is_changed, holds);
}

void apply(Context& c, const DocumentCall& call, bool there, const Change& change) {
  if (change.after)
    c.put(kDocuments, call.key, change.value, 0);
  else if (there)
    c.remove(kDocuments, call.key, engine::RemoveReason::command);
}

void change_one(Context& c) {
  const DocumentCall& call = c.prepared->documents[0];
  const std::optional<Found> before = find_document(c, call);
  Change change;
  if (const std::string wrong = change_of(c, call, before, change); !wrong.empty())
    return c.reply.error(wrong);
  if (change.after) {
    if (const std::string wrong = refused_by_index(c, {{call.key, change.after->body}});
        !wrong.empty())
      return c.reply.error(wrong);
  }
  if (!change.after || !change.value.empty()) apply(c, call, before.has_value(), change);
  if (call.kind == Kind::set_fields) {
    c.reply.array(2);
    c.reply.integer(static_cast<std::int64_t>(change.after->version));
    c.reply.array(change.applied.size());
    for (const std::string& name : change.applied) c.reply.bulk(name);
    return;
  }
  if (call.kind == Kind::remove) return c.reply.integer(before.has_value());
  if (call.kind == Kind::put) {
    c.reply.array(2);
    c.reply.bulk(id_of(call));
  }
  c.reply.integer(static_cast<std::int64_t>(change.after->version));
}

// All or none: what each item makes is worked out first, seeing those before it.
void bulk(Context& c) {
  const auto& calls = c.prepared->documents;
  std::map<std::string_view, std::optional<Found>> state;
  std::vector<Change> changes(calls.size());
  std::vector<bool> there(calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto [known, is_new] = state.try_emplace(calls[i].key);
    if (is_new) known->second = find_document(c, calls[i]);
    there[i] = known->second.has_value();
    const std::string wrong = change_of(c, calls[i], known->second, changes[i]);
    if (!wrong.empty()) return c.reply.error(item_error(i, wrong));
    // An item may be shorter than what it becomes in the record.
    if (!c.take_room(calls[i].key.size() + changes[i].value.size() + 32)) return;
    known->second = changes[i].after;
  }
  FinalDocuments changed;
  for (const auto& [key, document] : state)
    changed[key] = document ? std::optional(document->body) : std::nullopt;
  if (const std::string wrong = refused_by_index(c, changed); !wrong.empty())
    return c.reply.error(wrong);
  c.apply_at_once();
  c.reply.array(calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    apply(c, calls[i], there[i], changes[i]);
    c.reply.array(2);
    c.reply.bulk(id_of(calls[i]));
    c.reply.integer(changes[i].after ? static_cast<std::int64_t>(changes[i].after->version) : 0);
  }
}

void get(Context& c) {
  const DocumentCall& call = c.prepared->documents[0];
  std::vector<engine::JsonPath> paths;
  for (const std::string_view word : c.words.subspan(4)) {
    auto path = engine::JsonPath::parse(word);
    if (!path) return c.reply.error(error_reply(path.error()));
    paths.push_back(std::move(*path));
  }
  const std::optional<Found> document = find_document(c, call);
  if (!document) return c.reply.null();
  std::string text;
  engine::append_document(text, id_of(call), *document);
  if (paths.empty()) return c.reply.bulk(text);
  const auto tree = engine::parse_json_tree(text);
  if (!tree) return c.reply.error(error_reply(tree.error()));
  std::vector<std::optional<std::string>> values;
  for (const engine::JsonPath& path : paths) {
    auto value = path.read(*tree);
    if (!value) return c.reply.error(error_reply(value.error()));
    values.push_back(std::move(*value));
  }
  c.reply.array(values.size());
  for (const auto& value : values) value ? c.reply.bulk(*value) : c.reply.null();
}

// --- whole collections ---

constexpr std::size_t kShownBytesMax = 64;  // of a wrong word, in what is said about it

// The words behind words[from] as pairs of an option's name and its value; false, and the reply is
// an error, where one is not among `known`, is there twice or has no value.
using Options = std::map<std::string_view, std::string_view>;  // names as in `known`
bool take_options(Context& c, std::size_t from, std::span<const std::string_view> known,
                  Options& options) {
  const auto refuse = [&](const std::string& why) {
    c.reply.error("ERR " + why);
    return false;
  };
  for (std::size_t i = from; i < c.words.size(); i += 2) {
    const auto name = std::find_if(known.begin(), known.end(), [&](std::string_view each) {
      return is_word(c.words[i], each);
    });
    if (name == known.end()) {
      std::string all;
      for (const std::string_view each : known)
        all += (all.empty() ? "" : ", ") + std::string(each);
      return refuse("unknown option '" + shown_as_c_string(c.words[i], kShownBytesMax) +
                    "': here may stand " + all);
    }
    if (i + 1 == c.words.size()) return refuse(std::string(*name) + " takes a value");
    if (!options.emplace(*name, c.words[i + 1]).second)
      return refuse(std::string(*name) + " is there twice");
  }
  return true;
}

// From `least` on; false, and the reply is an error, where it is none.
bool take_limit(Context& c, const Options& options, std::int64_t least,
                std::optional<std::size_t>& limit) {
  const auto given = options.find("LIMIT");
  if (given == options.end()) return true;
  const auto number = protocol::parse_integer(given->second);
  if (!number || *number < least) {
    c.reply.error("ERR LIMIT takes a whole number from " + std::to_string(least) + ", not '" +
                  shown_as_c_string(given->second, kShownBytesMax) + "'");
    return false;
  }
  limit = static_cast<std::size_t>(*number);
  return true;
}

// SORT, LIMIT, AFTER, FIELDS behind words[from]; false, and the reply is an error, where they are
// none.
bool take_query(Context& c, std::size_t from, bool sorts, DocumentQuery& query) {
  query.collection = c.words[2];
  if (!engine::is_collection_name(query.collection)) {
    c.reply.error(kNoCollection);
    return false;
  }
  constexpr std::array<std::string_view, 4> kOptions = {"LIMIT", "AFTER", "SORT", "FIELDS"};
  Options options;
  if (!take_options(c, from, std::span(kOptions).first(sorts ? 4 : 2), options) ||
      !take_limit(c, options, 0, query.limit))
    return false;
  query.after = options["AFTER"];
  query.sort = options["SORT"];
  query.fields = options["FIELDS"];
  return true;
}

void show_all(Context& c, const std::vector<std::string>& documents) {
  c.reply.array(documents.size());
  for (const std::string& document : documents) c.reply.bulk(document);
}

void find(Context& c) {
  DocumentQuery query;
  if (!take_query(c, 4, true, query)) return;
  query.filter = c.words[3];
  const auto found = find_documents(c, query);
  if (!found) return c.reply.error(error_reply(found.error()));
  c.reply.array(2);
  found->next.empty() ? c.reply.null() : c.reply.bulk(found->next);
  show_all(c, found->documents);
}

// How FIND would be done, and what it costs.
void explain(Context& c) {
  DocumentQuery query;
  if (!take_query(c, 4, true, query)) return;
  query.filter = c.words[3];
  const auto found = find_documents(c, query);
  if (!found) return c.reply.error(error_reply(found.error()));
  const bool indexed = !found->plan.name.empty();
  c.reply.map(indexed ? 7 : 3);
  c.reply.bulk("plan");
  c.reply.bulk(indexed ? "index" : "collection");
  if (indexed) {
    c.reply.bulk("index");
    c.reply.bulk(found->plan.name);
    c.reply.bulk("fields");
    c.reply.bulk(found->plan.fields);
    c.reply.bulk("ranges");
    c.reply.integer(static_cast<std::int64_t>(found->plan.ranges));
    c.reply.bulk("sorted");
    c.reply.integer(found->plan.sorted);
  }
  c.reply.bulk("examined");
  c.reply.integer(static_cast<std::int64_t>(found->examined));
  c.reply.bulk("found");
  c.reply.integer(static_cast<std::int64_t>(found->documents.size()));
}

void list(Context& c) {
  DocumentQuery query;
  if (!take_query(c, 3, false, query)) return;
  const auto found = find_documents(c, query);
  if (!found) return c.reply.error(error_reply(found.error()));
  show_all(c, found->documents);
}

// The documents, and from then on what changes (Session's connection sends it).
void watch(Context& c) {
  DocumentQuery query{.collection = c.words[2]};
  if (!engine::is_collection_name(query.collection)) return c.reply.error(kNoCollection);
  if (c.words.size() > 4) return syntax_error(c);
  if (c.session.receiver == nullptr)
    return c.reply.error("ERR this kind of session cannot receive events");
  std::optional<engine::Filter> filter;
  if (c.words.size() == 4) {
    query.filter = c.words[3];
    auto parsed = engine::Filter::parse(query.filter);
    if (!parsed) return c.reply.error(error_reply(parsed.error()));
    filter = std::move(*parsed);
  }
  auto reader =
      c.database.change_feed().subscribe(std::nullopt, c.session.receiver->change_listener());
  if (!reader) return c.reply.error(error_reply(reader.error()));
  const auto found = find_documents(c, query);
  if (!found) return c.reply.error(error_reply(found.error()));
  (*reader)->skip_to(found->lsn);  // that is what is shown now
  c.session.watches.insert_or_assign(
      std::string(query.collection),
      std::make_shared<CollectionWatch>(std::string(query.collection), std::move(*reader),
                                        std::move(filter)));
  show_all(c, found->documents);
}

// What changed behind a position, in one go.
void changes(Context& c) {
  constexpr std::size_t kChangesMax = 10'000;
  constexpr std::size_t kBytesMax = 8 << 20;
  if (!engine::is_collection_name(c.words[2])) return c.reply.error(kNoCollection);
  constexpr std::array<std::string_view, 2> kOptions = {"SINCE", "LIMIT"};
  Options options;
  std::optional<std::size_t> limit;
  if (!take_options(c, 3, kOptions, options) || !take_limit(c, options, 1, limit)) return;
  std::optional<FeedPosition> since;
  if (options.contains("SINCE")) {
    since = parse_feed_position(options["SINCE"]);
    if (!since) return c.reply.error("ERR SINCE takes a position that this command gave");
  }
  CollectedChanges found;
  if (!since) {
    const auto end = c.database.change_feed().end();
    if (!end) return c.reply.error(error_reply(end.error()));
    found.position = *end;
  } else {
    auto collected = c.database.change_feed().collect(
        c.words[2], *since, std::min(limit.value_or(kChangesMax), kChangesMax), kBytesMax);
    if (!collected) return c.reply.error(error_reply(collected.error()));
    found = std::move(*collected);
  }
  c.reply.array(3);
  c.reply.bulk(to_string(found.position));
  c.reply.integer(found.more);
  c.reply.array(found.changes.size());
  for (const DocumentChange& change : found.changes) {
    const bool removes = change.kind == DocumentChange::Kind::remove;
    const Document document = removes ? Document{} : engine::read_document(change.value);
    std::string json;
    if (!removes) engine::append_document(json, change.id(), document);
    c.reply.map(6);
    c.reply.bulk("event");
    c.reply.bulk(event_name(change.kind));
    c.reply.bulk("id");
    c.reply.bulk(change.id());
    c.reply.bulk("data");
    removes ? c.reply.null() : c.reply.bulk(json);
    c.reply.bulk("version");
    c.reply.integer(static_cast<std::int64_t>(document.version));
    c.reply.bulk("position");
    c.reply.bulk(to_string(change.position));
    c.reply.bulk("timestamp");
    c.reply.integer(change.time_ms);
  }
}

void unwatch(Context& c) { c.reply.integer(c.session.watches.erase(std::string(c.words[2])) != 0); }

void count(Context& c) {
  DocumentQuery query;
  if (!take_query(c, c.words.size(), false, query)) return;
  if (c.words.size() > 4) return syntax_error(c);
  // Without a filter the sizes say it, but not what a transaction sees.
  if (c.words.size() == 4 || c.transaction() != nullptr) {
    if (c.words.size() == 4) query.filter = c.words[3];
    const auto count = count_documents(c, query);
    if (!count) return c.reply.error(error_reply(count.error()));
    return c.reply.integer(static_cast<std::int64_t>(*count));
  }
  std::size_t size = 0;
  for (std::size_t i = 0; i < c.database.engine().partition_count(); ++i)
    c.with_partition(i, [&](engine::Partition& partition) {
      c.depends_on(partition.last_lsn());
      if (const engine::Collection* collection =
              partition.collections(engine::kDocuments).find(query.collection))
        size += collection->entries().size();
    });
  c.reply.integer(static_cast<std::int64_t>(size));
}

void collections(Context& c) {
  struct Sum {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
  };
  std::map<std::string, Sum, std::less<>> sums;
  for (std::size_t i = 0; i < c.database.engine().partition_count(); ++i)
    c.with_partition(i, [&](engine::Partition& partition) {
      c.depends_on(partition.last_lsn());
      partition.collections(engine::kDocuments)
          .for_each([&](std::string_view name, const engine::Collection& collection) {
            if (!c.session.may_read(name)) return;
            Sum& sum = sums[std::string(name)];
            sum.count += collection.entries().size();
            sum.bytes += collection.bytes();
          });
    });
  c.reply.array(sums.size());
  for (const auto& [name, sum] : sums) {
    c.reply.map(3);
    c.reply.bulk("name");
    c.reply.bulk(name);
    c.reply.bulk("count");
    c.reply.integer(static_cast<std::int64_t>(sum.count));
    c.reply.bulk("bytes");
    c.reply.integer(static_cast<std::int64_t>(sum.bytes));
  }
}

constexpr std::uint32_t kChange = kWrite | kDenyOom;

constexpr std::uint32_t kSearch = kRead | kSlow | kWholeKeyspace | kInTransaction;

const std::array<Subcommand, 14> kDocSubcommands = {{
    {"put", -5, change_one, "collection id|* json [IFVERSION version]",
     "Store a document, under an id made for it with *; gives the id and the version.", kChange,
     prepare_doc_put},
    {"get", -4, get, "collection id [path …]",
     "The document as JSON, or what JSONPaths lead to in it.", kRead, prepare_doc_get},
    {"merge", -5, change_one, "collection id json [IFVERSION version]",
     "Change members of a document (RFC 7396, null removes one); gives the version.", kChange,
     prepare_doc_merge},
    {"patch", -5, change_one, "collection id json [IFVERSION version]",
     "Apply a JSON Patch (RFC 6902) to a document; gives the version.", kChange, prepare_doc_patch},
    {"setfields", -5, change_one,
     "collection id {\"name\":{\"value\":…,\"ts\":ms},…} [IFVERSION version]",
     "Set fields, of each the write with the latest time; gives the version and which were set.",
     kChange, prepare_doc_setfields},
    {"del", -4, change_one, "collection id [IFVERSION version]", "Remove a document: 1, or 0.",
     kWrite, prepare_doc_del},
    {"bulk", 4, bulk, "collection [{\"id\":…,\"op\":…,\"data\":…},…]",
     "Change any number of documents, all or none; gives ids and versions.", kChange,
     prepare_doc_bulk},
    {"find", -4, find, "collection filter [SORT -a,b] [LIMIT n] [AFTER cursor] [FIELDS a,b]",
     "The documents that a filter matches, behind the cursor for the next ones.", kSearch},
    {"explain", -4, explain, "collection filter [SORT -a,b] [LIMIT n] [AFTER cursor]",
     "How FIND is done: the index it uses, the documents it looks at.", kSearch},
    {"list", -3, list, "collection [LIMIT n] [AFTER id]", "The documents in the order of ids.",
     kSearch},
    {"count", -3, count, "collection [filter]", "The number of documents.", kSearch},
    {"watch", -3, watch, "collection [filter]",
     "The documents, then every change of them as it is committed, until UNSUBSCRIBE.",
     kRead | kSlow | kNoMulti},
    {"changes", -3, changes, "collection [SINCE position] [LIMIT n]",
     "What changed behind a position, at most 10000 changes: a position, whether there are more, "
     "and them.",
     kRead | kSlow | kNoMulti},
    {"unwatch", 3, unwatch, "collection", "Ends DOC WATCH: 1, or 0.", kRead | kNoMulti},
}};

const std::array<CommandRow, 2> kRows = {{
    {.name = "doc",
     .arity = -2,
     .flags = kCollection,
     .handler = run_subcommand,
     .family = "documents",
     .syntax = "subcommand …",
     .help = "JSON documents in collections.",
     .subcommands = kDocSubcommands},
    {.name = "collections",
     .arity = 1,
     .flags = kRead | kWholeKeyspace | kCollection,
     .handler = collections,
     .family = "documents",
     .syntax = "",
     .help = "The collections: names, numbers of documents, bytes."},
}};

}  // namespace

std::span<const CommandRow> document_commands() { return kRows; }

}  // namespace kimdb::database
