#include "engine/schema.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/ascii.h"
#include "base/utf8.h"
#include "engine/json_tree.h"

namespace kimdb::engine {

namespace {

constexpr std::array<std::string_view, 9> kTypeNames = {
    "INT", "BIGINT", "DOUBLE", "DECIMAL", "TEXT", "BOOLEAN", "TIMESTAMP", "JSON", "BLOB"};

std::optional<ColumnType> type_of(std::string_view name) {
  const auto* const found = std::find(kTypeNames.begin(), kTypeNames.end(), name);
  if (found == kTypeNames.end()) return std::nullopt;
  return static_cast<ColumnType>(found - kTypeNames.begin());
}

// --- writing ---

// An object of JSON; members that say nothing are left out.
class ObjectWriter {
 public:
  ObjectWriter& text(std::string_view name, std::string_view value) {
    if (value.empty()) return *this;
    begin(name);
    append_json_string(out_, value);
    return *this;
  }
  ObjectWriter& number(std::string_view name, std::uint64_t value) {
    return value == 0 ? *this : raw(name, std::to_string(value));
  }
  ObjectWriter& flag(std::string_view name, bool value) {
    return value ? raw(name, "true") : *this;
  }
  // A list of what `write` makes of each item.
  template <class List, class Write>
  ObjectWriter& list(std::string_view name, const List& items, Write&& write) {
    if (items.empty()) return *this;
    begin(name);
    out_ += '[';
    for (const auto& item : items) {
      if (out_.back() != '[') out_ += ',';
      out_ += write(item);
    }
    out_ += ']';
    return *this;
  }
  std::string end() { return (out_.empty() ? "{" : std::move(out_)) + "}"; }

