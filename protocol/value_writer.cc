#include "protocol/value_writer.h"

#include "base/ascii.h"

namespace kimdb::protocol {

namespace {

// A double as SQL shows it, "1.50": it has a point, and not the 17 digits that Redis writes, which
// never end in a zero.
bool is_from_sql(std::string_view text) {
  const std::string_view digits = text.substr(0, text.find('e'));
  return digits.find('.') != std::string_view::npos && is_digit(digits.back()) &&
         (digits.size() < 17 || digits.back() == '0');
}

}  // namespace

void write(const Value& value, ReplyWriter& writer) {
  switch (value.type) {
    case Value::Type::null:
      return writer.null();
    case Value::Type::simple:
      return value.string == "OK" ? writer.ok() : writer.simple(value.string);
    case Value::Type::error:
      return writer.error(value.string);
    case Value::Type::integer:
      return writer.integer(value.integer);
    case Value::Type::bulk:
    case Value::Type::big_number:
      return writer.bulk(value.string);
    case Value::Type::double_:
      return is_from_sql(value.string) ? writer.number(value.string)
                                       : writer.double_value(value.number);
    case Value::Type::boolean:
      return writer.boolean(value.integer != 0);
    case Value::Type::verbatim:
      return writer.verbatim(value.string);
    case Value::Type::array:
      writer.array(value.elements.size());
      break;
    case Value::Type::map:
      writer.map(value.elements.size() / 2);
      break;
    case Value::Type::set:
      writer.set(value.elements.size());
      break;
    case Value::Type::push:
      writer.push(value.elements.size());
      break;
  }
  for (const Value& element : value.elements) write(element, writer);
}

}  // namespace kimdb::protocol
