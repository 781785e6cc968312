// Commands to be sent together. Installed; see client/client.h.
//
// Owns its words as the bytes that will be sent. A value without ties to a Client; may be run many
// times. One thread.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kimdb::client {

class Pipeline {
 public:
  // `words`: at least one, the command's name first. They are copied.
  Pipeline& add(std::initializer_list<std::string_view> words);
  Pipeline& add(std::span<const std::string_view> words);
  Pipeline& add(std::span<const std::string> words);

  Pipeline& append(const Pipeline& other);

  std::size_t size() const { return ends_.size(); }
  bool empty() const { return ends_.empty(); }
  // Of all commands as they go over the wire: *2\r\n$3\r\nGET\r\n$1\r\nk\r\n
  std::size_t bytes() const { return encoded_.size(); }
  void clear();

 private:
  friend class ClientState;

  // Of one command, as views into encoded_.
  std::string_view name(std::size_t index) const;
  std::vector<std::string_view> words(std::size_t index) const;
  std::size_t begin_of(std::size_t index) const { return index == 0 ? 0 : ends_[index - 1]; }
  std::string_view encoded_from(std::size_t index) const {
    return std::string_view(encoded_).substr(begin_of(index));
  }

  void begin_command(std::size_t word_count);
  void add_word(std::string_view word);
  void end_command() { ends_.push_back(encoded_.size()); }

  std::string encoded_;
  std::vector<std::size_t> ends_;  // of each command in encoded_
};

}  // namespace kimdb::client
