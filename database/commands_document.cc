// Commands on documents: DOC, COLLECTIONS (docs/documents.md).

#include <algorithm>
#include <map>

#include "base/ulid.h"
#include "database/arguments.h"
#include "database/command_table.h"
#include "database/database.h"
#include "database/subcommand.h"
#include "engine/document.h"
#include "engine/document_scan.h"
#include "protocol/numbers.h"

namespace kimdb::database {

namespace {

using engine::Document;
using engine::kDocuments;

constexpr std::string_view kNoCollection =
    "ERR a collection's name has 1 to 64 of A-Z a-z 0-9 _ -, does not begin with _, and is none of "
    "collections, kv, sql, crdt";
constexpr std::string_view kNoId = "ERR a document's id has 1 to 256 bytes of UTF-8";
constexpr std::string_view kNotFound = "ERR document not found";

// Those that other routes of HTTP use are no names of collections.
bool is_collection(std::string_view name) {
  constexpr std::string_view kReserved[] = {"collections", "kv", "sql", "crdt"};
  return engine::is_collection_name(name) &&
         std::find(std::begin(kReserved), std::end(kReserved), name) == std::end(kReserved);
}

// --- before the locks ---

// IFVERSION n, the only option of the commands that change one document.
std::string take_options(Words words, DocumentCall& call) {
  if (words.empty()) return {};
  if (words.size() != 2 || !is_word(words[0], "ifversion")) return "ERR syntax error";
  const auto version = protocol::parse_integer(words[1]);
  if (!version || *version < 0) return "ERR value is not an integer or out of range";
  call.version = static_cast<std::uint64_t>(*version);
  return {};
}

std::string check_names(std::string_view collection, std::string_view id) {
  if (!is_collection(collection)) return std::string(kNoCollection);
  if (!engine::is_document_id(id)) return std::string(kNoId);
  return {};
}

// DOC <name> collection id …, `options` words on.
std::string prepare_one(Words words, std::size_t options, Prepared& prepared) {
  if (std::string wrong = check_names(words[2], words[3]); !wrong.empty()) return wrong;
  DocumentCall& call = prepared.documents.emplace_back();
  call.key = engine::document_key(words[2], words[3]);
  return take_options(words.subspan(options), call);
}

std::string prepare_get(Database&, Words words, Prepared& prepared) {
  return prepare_one(words, words.size(), prepared);
}
std::string prepare_del(Database&, Words words, Prepared& prepared) {
  return prepare_one(words, 4, prepared);
}

// The id of a document that is put: the one named, the one it says itself, or a new one.
Result<std::string> id_of(Database& database, std::string_view named,
                          const engine::GivenDocument& given) {
  if (named != "*" && given.id && *given.id != named)
    return Error{ErrorCode::invalid_argument, "the document says that its id is another one"};
  if (named != "*") return std::string(named);
  if (given.id) return *given.id;
  return make_ulid(database.now_ms(), database.random());
}

std::string prepare_put(Database& database, Words words, Prepared& prepared) {
  auto given = engine::parse_document(words[4]);
  if (!given) return "ERR " + given.error().message;
  const auto id = id_of(database, words[3], *given);
  if (!id) return "ERR " + id.error().message;
  if (std::string wrong = check_names(words[2], *id); !wrong.empty()) return wrong;
  DocumentCall& call = prepared.documents.emplace_back();
  call.key = engine::document_key(words[2], *id);
  call.json = std::move(given->body);
  return take_options(words.subspan(5), call);
}

// --- under the locks ---

std::string_view id_of(const DocumentCall& call) { return engine::split_document_key(call.key).id; }

// The document, or null; false, and the reply is an error, where it is not the version asked for.
bool find_version(Context& c, const DocumentCall& call, std::optional<Document>& found) {
  if (const engine::Entry* entry = c.find(kDocuments, call.key))
    found = engine::read_document(entry->value());
  const std::uint64_t version = found ? found->version : 0;
  if (!call.version || *call.version == version) return true;
  c.reply.error("ERR version conflict: expected " + std::to_string(*call.version) + ", got " +
                std::to_string(version));
  return false;
}

// Stores the body as the version behind `before`, and gives its number.
std::uint64_t store(Context& c, const DocumentCall& call, const std::optional<Document>& before,
                    std::string_view body) {
  const Document document{.version = before ? before->version + 1 : 1,
                          .created_at = before ? before->created_at : c.now_ms,
                          .updated_at = c.now_ms,
                          .body = body};
  c.put(kDocuments, call.key, c.keep(engine::encode_document(document)), 0);
  return document.version;
}

void put(Context& c) {
  const DocumentCall& call = c.prepared->documents[0];
  std::optional<Document> before;
  if (!find_version(c, call, before)) return;
  const std::uint64_t version = store(c, call, before, call.json);
  c.reply.array(2);
  c.reply.bulk(id_of(call));
  c.reply.integer(static_cast<std::int64_t>(version));
}

void get(Context& c) {
  const DocumentCall& call = c.prepared->documents[0];
  const engine::Entry* entry = c.find(kDocuments, call.key);
  if (entry == nullptr) return c.reply.null();
  std::string text;
  engine::append_document(text, id_of(call), engine::read_document(entry->value()));
  c.reply.bulk(text);
}

void del(Context& c) {
  const DocumentCall& call = c.prepared->documents[0];
  std::optional<Document> before;
  if (!find_version(c, call, before)) return;
  if (before) c.remove(kDocuments, call.key, engine::RemoveReason::command);
  c.reply.integer(before.has_value());
}

// --- whole collections ---

void count(Context& c) {
  if (!is_collection(c.words[2])) return c.reply.error(kNoCollection);
  std::size_t size = 0;
  for (std::size_t i = 0; i < c.database.engine().partition_count(); ++i)
    c.with_partition(i, [&](engine::Partition& partition) {
      c.depends_on(partition.last_lsn());
      if (const engine::Collection* collection = partition.collections().find(c.words[2]))
        size += collection->documents().size();
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
      partition.collections().for_each(
          [&](std::string_view name, const engine::Collection& collection) {
            Sum& sum = sums[std::string(name)];
            sum.count += collection.documents().size();
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

const std::array<Subcommand, 4> kDocSubcommands = {{
    {"put", -5, put, "collection id|* json [IFVERSION version]",
     "Store a document, under an id made for it with *; gives the id and the version.", kChange,
     prepare_put},
    {"get", 4, get, "collection id", "The document as JSON.", kRead, prepare_get},
    {"del", -4, del, "collection id [IFVERSION version]", "Remove a document: 1, or 0.", kWrite,
     prepare_del},
    {"count", 3, count, "collection", "The number of documents.", kRead | kWholeKeyspace},
}};

const std::array<CommandRow, 2> kRows = {{
    {.name = "doc",
     .arity = -2,
     .handler = run_subcommand,
     .family = "documents",
     .syntax = "subcommand …",
     .help = "JSON documents in collections.",
     .subcommands = kDocSubcommands},
    {.name = "collections",
     .arity = 1,
     .flags = kRead | kWholeKeyspace,
     .handler = collections,
     .family = "documents",
     .syntax = "",
     .help = "The collections: names, numbers of documents, bytes."},
}};

}  // namespace

std::span<const CommandRow> document_commands() { return kRows; }

}  // namespace kimdb::database
