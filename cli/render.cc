#include "cli/render.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/ascii.h"
#include "base/utf8.h"
#include "cli/columns.h"
#include "client/repeatable.h"
#include "protocol/quoting.h"
#include "protocol/value_writer.h"

namespace kimdb::cli {
namespace {

using protocol::Format;
using protocol::ReplyWriter;
using protocol::Value;

std::string written(const Value& value, Format format) {
  std::string out;
  ReplyWriter writer(out, format);
  protocol::write(value, writer);
  return out;
}

std::string in_red(const std::string& text, bool color) {
  return color ? "\x1b[31m" + text + "\x1b[0m" : text;
}

void append_line(std::string& out, std::string_view line) {
  out += line;
  if (out.empty() || out.back() != '\n') out += '\n';
}

// --- text for a person ---

// A value that is one line. Bytes that a terminal would obey are quoted.
std::string scalar_text(const Value& value, bool color) {
  std::string text = written(value, Format::text);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return value.is_error() ? in_red(text, color) : text;
}

// Long text: line by line, each as it stands unless a terminal would obey it.
void append_long_text(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool plain = is_utf8(line) && std::ranges::none_of(line, [](char c) {
                         return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
                       });
    if (plain) {
      out += line;
    } else {
      protocol::append_quoted(out, line);
    }
    out += '\n';
  }
}

void append_for_person(std::string& out, const Value& value, std::size_t indent, bool color);

// What stands behind "1) " or a name: on the same line where it is one line, or a list that begins
// there.
void append_element(std::string& out, const Value& value, std::size_t indent, bool color) {
  if (value.is_list() || value.type == Value::Type::verbatim) {
    append_for_person(out, value, indent, color);
  } else {
    append_line(out, scalar_text(value, color));
  }
}

void append_numbered(std::string& out, const Value& list, std::size_t indent, bool color) {
  const std::size_t width = std::to_string(list.elements.size()).size();
  for (std::size_t i = 0; i < list.elements.size(); ++i) {
    if (i > 0) out.append(indent, ' ');
    const std::string number = std::to_string(i + 1);
    out.append(width - number.size(), ' ');
    out += number + ") ";
    append_element(out, list.elements[i], indent + width + 2, color);
  }
}

void append_map(std::string& out, const Value& map, std::size_t indent, bool color) {
  constexpr std::size_t kNameColumnsMax = 32;
  std::vector<std::string> names;
  std::size_t width = 0;
  for (std::size_t i = 0; i + 1 < map.elements.size(); i += 2) {
    names.push_back(scalar_text(map.elements[i], false));
    width = std::max(width, std::min(columns(names.back()), kNameColumnsMax));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out.append(indent, ' ');
    out += names[i];
    out.append(width - std::min(width, columns(names[i])) + 2, ' ');
    append_element(out, map.elements[2 * i + 1], indent + width + 2, color);
  }
}

// What SQL gives: maps that all have the same names, and no lists in them.
bool is_rows(const Value& value) {
  if (value.type != Value::Type::array || value.elements.empty()) return false;
  const Value& first = value.elements.front();
  return std::ranges::all_of(value.elements, [&](const Value& row) {
    if (row.type != Value::Type::map || row.elements.size() != first.elements.size() ||
        row.elements.empty())
      return false;
    for (std::size_t i = 0; i + 1 < row.elements.size(); i += 2)
      if (row.elements[i] != first.elements[i] || row.elements[i + 1].is_list()) return false;
    return true;
  });
}

bool is_number(const Value& value) {
  return value.type == Value::Type::integer || value.type == Value::Type::double_;
}

//  id | name
// ----+------
//   1 | Kim
// (1 row)
class Table {
 public:
  // Columns as wide as these rows want them.
  explicit Table(const std::vector<Value>& rows) : first_(cells_of(rows)) {
    const std::vector<Value>& names = rows.front().elements;
    for (std::size_t i = 0; i + 1 < names.size(); i += 2)
      names_.push_back(scalar_text(names[i], false));
    numbers_.assign(names_.size(), true);
    for (const Value& row : rows)
      for (std::size_t i = 0; i < names_.size(); ++i) {
        const Value& value = row.elements[2 * i + 1];
        numbers_[i] = numbers_[i] && (is_number(value) || value.is_null());
      }
    widths_.assign(names_.size(), 0);
    widen(names_);
    for (const Line& line : first_) widen(line);
  }

