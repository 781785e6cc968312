// Any text as a statement: an error, or what kimdb does with it. A schema that it defines reads
// back as it was written.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/check.h"
#include "database/sql/parser.h"
#include "database/sql/timestamp.h"
#include "database/sql/tokenizer.h"
#include "engine/schema.h"

namespace sql = kimdb::database::sql;
namespace engine = kimdb::engine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(sql::is_open(text));
  if (const auto time = sql::parse_timestamp(text)) {
    std::string shown;
    sql::append_timestamp(shown, *time);
    KIMDB_CHECK(sql::parse_timestamp(shown) == time);
  }
  static_cast<void>(engine::read_schema(text));
  const auto statement = sql::parse_statement(text);
  if (!statement) return 0;
  if (const auto* query = std::get_if<sql::Query>(&*statement))
    KIMDB_CHECK(text.substr(query->offset, query->text.size()) == query->text);
  if (const auto* create = std::get_if<sql::CreateTable>(&*statement)) {
    // REFERENCES t: its columns are filled in later.
    for (const engine::ForeignKey& key : create->schema.foreign_keys)
      if (key.referenced.empty()) return 0;
    const auto read = engine::read_schema(engine::encode_schema(create->schema));
    KIMDB_CHECK(read.has_value() && *read == create->schema);
  }
  return 0;
}
