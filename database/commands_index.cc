// INDEX: the indexes of collections (docs/documents.md).

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "database/arguments.h"
#include "database/command_table.h"
#include "database/database.h"
#include "database/document_call.h"
#include "database/subcommand.h"
#include "engine/index.h"

namespace kimdb::database {

namespace {

constexpr std::size_t kNameBytesMax = 256;

std::string error_reply_of(const Error& error) {
  return error.code == ErrorCode::unavailable ? error.message : "ERR " + error.message;
}

// "(address.city, -age)", in one word or several, from words[from] on; steps behind it. Nothing
// where it is not closed.
std::optional<std::string> take_fields(Words words, std::size_t& from) {
  std::string text;
  for (bool closed = false; !closed; ++from) {
    if (from == words.size()) return std::nullopt;
    closed = words[from].ends_with(')');
    text += words[from];
    text += ' ';
  }
  text.pop_back();
  if (!text.starts_with('(')) return std::nullopt;
  std::string fields;
  std::string_view rest = std::string_view(text).substr(1, text.size() - 2);
  for (bool more = true; more;) {
    const std::size_t comma = rest.find(',');
    std::string_view field = rest.substr(0, comma);
    while (field.starts_with(' ')) field.remove_prefix(1);
    while (field.ends_with(' ')) field.remove_suffix(1);
    if (!fields.empty()) fields += ',';
    fields += field;
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);
  }
  return fields;
}

void create(Context& c) {
  if (c.numbered()) return c.reply.error("ERR INDEX takes no ID");
  if (!engine::is_collection_name(c.words[2])) return c.reply.error(kNoCollection);
  std::size_t at = 3;
  const auto fields = take_fields(c.words, at);
  if (!fields) return c.reply.error("ERR the fields stand in parentheses: (address.city, -age)");
  bool unique = false, hash = false;
  std::string name = *fields;
  std::replace(name.begin(), name.end(), ',', '_');
  for (; at < c.words.size(); ++at) {
    if (is_word(c.words[at], "unique")) {
      unique = true;
    } else if (is_word(c.words[at], "hash")) {
      hash = true;
    } else if (is_word(c.words[at], "name") && at + 1 < c.words.size()) {
      name = c.words[++at];
    } else {
      return c.reply.error("ERR syntax error");
    }
  }
  if (const auto order = engine::read_typed_order(*fields); !order)
    return c.reply.error("ERR " + order.error().message);
  const auto definition = engine::make_index_definition(c.words[2], name, *fields, unique, hash);
  if (!definition) return c.reply.error("ERR " + definition.error().message);
  if (name.empty() || name.size() > kNameBytesMax || !is_utf8(name))
    return c.reply.error("ERR an index's name has 1 to 256 bytes of UTF-8");
  const auto created = c.database.indexes().create(*definition);
  c.depends_on(c.database.applied_lsn());  // an error, too, says what is there
  if (!created) return c.reply.error(error_reply_of(created.error()));
  c.depends_on(*created);
  c.reply.bulk(name);
}

void drop(Context& c) {
  if (c.numbered()) return c.reply.error("ERR INDEX takes no ID");
  if (!engine::is_collection_name(c.words[2])) return c.reply.error(kNoCollection);
  const auto dropped = c.database.indexes().drop(c.words[2], c.words[3]);
  c.depends_on(c.database.applied_lsn());
  if (!dropped) return c.reply.error(error_reply_of(dropped.error()));
  c.depends_on(*dropped);
  c.reply.ok();
}

void list(Context& c) {
  if (!engine::is_collection_name(c.words[2])) return c.reply.error(kNoCollection);
  const auto indexes = c.database.indexes().list(c.words[2]);
  c.depends_on(c.database.applied_lsn());
  c.reply.array(indexes.size());
  for (const IndexStatus& index : indexes) {
    c.reply.map(7);
    c.reply.bulk("name");
    c.reply.bulk(index.definition.name);
    c.reply.bulk("fields");
    c.reply.bulk(index.definition.fields);
    c.reply.bulk("kind");
    c.reply.bulk(index.definition.hash ? "hash" : "ordered");
    c.reply.bulk("unique");
    c.reply.integer(index.definition.unique);
    c.reply.bulk("keys");
    c.reply.integer(static_cast<std::int64_t>(index.keys));
    c.reply.bulk("bytes");
    c.reply.integer(static_cast<std::int64_t>(index.bytes));
    c.reply.bulk("complete");
    c.reply.integer(index.complete);
  }
}

// Not under locks of their own: an index takes those that it needs, one after the other.
constexpr std::uint32_t kChange = kWrite | kSlow | kNoMulti;

const std::array<Subcommand, 3> kSubcommands = {{
    {"create", -4, create, "collection (field, -field, …) [UNIQUE] [HASH] [NAME name]",
     "Make an index over a collection's documents; gives its name.", kChange | kDenyOom},
    {"list", 3, list, "collection", "The collection's indexes: fields, kind, size.",
     kRead | kSlow | kNoMulti},
    {"drop", 4, drop, "collection name", "Remove an index.", kChange},
}};

const std::array<CommandRow, 1> kRows = {{
    {.name = "index",
     .arity = -2,
     .flags = kCollection,
     .handler = run_subcommand,
     .family = "documents",
     .syntax = "subcommand …",
     .help = "Indexes of collections.",
     .subcommands = kSubcommands},
}};

}  // namespace

std::span<const CommandRow> index_commands() { return kRows; }

}  // namespace kimdb::database