  void append_head(std::string& out) const {
    append(out, names_);
    for (std::size_t i = 0; i < widths_.size(); ++i)
      out += (i == 0 ? "" : "+") + std::string(widths_[i] + 2, '-');
    out += '\n';
  }
  void append_first(std::string& out) const {
    for (const Line& line : first_) append(out, line);
  }
  // Others: what is too wide for its column stands askew.
  void append_rows(std::string& out, const std::vector<Value>& rows) const {
    for (const Line& line : cells_of(rows)) append(out, line);
  }
  static void append_count(std::string& out, std::size_t rows) {
    out += "(" + std::to_string(rows) + (rows == 1 ? " row)\n" : " rows)\n");
  }

 private:
  using Line = std::vector<std::string>;

  static std::vector<Line> cells_of(const std::vector<Value>& rows) {
    std::vector<Line> lines;
    for (const Value& row : rows) {
      Line& line = lines.emplace_back();
      for (std::size_t i = 1; i < row.elements.size(); i += 2)
        line.push_back(row.elements[i].is_null() ? "" : scalar_text(row.elements[i], false));
    }
    return lines;
  }
  void widen(const Line& line) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths_[i] = std::max(widths_[i], columns(line[i]));
  }
  void append(std::string& out, const Line& line) const {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::size_t width = columns(line[i]);
      const std::string room(widths_[i] - std::min(widths_[i], width), ' ');
      text += (i == 0 ? " " : " | ") + (numbers_[i] ? room + line[i] : line[i] + room);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  }

  std::vector<Line> first_;
  Line names_;
  std::vector<std::size_t> widths_;
  std::vector<bool> numbers_;  // these stand to the right
};

void append_table(std::string& out, const Value& rows) {
  const Table table(rows.elements);
  table.append_head(out);
  table.append_first(out);
  Table::append_count(out, rows.elements.size());
}

void append_for_person(std::string& out, const Value& value, std::size_t indent, bool color) {
  if (value.type == Value::Type::verbatim) {
    append_long_text(out, value.string);
  } else if (!value.is_list()) {
    append_line(out, scalar_text(value, color));
  } else if (value.elements.empty()) {
    append_line(out, "(empty)");
  } else if (indent == 0 && is_rows(value)) {
    append_table(out, value);
  } else if (value.type == Value::Type::map) {
    append_map(out, value, indent, color);
  } else {
    append_numbered(out, value, indent, color);
  }
}

// --- raw and csv ---

// The bytes of a value that is no list.
std::string bytes_of(const Value& value) {
  switch (value.type) {
    case Value::Type::null:
      return "";
    case Value::Type::integer:
      return std::to_string(value.integer);
    case Value::Type::boolean:
      return value.integer != 0 ? "true" : "false";
    default:
      return value.string;
  }
}

void append_raw(std::string& out, const Value& value) {
  if (value.is_error()) {
    out += written(value, Format::text);
  } else if (value.is_list()) {
    for (const Value& element : value.elements) append_raw(out, element);
  } else {
    out += bytes_of(value);
    out += '\n';
  }
}

