#include "database/command_table.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"

namespace kimdb::database {

namespace {

constexpr std::size_t kNameBytesMax = 24;

std::size_t slot_of(const char* lower_case, std::size_t size) {
  return XXH3_64bits(lower_case, size);
}

}  // namespace

CommandTable::CommandTable() {
  for (const auto rows :
       {connection_commands(), string_commands(), key_commands(), transaction_commands(),
        tx_commands(), pubsub_commands(), document_commands(), index_commands(), sql_commands(),
        server_commands(), replication_commands()})
    add(rows);
}

void CommandTable::add(std::span<const CommandRow> rows) {
  for (CommandRow row : rows) {
    KIMDB_CHECK(row.name.size() <= kNameBytesMax && find(row.name) == nullptr);
    row.index = static_cast<std::uint16_t>(rows_.size());
    std::size_t slot = slot_of(row.name.data(), row.name.size()) % kSlots;
    while (slots_[slot] != 0) slot = (slot + 1) % kSlots;
    rows_.push_back(row);
    slots_[slot] = static_cast<std::uint16_t>(rows_.size());
  }
}

const CommandRow* CommandTable::find(std::string_view name) const {
  if (name.size() > kNameBytesMax) return nullptr;
  char lower[kNameBytesMax];
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    lower[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  const std::string_view wanted(lower, name.size());
  for (std::size_t slot = slot_of(lower, name.size()) % kSlots; slots_[slot] != 0;
       slot = (slot + 1) % kSlots)
    if (rows_[slots_[slot] - 1].name == wanted) return &rows_[slots_[slot] - 1];
  return nullptr;
}

}  // namespace kimdb::database
