#include "engine/json_order.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace kimdb::engine {

namespace {

using simdjson::dom::array;
using simdjson::dom::element_type;
using simdjson::dom::object;

template <class Number>
int sign_of(Number a, Number b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

// A whole number with a double, exactly.
template <class Whole>
int compare_with_double(Whole whole, double number) {
  // Both bounds are doubles; between them the conversion of the double's whole part is exact.
  constexpr double kBelow = std::is_signed_v<Whole> ? -9223372036854775808.0 : 0.0;
  constexpr double kAbove =
      std::is_signed_v<Whole> ? 9223372036854775808.0 : 18446744073709551616.0;
  if (number < kBelow) return 1;
  if (number >= kAbove) return -1;
  const double floor = std::floor(number);
  const int order = sign_of(whole, static_cast<Whole>(floor));
  return order != 0 ? order : (number > floor ? -1 : 0);
}

int compare_numbers(const JsonElement& a, const JsonElement& b) {
  const element_type x = a.type(), y = b.type();
  // simdjson gives uint64 only to what int64 does not hold.
  if (x == element_type::DOUBLE && y == element_type::DOUBLE)
    return sign_of(a.get_double().value_unsafe(), b.get_double().value_unsafe());
  if (x == element_type::DOUBLE) return -compare_numbers(b, a);
  if (y == element_type::DOUBLE) {
    const double number = b.get_double().value_unsafe();
    return x == element_type::INT64 ? compare_with_double(a.get_int64().value_unsafe(), number)
                                    : compare_with_double(a.get_uint64().value_unsafe(), number);
  }
  if (x == element_type::INT64 && y == element_type::INT64)
    return sign_of(a.get_int64().value_unsafe(), b.get_int64().value_unsafe());
  if (x == element_type::UINT64 && y == element_type::UINT64)
    return sign_of(a.get_uint64().value_unsafe(), b.get_uint64().value_unsafe());
  return x == element_type::INT64 ? -1 : 1;
}

}  // namespace

Rank rank_of(const JsonElement& element) {
  switch (element.type()) {
    case element_type::NULL_VALUE:
      return Rank::null;
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE:
      return Rank::number;
    case element_type::STRING:
      return Rank::string;
    case element_type::OBJECT:
      return Rank::object;
    case element_type::ARRAY:
      return Rank::array;
    default:
      return Rank::boolean;
  }
}

int compare(const JsonElement& a, const JsonElement& b) {
  const Rank rank = rank_of(a);
  if (rank != rank_of(b)) return sign_of(rank, rank_of(b));
  switch (rank) {
    case Rank::null:
      return 0;
    case Rank::number:
      return compare_numbers(a, b);
    case Rank::string:
      return sign_of(a.get_string().value_unsafe().compare(b.get_string().value_unsafe()), 0);
    case Rank::boolean:
      return sign_of<int>(a.get_bool().value_unsafe(), b.get_bool().value_unsafe());
    default:
      return sign_of(std::string(simdjson::minify(a)).compare(simdjson::minify(b)), 0);
  }
}

bool same(const JsonElement& a, const JsonElement& b) {
  const Rank rank = rank_of(a);
  if (rank != rank_of(b)) return false;
  if (rank == Rank::array) {
    const array x(a), y(b);
    return x.size() == y.size() && std::equal(x.begin(), x.end(), y.begin(), same);
  }
  if (rank == Rank::object) {
    const object x(a), y(b);
    if (x.size() != y.size()) return false;
    for (const auto member : x) {
      JsonElement other;
      if (y.at_key(member.key).get(other) != simdjson::SUCCESS || !same(member.value, other))
        return false;
    }
    return true;
  }
  return compare(a, b) == 0;
}

}  // namespace kimdb::engine