 private:
  ObjectWriter& raw(std::string_view name, std::string_view value) {
    begin(name);
    out_ += value;
    return *this;
  }
  void begin(std::string_view name) {
    out_ += out_.empty() ? '{' : ',';
    append_json_string(out_, name);
    out_ += ':';
  }
  std::string out_;
};

constexpr std::array<std::string_view, 4> kActionNames = {"", "CASCADE", "SET NULL", "SET DEFAULT"};

std::string write_place(std::uint32_t place) { return std::to_string(place); }

std::string write_text(const std::string& text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string write_column(const Column& column) {
  return ObjectWriter()
      .text("name", column.name)
      .text("type", type_name(column.type))
      .number("length_max", column.length_max)
      .number("precision", column.precision)
      .number("scale", column.scale)
      .flag("not_null", column.not_null)
      .flag("dropped", column.dropped)
      .text("default", column.default_sql)
      .text("missing", column.missing_sql)
      .end();
}

std::string write_index(const TableIndex& index) {
  return ObjectWriter()
      .text("name", index.name)
      .list("columns", index.columns, write_place)
      .list("descending", index.descending,
            [](bool descending) { return std::string(descending ? "true" : "false"); })
      .flag("unique", index.unique)
      .flag("hash", index.hash)
      .end();
}

std::string write_foreign_key(const ForeignKey& key) {
  return ObjectWriter()
      .list("columns", key.columns, write_place)
      .text("table", key.table)
      .list("referenced", key.referenced, write_text)
      .text("on_delete", action_name(key.on_delete))
      .text("on_update", action_name(key.on_update))
      .end();
}

std::string write_check(const Check& check) {
  return ObjectWriter().text("name", check.name).text("sql", check.sql).end();
}

// --- reading ---

// Takes the members of an object one after the other; what was not taken is a newer version's.
class ObjectReader {
 public:
  explicit ObjectReader(const JsonNode& object) : object_(object) {
    if (object.kind != JsonKind::object) damaged_ = true;
  }

  std::string text(std::string_view name) {
    const JsonNode* value = take(name, JsonKind::string);
    return value == nullptr ? std::string() : decode_json_string(value->text);
  }
  std::uint32_t number(std::string_view name) {
    const JsonNode* value = take(name, JsonKind::number);
    return value == nullptr ? 0 : number_of(*value);
  }
  bool flag(std::string_view name) {
    const JsonNode* value = take(name, JsonKind::boolean);
    return value != nullptr && value->text == "true";
  }
  template <class Read>
  void list(std::string_view name, Read&& read) {
    if (const JsonNode* value = take(name, JsonKind::array))
      for (const JsonNode& item : value->items) read(item);
  }
  std::vector<std::uint32_t> places(std::string_view name, std::size_t columns) {
    std::vector<std::uint32_t> places;
    list(name, [&](const JsonNode& item) {
      if (item.kind != JsonKind::number || number_of(item) >= columns)
        damaged_ = true;
      else
        places.push_back(number_of(item));
    });
    return places;
  }

  // One of kActionNames.
  ForeignKey::Action action(std::string_view name) {
    const auto* const found = std::find(kActionNames.begin(), kActionNames.end(), text(name));
    if (found == kActionNames.end()) damaged_ = true;
    return damaged_ ? ForeignKey::Action::none
                    : static_cast<ForeignKey::Action>(found - kActionNames.begin());
  }

  void complain() { damaged_ = true; }
  // Once everything was taken.
  Status end() const {
    if (damaged_) return Error{ErrorCode::corrupt, "the schema of a table does not read"};
    if (taken_ != object_.members.size())
      return Error{ErrorCode::unsupported, "a newer version wrote the schema of a table"};
    return {};
  }

 private:
  const JsonNode* take(std::string_view name, JsonKind kind) {
    const JsonMember* member = object_.find(name);
    if (member == nullptr) return nullptr;
    ++taken_;
    if (member->value.kind == kind) return &member->value;
    damaged_ = true;
    return nullptr;
  }
  std::uint32_t number_of(const JsonNode& node) {
    std::uint32_t number = 0;
    const auto [end, error] =
        std::from_chars(node.text.data(), node.text.data() + node.text.size(), number);
    if (error != std::errc() || end != node.text.data() + node.text.size()) damaged_ = true;
    return number;
  }

  const JsonNode& object_;
  std::size_t taken_ = 0;
  bool damaged_ = false;
};

Status read_column(const JsonNode& node, Column& column) {
  ObjectReader reader(node);
  column.name = reader.text("name");
  const auto type = type_of(reader.text("type"));
  if (!type) reader.complain();
  column.type = type.value_or(ColumnType::text);
  column.length_max = reader.number("length_max");
  column.precision = reader.number("precision");
  column.scale = reader.number("scale");
  if (column.precision > kPrecisionMax || column.scale > column.precision) reader.complain();
  column.not_null = reader.flag("not_null");
  column.dropped = reader.flag("dropped");
  column.default_sql = reader.text("default");
  column.missing_sql = reader.text("missing");
  return reader.end();
}

Status read_index(const JsonNode& node, std::size_t columns, TableIndex& index) {
  ObjectReader reader(node);
  index.name = reader.text("name");
  index.columns = reader.places("columns", columns);
  reader.list("descending",
              [&](const JsonNode& item) { index.descending.push_back(item.text == "true"); });
  if (index.columns.empty() || index.descending.size() != index.columns.size()) reader.complain();
  index.unique = reader.flag("unique");
  index.hash = reader.flag("hash");
  return reader.end();
}

Status read_foreign_key(const JsonNode& node, std::size_t columns, ForeignKey& key) {
  ObjectReader reader(node);
  key.columns = reader.places("columns", columns);
  key.table = reader.text("table");
  reader.list("referenced", [&](const JsonNode& item) {
    key.referenced.push_back(decode_json_string(item.text));
  });
  key.on_delete = reader.action("on_delete");
  key.on_update = reader.action("on_update");
  if (key.columns.empty() || key.referenced.size() != key.columns.size()) reader.complain();
  return reader.end();
}

Status read_check(const JsonNode& node, Check& check) {
  ObjectReader reader(node);
  check.name = reader.text("name");
  check.sql = reader.text("sql");
  return reader.end();
}

}  // namespace

std::string_view action_name(ForeignKey::Action action) {
  return kActionNames[static_cast<std::size_t>(action)];
}

std::string_view type_name(ColumnType type) { return kTypeNames[static_cast<std::size_t>(type)]; }

std::string full_type_name(const Column& column) {
  if (column.length_max != 0) return "VARCHAR(" + std::to_string(column.length_max) + ")";
  std::string name(type_name(column.type));
  if (column.precision != 0)
    name += "(" + std::to_string(column.precision) + "," + std::to_string(column.scale) + ")";
  return name;
}

std::optional<std::uint32_t> TableSchema::find_column(std::string_view column) const {
  for (std::uint32_t place = 0; place < columns.size(); ++place)
    if (!columns[place].dropped && equals_ignoring_case(columns[place].name, column)) return place;
  return std::nullopt;
}

bool is_sql_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && is_utf8(name) &&
         std::none_of(name.begin(), name.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string schema_key(std::string_view table) { return lower_case(table); }

std::string encode_schema(const TableSchema& schema) {
  return ObjectWriter()
      .text("name", schema.name)
      .number("number", schema.number)
      .list("columns", schema.columns, write_column)
      .list("primary_key", schema.primary_key, write_place)
      .flag("auto_increment", schema.auto_increment)
      .list("indexes", schema.indexes, write_index)
      .list("foreign_keys", schema.foreign_keys, write_foreign_key)
      .list("checks", schema.checks, write_check)
      .end();
}

Result<TableSchema> read_schema(std::string_view value) {
  const auto tree = parse_json_tree(value);
  if (!tree) return Error{ErrorCode::corrupt, "the schema of a table is no JSON"};
  TableSchema schema;
  ObjectReader reader(*tree);
  Status status;
  // The first that is wrong counts.
  const auto keep = [&](Status read) {
    if (status && !read) status = std::move(read);
  };
  schema.name = reader.text("name");
  schema.number = reader.number("number");
  reader.list("columns", [&](const JsonNode& node) {
    keep(read_column(node, schema.columns.emplace_back()));
  });
  const std::size_t columns = schema.columns.size();
  schema.primary_key = reader.places("primary_key", columns);
  schema.auto_increment = reader.flag("auto_increment");
  reader.list("indexes", [&](const JsonNode& node) {
    keep(read_index(node, columns, schema.indexes.emplace_back()));
  });
  reader.list("foreign_keys", [&](const JsonNode& node) {
    keep(read_foreign_key(node, columns, schema.foreign_keys.emplace_back()));
  });
  reader.list("checks",
              [&](const JsonNode& node) { keep(read_check(node, schema.checks.emplace_back())); });
  if (schema.name.empty() || columns == 0) reader.complain();
  keep(reader.end());
  if (!status) return std::move(status).error();
  return schema;
}

}  // namespace kimdb::engine