// RFC 4180: quotes where a comma, a quote or a line break stands in the field.
std::string csv_field(std::string_view bytes) {
  if (bytes.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(bytes);
  std::string field = "\"";
  for (const char c : bytes) field.append(c == '"' ? 2 : 1, c);
  return field + '"';
}

void append_fields(std::string& line, const Value& value) {
  if (value.is_list()) {
    for (const Value& element : value.elements) append_fields(line, element);
    return;
  }
  if (!line.empty()) line += ',';
  const std::string field = csv_field(bytes_of(value));
  // An empty first field would be taken for no field at all.
  line += line.empty() && field.empty() ? "\"\"" : field;
}

// The names of a row (from 0), or its values (from 1).
void append_every_second(std::string& out, const Value& row, std::size_t from) {
  std::string line;
  for (std::size_t i = from; i < row.elements.size(); i += 2) append_fields(line, row.elements[i]);
  out += line + "\n";
}

void append_csv(std::string& out, const Value& value) {
  if (value.is_error()) {
    out += written(value, Format::text);
    return;
  }
  const auto append_row = [&](std::initializer_list<const Value*> values) {
    std::string line;
    for (const Value* element : values) append_fields(line, *element);
    out += line + "\n";
  };
  if (is_rows(value)) {
    append_every_second(out, value.elements.front(), 0);
    for (const Value& row : value.elements) append_every_second(out, row, 1);
  } else if (value.type == Value::Type::map) {
    for (std::size_t i = 0; i + 1 < value.elements.size(); i += 2) {
      append_row({&value.elements[i], &value.elements[i + 1]});
    }
  } else if (value.is_list() && std::ranges::any_of(value.elements, &Value::is_list)) {
    for (const Value& row : value.elements) append_row({&row});
  } else {
    append_row({&value});
  }
}

// --- JSON documents ---

// Which of a reply's values are JSON already.
enum class Documents {
  none,
  all,     // DOC LIST
  second,  // DOC FIND: the cursor, and the documents
  fifth,   // a change: "change", collection, event, id, document, position
  data,    // DOC CHANGES: the members of this name
};

Documents documents_in(std::span<const std::string> words) {
  const std::vector<std::string_view> views(words.begin(), words.end());
  const auto command = client::without_prefixes(views);
  const std::span<const std::string_view> prefixes(views.data(), views.size() - command.size());
  // Its answer is another one.
  const bool explained = std::ranges::any_of(
      prefixes, [](std::string_view word) { return equals_ignoring_case(word, "EXPLAINED"); });
  if (explained || command.size() < 2 || !equals_ignoring_case(command[0], "DOC"))
    return Documents::none;
  const auto is = [&](std::string_view name) { return equals_ignoring_case(command[1], name); };
  if (is("GET") || is("LIST") || is("WATCH")) return Documents::all;
  if (is("FIND")) return Documents::second;
  return is("CHANGES") ? Documents::data : Documents::none;
}

std::string json_of(const Value& value, Documents documents) {
  if (documents == Documents::all && value.type == Value::Type::bulk) return value.string;
  if (documents == Documents::none || !value.is_list()) {
    std::string text = written(value, Format::json);
    text.pop_back();  // the line's end
    return text;
  }
  const bool is_map = value.type == Value::Type::map;
  std::string text;
  for (std::size_t i = 0; i < value.elements.size(); ++i) {
    const bool is_name = is_map && i % 2 == 0;
    Documents within = Documents::none;
    if (documents == Documents::all || (documents == Documents::second && i == 1) ||
        (documents == Documents::fifth && i == 4) ||
        (is_map && !is_name && value.elements[i - 1].string == "data"))
      within = is_name ? Documents::none : Documents::all;
    if (documents == Documents::data && !is_map) within = Documents::data;
    if (i > 0) text += is_map && !is_name ? ":" : ",";
    text += json_of(value.elements[i], within);
  }
  if (value.type == Value::Type::push) return "{\"push\":[" + text + "]}";
  return is_map ? "{" + text + "}" : "[" + text + "]";
}

bool is_change(const Value& value) {
  return value.type == Value::Type::push && value.elements.size() == 6 &&
         value.elements[0].string == "change";
}

bool is_list_of_events(const Value& value) {
  return value.type == Value::Type::array && !value.elements.empty() &&
         std::ranges::all_of(value.elements, [](const Value& element) {
           return element.type == Value::Type::push;
         });
}

}  // namespace

std::string render_reply(std::span<const std::string> command, const Value& reply,
                         const RenderOptions& options) {
  const Documents documents = is_change(reply) ? Documents::fifth : documents_in(command);
  if (options.format != OutputFormat::json || documents == Documents::none)
    return render(reply, options);
  return json_of(reply, documents) + "\n";
}

std::string render(const Value& reply, const RenderOptions& options) {
  std::string out;
  // The confirmations of a SUBSCRIBE: events, each by itself.
  if (is_list_of_events(reply)) {
    for (const Value& event : reply.elements) out += render(event, options);
    return out;
  }
  switch (options.format) {
    case OutputFormat::json:
      return written(reply, Format::json);
    case OutputFormat::strict:
      return written(reply, Format::strict);
    case OutputFormat::raw:
      append_raw(out, reply);
      return out;
    case OutputFormat::csv:
      append_csv(out, reply);
      return out;
    case OutputFormat::text:
      break;
  }
  if (options.for_person && reply.type != Value::Type::push) {
    append_for_person(out, reply, 0, options.color);
  } else if (reply.type == Value::Type::verbatim) {
    append_long_text(out, reply.string);
  } else {
    return written(reply, Format::text);
  }
  return out;
}

// --- lists while they come ---

