#include "client/pipeline.h"

#include <charconv>

#include "base/check.h"

namespace kimdb::client {
namespace {

// "*3\r\n", "$5\r\n"
void append_header(std::string& out, char type, std::size_t count) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, count).ptr;
  out += type;
  out.append(digits, end);
  out += "\r\n";
}

// Reads what append_header wrote off the front of `in`.
std::size_t take_header(std::string_view& in) {
  std::size_t count = 0;
  const auto end = std::from_chars(in.data() + 1, in.data() + in.size(), count).ptr;
  in.remove_prefix(static_cast<std::size_t>(end - in.data()) + 2);
  return count;
}

}  // namespace

Pipeline& Pipeline::add(std::initializer_list<std::string_view> words) {
  return add(std::span<const std::string_view>(words.begin(), words.size()));
}

Pipeline& Pipeline::add(std::span<const std::string_view> words) {
  begin_command(words.size());
  for (const std::string_view word : words) add_word(word);
  end_command();
  return *this;
}

Pipeline& Pipeline::add(std::span<const std::string> words) {
  begin_command(words.size());
  for (const std::string& word : words) add_word(word);
  end_command();
  return *this;
}

Pipeline& Pipeline::append(const Pipeline& other) {
  const std::size_t offset = encoded_.size();
  encoded_ += other.encoded_;
  for (std::size_t i = 0, count = other.ends_.size(); i < count; ++i) {
    ends_.push_back(offset + other.ends_[i]);
  }
  return *this;
}

void Pipeline::clear() {
  encoded_.clear();
  ends_.clear();
}

void Pipeline::begin_command(std::size_t word_count) {
  // A server answers nothing to an empty array: every reply behind it would be taken for another's.
  KIMDB_CHECK(word_count > 0);
  append_header(encoded_, '*', word_count);
}

void Pipeline::add_word(std::string_view word) {
  append_header(encoded_, '$', word.size());
  encoded_ += word;
  encoded_ += "\r\n";
}

std::string_view Pipeline::name(std::size_t index) const {
  std::string_view in = encoded_from(index);
  take_header(in);
  const std::size_t size = take_header(in);
  return in.substr(0, size);
}

std::vector<std::string_view> Pipeline::words(std::size_t index) const {
  std::string_view in = encoded_from(index);
  std::vector<std::string_view> words(take_header(in));
  for (std::string_view& word : words) {
    const std::size_t size = take_header(in);
    word = in.substr(0, size);
    in.remove_prefix(size + 2);
  }
  return words;
}

}  // namespace kimdb::client
