#include "database/sql/json_value.h"

namespace kimdb::database::sql {

using engine::SqlValue;

SqlValue value_of_json(const engine::JsonElement& element, std::string& kept) {
  switch (element.type()) {
    case simdjson::dom::element_type::NULL_VALUE:
      return {};
    case simdjson::dom::element_type::BOOL:
      return SqlValue::of(std::int64_t{bool(element)});
    case simdjson::dom::element_type::INT64:
      return SqlValue::of(std::int64_t(element));
    case simdjson::dom::element_type::UINT64:
    case simdjson::dom::element_type::DOUBLE:
      return SqlValue::of(double(element));
    case simdjson::dom::element_type::STRING:
      kept = std::string_view(element);
      return SqlValue::text(kept);
    default:
      kept = simdjson::minify(element);
      return SqlValue::text(kept);
  }
}

}  // namespace kimdb::database::sql
