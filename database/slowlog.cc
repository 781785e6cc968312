#include "database/slowlog.h"

namespace kimdb::database {

namespace {

constexpr std::size_t kWordsMax = 32;
constexpr std::size_t kWordBytesMax = 128;

std::vector<std::string> shortened(Words words) {
  std::vector<std::string> result;
  for (const std::string_view word : words) {
    if (result.size() == kWordsMax - 1 && words.size() > kWordsMax) {
      result.push_back("... (" + std::to_string(words.size() - kWordsMax + 1) + " more arguments)");
      break;
    }
    if (word.size() > kWordBytesMax)
      result.push_back(std::string(word.substr(0, kWordBytesMax)) + "... (" +
                       std::to_string(word.size() - kWordBytesMax) + " more bytes)");
    else
      result.emplace_back(word);
  }
  return result;
}

}  // namespace

void Slowlog::add(std::int64_t time_ms, std::uint64_t duration_us, Words words, std::string address,
                  std::string name) {
  Entry entry{0, time_ms, duration_us, shortened(words), std::move(address), std::move(name)};
  MutexLock lock(mutex_);
  entry.id = next_id_++;
  entries_.push_front(std::move(entry));
  while (entries_.size() > entries_max_) entries_.pop_back();
}

void Slowlog::set_entries_max(std::size_t entries) {
  MutexLock lock(mutex_);
  entries_max_ = entries;
  while (entries_.size() > entries_max_) entries_.pop_back();
}

std::vector<Slowlog::Entry> Slowlog::newest(std::size_t count) const {
  MutexLock lock(mutex_);
  return {entries_.begin(),
          entries_.begin() + static_cast<std::ptrdiff_t>(std::min(count, entries_.size()))};
}

std::size_t Slowlog::size() const {
  MutexLock lock(mutex_);
  return entries_.size();
}

void Slowlog::clear() {
  MutexLock lock(mutex_);
  entries_.clear();
}

}  // namespace kimdb::database
