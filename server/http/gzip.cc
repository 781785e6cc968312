#include "server/http/gzip.h"

#include <libdeflate.h>

#include <algorithm>
#include <memory>

#include "base/ascii.h"
#include "base/check.h"
#include "protocol/numbers.h"

namespace kimdb::server {

namespace {

constexpr int kLevel = 1;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// Of "gzip;q=0.5": nothing where it says 0.
bool is_wanted(std::string_view parameters) {
  const std::size_t q = parameters.find("q=");
  if (q == std::string_view::npos) return true;
  const auto weight = protocol::parse_double(trimmed(parameters.substr(q + 2)));
  return weight && *weight > 0;
}

struct Free {
  void operator()(libdeflate_compressor* compressor) const {
    libdeflate_free_compressor(compressor);
  }
};

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    const std::size_t comma = accept_encoding.find(',');
    const std::string_view item = accept_encoding.substr(0, comma);
    const std::size_t semicolon = item.find(';');
    const std::string_view name = trimmed(item.substr(0, semicolon));
    const bool wanted = semicolon == std::string_view::npos || is_wanted(item.substr(semicolon));
    if (equals_ignoring_case(name, "gzip")) return wanted;
    if (name == "*") any = wanted;
    if (comma == std::string_view::npos) break;
    accept_encoding.remove_prefix(comma + 1);
  }
  return any;
}

std::string gzip(std::string_view text) {
  thread_local const std::unique_ptr<libdeflate_compressor, Free> compressor(
      libdeflate_alloc_compressor(kLevel));
  KIMDB_CHECK(compressor != nullptr);
  std::string out(libdeflate_gzip_compress_bound(compressor.get(), text.size()), '\0');
  const std::size_t size =
      libdeflate_gzip_compress(compressor.get(), text.data(), text.size(), out.data(), out.size());
  KIMDB_CHECK(size != 0);
  out.resize(size);
  return out;
}

}  // namespace kimdb::server
