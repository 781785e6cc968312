#include "server/http/transaction_results.h"

#include <vector>

#include "base/ascii.h"
#include "engine/json_tree.h"
#include "protocol/reply_writer.h"
#include "protocol/value_writer.h"
#include "server/http/rest.h"

namespace kimdb::server {

namespace {

using protocol::Value;

bool is_word(const engine::JsonNode& command, std::size_t place, std::string_view word) {
  return place < command.items.size() && command.items[place].kind == engine::JsonKind::string &&
         equals_ignoring_case(engine::decode_json_string(command.items[place].text), word);
}

void append_json(std::string& out, const Value& value) {
  protocol::ReplyWriter writer(out, protocol::Format::json);
  protocol::write(value, writer);
  out.pop_back();  // its line break
}

template <class Append>
void append_list(std::string& out, const std::vector<Value>& elements, Append&& append) {
  out += '[';
  for (const Value& element : elements) {
    if (&element != elements.data()) out += ',';
    append(element);
  }
  out += ']';
}

void append_result(std::string& out, const engine::JsonNode& command, const Value& reply) {
  const auto append_document = [&](const Value& document) {
    if (document.type == Value::Type::bulk)
      out += document.string;
    else
      append_json(out, document);
  };
  const bool is_doc = is_word(command, 0, "DOC");
  if (is_doc && is_word(command, 1, "GET") && command.items.size() == 4) {
    append_document(reply);
  } else if (is_doc && is_word(command, 1, "LIST") && reply.is_list()) {
    append_list(out, reply.elements, append_document);
  } else if (is_doc && is_word(command, 1, "FIND") && reply.elements.size() == 2) {
    append_list(out, reply.elements[1].elements, append_document);
  } else if (is_word(command, 0, "SQL") && reply.type == Value::Type::array) {
    append_list(out, reply.elements, [&](const Value& row) { append_row(out, row); });
  } else {
    append_json(out, reply);
  }
}

}  // namespace

std::string transaction_results(std::string_view commands, const Value& reply) {
  const auto list = engine::parse_json_tree(commands);
  std::string out = "[";
  for (std::size_t i = 0; list && i < list->items.size() && i < reply.elements.size(); ++i) {
    if (i > 0) out += ',';
    append_result(out, list->items[i], reply.elements[i]);
  }
  return out + "]";
}

}  // namespace kimdb::server
