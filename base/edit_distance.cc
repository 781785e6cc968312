#include "base/edit_distance.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace kimdb {

namespace {

constexpr std::size_t kLongestName = 64;

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

NearestName::NearestName(std::string_view name)
    : name_(name),
      least_(name.size() > kLongestName ? 0 : std::clamp<std::size_t>(name.size() / 3, 1, 4) + 1) {}

void NearestName::consider(std::string_view candidate, std::string_view compared) {
  if (least_ > 0) consider(candidate, edit_distance(name_, compared));
}

void NearestName::consider(std::string_view candidate, std::size_t distance) {
  if (candidate == name_ || distance >= least_ || distance >= name_.size()) return;
  least_ = distance;
  nearest_ = candidate;
}

}  // namespace kimdb
