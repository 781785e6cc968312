#include "cli/keys.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "cli/completion.h"
#include "protocol/line_parser.h"

namespace kimdb::cli {
namespace {

// Of a list of maps: the members of this name that begin with the prefix.
std::vector<std::string> members_with_prefix(Result<Value> list, std::string_view name,
                                             std::string_view prefix) {
  std::vector<std::string> found;
  if (!list || !list->is_list()) return found;
  for (Value& map : list->elements)
    for (std::size_t i = 0; i + 1 < map.elements.size(); i += 2)
      if (map.elements[i].string == name && map.elements[i + 1].string.starts_with(prefix))
        found.push_back(std::move(map.elements[i + 1].string));
  std::ranges::sort(found);
  return found;
}

}  // namespace

CommandCatalog load_command_catalog(Executor& executor) {
  auto docs = executor.execute({"COMMAND", "DOCS"});
  if (!docs) return {};
  auto commands = executor.execute({"COMMAND"});
  if (!commands) return {};
  return CommandCatalog::from_replies(*docs, *commands);
}

std::vector<std::string> sql_names(Executor& executor) {
  constexpr std::size_t kTablesMax = 50;
  // The first column of rows, which are maps.
  const auto add_names = [&](const std::string& statement, std::vector<std::string>& names) {
    auto rows = executor.execute({"SQL", statement});
    if (!rows || rows->type != Value::Type::array) return;
    for (Value& row : rows->elements)
      if (row.elements.size() >= 2) names.push_back(std::move(row.elements[1].string));
  };
  std::vector<std::string> names;
  add_names("SHOW TABLES", names);
  const std::size_t tables = std::min(names.size(), kTablesMax);
  for (std::size_t i = 0; i < tables; ++i) add_names("DESCRIBE " + names[i], names);
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

std::vector<std::string> keys_with_prefix(Executor& executor, std::string_view prefix) {
  constexpr std::size_t kKeysMax = 200;
  // What a person does not notice as waiting.
  constexpr std::chrono::milliseconds kTimeMax{150};
  const auto end = std::chrono::steady_clock::now() + kTimeMax;
  std::vector<std::string> keys;
  std::string cursor = "0";
  do {
    auto page =
        executor.execute({"SCAN", cursor, "MATCH", prefix_pattern(prefix), "COUNT", "1000"});
    if (!page || page->elements.size() != 2) break;
    cursor = page->elements[0].string;
    for (Value& key : page->elements[1].elements) {
      if (protocol::reads_as_one_word(key.string)) keys.push_back(std::move(key.string));
    }
  } while (cursor != "0" && keys.size() < kKeysMax && std::chrono::steady_clock::now() < end);
  std::ranges::sort(keys);
  const auto repeated = std::ranges::unique(keys);  // SCAN may show a key twice
  keys.erase(repeated.begin(), repeated.end());
  return keys;
}

std::vector<std::string> collections_with_prefix(Executor& executor, std::string_view prefix) {
  return members_with_prefix(executor.execute({"COLLECTIONS"}), "name", prefix);
}

std::vector<std::string> settings_with_prefix(Executor& executor, std::string_view prefix) {
  std::vector<std::string> names;
  auto settings = executor.execute({"CONFIG", "GET", prefix_pattern(prefix)});
  if (!settings || !settings->is_list()) return names;
  for (std::size_t i = 0; i < settings->elements.size(); i += 2)
    names.push_back(std::move(settings->elements[i].string));
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> indexes_with_prefix(Executor& executor, const std::string& collection,
                                             std::string_view prefix) {
  return members_with_prefix(executor.execute({"INDEX", "LIST", collection}), "name", prefix);
}

}  // namespace kimdb::cli
