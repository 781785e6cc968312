#include "cli/output_format.h"

#include <string_view>
#include <utility>

#include "base/ascii.h"

namespace kimdb::cli {
namespace {

constexpr std::pair<std::string_view, OutputFormat> kFormats[] = {
    {"text", OutputFormat::text}, {"strict", OutputFormat::strict}, {"json", OutputFormat::json},
    {"raw", OutputFormat::raw},   {"csv", OutputFormat::csv},
};

}  // namespace

Value choose_output_format(const Words& words, OutputFormat& format) {
  for (const auto& [name, value] : kFormats) {
    if (words.size() == 1 && value == format)
      return {.type = Value::Type::bulk, .string = std::string(name)};
    if (words.size() != 2 || !equals_ignoring_case(words[1], name)) continue;
    format = value;
    return {.type = Value::Type::simple, .string = "OK"};
  }
  return {.type = Value::Type::error, .string = "ERR FORMAT takes text, strict, json, raw or csv"};
}

}  // namespace kimdb::cli
