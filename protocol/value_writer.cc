#include "protocol/value_writer.h"

namespace kimdb::protocol {

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
      return writer.double_value(value.number);
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
