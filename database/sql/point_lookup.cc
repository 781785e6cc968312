#include "database/sql/point_lookup.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "database/sql/column_value.h"
#include "database/sql/tokenizer.h"
#include "engine/row_key.h"

namespace kimdb::database::sql {

using engine::SqlValue;
using Kind = Token::Kind;

namespace {

// SELECT name, … FROM name WHERE name = value AND …
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) { advance(); }

  struct Condition {
    std::string column;
    Token value;
    bool negative = false;
  };

  bool read() {
    if (!take_word("select")) return false;
    if (!take_symbol("*")) {
      do {
        if (!take_name(columns.emplace_back())) return false;
      } while (take_symbol(","));
    }
    if (!take_word("from") || !take_name(table) || !take_word("where")) return false;
    do {
      Condition& condition = conditions.emplace_back();
      // A word that may be a value instead: CURRENT_DATE, NULL.
      if (token_.kind == Kind::word &&
          sqlite3_keyword_check(token_.text.data(), static_cast<int>(token_.text.size())) != 0)
        return false;
      if (!take_name(condition.column) || !take_symbol("=")) return false;
      condition.negative = take_symbol("-");
      condition.value = token_;
      advance();
    } while (take_word("and"));
    return token_.kind == Kind::end;
  }

  std::vector<std::string> columns;  // none: all
  std::string table;
  std::vector<Condition> conditions;

 private:
  void advance() {
    read_token(text_, end_, token_);
    end_ = token_.offset + token_.text.size();
  }
  bool take_word(std::string_view word) {
    if (!token_.is_word(word)) return false;
    advance();
    return true;
  }
  bool take_symbol(std::string_view symbol) {
    if (!token_.is_symbol(symbol)) return false;
    advance();
    return true;
  }
  bool take_name(std::string& name) {
    if (token_.kind != Kind::word && token_.kind != Kind::quoted) return false;
    name = token_.name();
    advance();
    return true;
  }

  const std::string_view text_;
  Token token_;
  std::size_t end_ = 0;
};

// Of 64 bits: a longer one is a double to SQLite.
std::optional<std::int64_t> integer_of(std::string_view digits, bool negative) {
  std::int64_t integer = 0;
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, integer);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return negative ? -integer : integer;
}

}  // namespace

std::optional<PointLookup> PointLookup::of(std::string_view text, const CatalogState& catalog,
                                           sqlite3_stmt* compiled) {
  Reader reader(text);
  if (!reader.read()) return std::nullopt;
  PointLookup lookup;
  lookup.table_ = catalog.find(reader.table);
  if (lookup.table_ == nullptr) return std::nullopt;
  const engine::TableSchema& schema = lookup.table_->schema();
  if (reader.columns.empty()) lookup.selected_ = lookup.table_->visible();
  for (const std::string& name : reader.columns) {
    // A name may also be a word of SQL's, CURRENT_TIME: SQLite says whether it took it for a
    // column.
    const int number = static_cast<int>(lookup.selected_.size());
    const auto place = schema.find_column(name);
    if (!place || sqlite3_column_decltype(compiled, number) == nullptr) return std::nullopt;
    lookup.selected_.push_back(*place);
  }
  if (schema.primary_key.empty() || reader.conditions.size() != schema.primary_key.size())
    return std::nullopt;
  lookup.key_.resize(schema.primary_key.size());
  std::vector<bool> given(schema.primary_key.size());
  std::size_t parameters = 0;
  for (Reader::Condition& condition : reader.conditions) {
    const auto place = schema.find_column(condition.column);
    if (!place) return std::nullopt;
    const auto& key = schema.primary_key;
    const auto at =
        static_cast<std::size_t>(std::find(key.begin(), key.end(), *place) - key.begin());
    if (at == key.size() || given[at]) return std::nullopt;
    given[at] = true;
    Part& part = lookup.key_[at];
    part.type = schema.columns[*place].type;
    const Token& value = condition.value;
    if (value.kind == Kind::number) {
      const auto integer = integer_of(value.text, condition.negative);
      if (!integer) return std::nullopt;
      part.integer = *integer;
      continue;
    }
    if (condition.negative) return std::nullopt;
    if (value.kind == Kind::string) {
      part.text = value.name();
    } else if (value.kind == Kind::variable && value.text == "?") {
      part.is_parameter = true;
      part.parameter = parameters++;
    } else {
      return std::nullopt;
    }
  }
  return lookup;
}

bool PointLookup::run(Execution& execution, std::span<const SqlValue> parameters,
                      ResultSet& rows) const {
  std::string key = table_->prefix();
  for (const Part& part : key_) {
    const SqlValue given = part.is_parameter ? parameters[part.parameter]
                           : part.text       ? SqlValue::text(*part.text)
                                             : SqlValue::of(part.integer);
    if (compares_unknowably(part.type, given)) return false;
    const auto value = given.is_null() ? std::nullopt : compared_value(part.type, given);
    if (!value) return true;
    engine::append_row_key_part(key, *value);
  }
  std::string kept;
  const bool found = execution.read_row(key, [&](std::string_view bytes) {
    const engine::RowView row(table_->layout(), bytes);
    for (const std::uint32_t place : selected_)
      rows.add(shown_value(table_->schema().columns[place].type, table_->column(row, place), kept));
  });
  if (found) rows.end_row();
  return true;
}

}  // namespace kimdb::database::sql
