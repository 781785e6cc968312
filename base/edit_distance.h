// What a user may have meant. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kimdb {

// Levenshtein's distance: the fewest letters to insert, remove or replace.
std::size_t edit_distance(std::string_view a, std::string_view b);

// Finds the candidate nearest to a name, where one is near enough to be meant.
class NearestName {
 public:
  explicit NearestName(std::string_view name);

  // The name itself does not count.
  void consider(std::string_view candidate) { consider(candidate, candidate); }
  // The same where `compared` is what is compared.
  void consider(std::string_view candidate, std::string_view compared);
  void consider(std::string_view candidate, std::size_t distance);
  // Empty where none is near.
  std::string_view nearest() const { return nearest_; }

 private:
  std::string_view name_;
  std::size_t least_;
  std::string_view nearest_;
};

// " (did you mean users?)", or nothing.
inline std::string did_you_mean(const NearestName& name) {
  if (name.nearest().empty()) return {};
  return " (did you mean " + std::string(name.nearest()) + "?)";
}

}  // namespace kimdb
