// Any text as a document, as the filter that looks at it, and as what changes it: an error, or a
// document that is JSON and can be stored and shown. A filter matches what the reference says.
#include "engine/document.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/check.h"
#include "engine/field_merge.h"
#include "engine/filter.h"
#include "engine/index.h"
#include "engine/json_patch.h"
#include "engine/json_reader.h"
#include "engine/json_tree.h"
#include "tests/support/mongo_reference.h"

namespace engine = kimdb::engine;

namespace {

constexpr std::size_t kBytesMax = 1 << 20;

void check_shown(std::string_view body) {
  std::string shown;
  engine::append_document(shown, "id",
                          {.version = 1, .created_at = 1, .updated_at = 2, .body = body});
  KIMDB_CHECK(engine::parse_json_tree(shown).has_value());
}

void change(std::string_view body, std::string_view text) {
  const auto change = engine::parse_json_tree(text);
  if (!change) return;
  auto target = engine::parse_json_tree(body);
  engine::merge_patch(*target, *change);
  auto patched = engine::parse_json_tree(body);
  std::deque<std::string> names;
  static_cast<void>(engine::json_patch(*patched, *change, kBytesMax, names));
  if (!engine::check_field_writes(*change, std::int64_t{1} << 50)) return;
  const auto merged = engine::merge_fields(body, 1'700'000'000'000, *change);
  if (!merged) return;
  check_shown(merged->body);
  // A second time nothing wins.
  const auto again = engine::merge_fields(merged->body, 1'800'000'000'000, *change);
  KIMDB_CHECK(again.has_value() && again->applied.empty());
}

}  // namespace

// The input is two texts with a zero byte between them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = input.find('\0');
  const std::string_view first = input.substr(0, zero);
  const std::string_view second = zero == std::string_view::npos ? first : input.substr(zero + 1);
  const auto document = engine::parse_document(first);
  const std::string body = document ? document->body : R"({"a":[1,{"b":"x"}],"c":null})";
  check_shown(body);
  change(body, second);
  if (const auto filter = engine::Filter::parse(second)) {
    std::string shown;
    engine::append_document(shown, "id",
                            {.version = 1, .created_at = 1, .updated_at = 2, .body = body});
    engine::JsonElement element;
    if (engine::JsonReader::of_this_thread().read(shown, element)) {
      const bool matches = filter->matches(element);
      // Its ways through arrays are too many for the reference where there are many numbers.
      const auto tree = engine::parse_json_tree(second);
      if (tree && std::count(second.begin(), second.end(), '.') < 8)
        KIMDB_CHECK(kimdb::support::mongo_matches(*tree, *engine::parse_json_tree(shown)) ==
                    matches);
    }
  }
  static const auto kIndex = engine::make_index_definition("c", "i", "a.b,-c", false, false);
  static_cast<void>(engine::index_keys(*kIndex, body));
  return 0;
}