namespace {

// Of a text, so many elements are waited for: what a table looks like, and whether a list begins
// with its length, should not depend on how fast it comes.
constexpr std::size_t kHeldForProgram = 1 << 20;  // bytes
constexpr std::size_t kHeldForPerson = 64 << 10;
constexpr std::chrono::milliseconds kPersonWaits{200};

std::size_t bytes_in(const Value& value) {
  std::size_t bytes = 8 + value.string.size();
  for (const Value& element : value.elements) bytes += bytes_in(element);
  return bytes;
}

}  // namespace

struct ListRenderer::State {
  RenderOptions options;
  Value held{.type = Value::Type::array, .elements = {}};  // that came, and was not shown
  std::size_t held_bytes = 0;
  std::chrono::steady_clock::time_point first_came{};
  std::size_t shown = 0;  // elements
  bool rows = false;      // what is_rows() says of the first ones
  std::unique_ptr<Table> table;

  // Whether it is written as lines are.
  bool is_lines() const {
    return options.format == OutputFormat::strict ||
           (options.format == OutputFormat::text && !options.for_person);
  }
  Format line_format() const {
    return options.format == OutputFormat::strict ? Format::strict : Format::text;
  }
  bool waits() const {
    if (shown > 0 || (options.format != OutputFormat::text && !is_lines())) return false;
    if (is_lines()) return held_bytes < kHeldForProgram;
    return held_bytes < kHeldForPerson &&
           std::chrono::steady_clock::now() - first_came < kPersonWaits;
  }
  void append_for_person(std::string& out);
};

ListRenderer::ListRenderer(const RenderOptions& options)
    : state_(std::make_unique<State>(State{.options = options, .table = nullptr})) {}
ListRenderer::~ListRenderer() = default;

std::string ListRenderer::add(std::vector<Value> elements) {
  State& state = *state_;
  if (state.shown == 0 && state.held.elements.empty())
    state.first_came = std::chrono::steady_clock::now();
  for (Value& element : elements) {
    state.held_bytes += bytes_in(element);
    state.held.elements.push_back(std::move(element));
  }
  return state.waits() ? std::string() : show_held();
}

std::string ListRenderer::show_held() {
  State& state = *state_;
  std::string out;
  const std::vector<Value>& elements = state.held.elements;
  if (elements.empty()) return out;
  const bool first = state.shown == 0;
  if (first) state.rows = is_rows(state.held);
  switch (state.options.format) {
    case OutputFormat::json:
      for (const Value& element : elements) {
        out += first && &element == elements.data() ? '[' : ',';
        out += written(element, Format::json);
        out.pop_back();  // its line break
      }
      break;
    case OutputFormat::raw:
      append_raw(out, state.held);
      break;
    case OutputFormat::csv:
      if (first && state.rows) append_every_second(out, elements.front(), 0);
      for (const Value& element : elements)
        state.rows ? append_every_second(out, element, 1) : append_csv(out, element);
      break;
    case OutputFormat::text:
      if (state.options.for_person) {
        state.append_for_person(out);
        break;
      }
      [[fallthrough]];
    case OutputFormat::strict:
      // As lines have a list whose length is not known before.
      if (first) out += "*?\n";
      out += written(state.held, state.line_format());
      break;
  }
  state.shown += elements.size();
  state.held.elements.clear();
  state.held_bytes = 0;
  return out;
}

void ListRenderer::State::append_for_person(std::string& out) {
  if (rows && table == nullptr) {
    table = std::make_unique<Table>(held.elements);
    table->append_head(out);
    return table->append_first(out);
  }
  if (rows) return table->append_rows(out, held.elements);
  std::size_t number = shown;
  for (const Value& element : held.elements) {
    const std::string text = std::to_string(++number) + ") ";
    out += text;
    append_element(out, element, text.size(), options.color);
  }
}

std::string ListRenderer::end() {
  const State& state = *state_;
  if (state.shown == 0) return render(state.held, state.options);
  std::string out = show_held();
  if (state.options.format == OutputFormat::json) out += "]\n";
  if (state.is_lines()) out += "*0\n";
  if (state.table != nullptr) Table::append_count(out, state.shown);
  return out;
}

std::string ListRenderer::fail() {
  std::string out = show_held();
  if (state_->options.format == OutputFormat::json && state_->shown > 0) out += '\n';
  return out;
}

std::string render_error(std::string_view message, const RenderOptions& options) {
  return render(Value{.type = Value::Type::error, .string = "ERR " + std::string(message)},
                options);
}

}  // namespace kimdb::cli
