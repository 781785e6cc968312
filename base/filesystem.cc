#include "base/filesystem.h"

#include <utility>

#include "base/check.h"

namespace kimdb {

Result<std::size_t> File::write_pieces_at(std::uint64_t offset,
                                          std::span<const std::string_view> pieces) {
  for (const std::string_view piece : pieces) {
    if (!piece.empty()) return write_at(offset, piece);
  }
  return std::size_t{0};
}

Status write_all(File& file, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    auto written = file.write_at(offset, bytes);
    if (!written) return std::move(written).error();
    KIMDB_CHECK(*written > 0 && *written <= bytes.size());
    offset += *written;
    bytes.remove_prefix(*written);
  }
  return {};
}

Status write_all(File& file, std::uint64_t offset, std::span<const std::string_view> pieces) {
  while (!pieces.empty()) {
    if (pieces.front().empty()) {
      pieces = pieces.subspan(1);
      continue;
    }
    auto result = file.write_pieces_at(offset, pieces);
    if (!result) return std::move(result).error();
    std::size_t written = *result;
    KIMDB_CHECK(written > 0);
    offset += written;
    while (!pieces.empty() && written >= pieces.front().size()) {
      written -= pieces.front().size();
      pieces = pieces.subspan(1);
    }
    if (written > 0) {  // a short write ended inside this piece
      KIMDB_CHECK(!pieces.empty());
      const std::string_view rest = pieces.front().substr(written);
      KIMDB_RETURN_IF_ERROR(write_all(file, offset, rest));
      offset += rest.size();
      pieces = pieces.subspan(1);
    }
  }
  return {};
}

Result<std::string> read_exactly(File& file, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  auto read = file.read_at(offset, bytes.data(), size);
  if (!read) return std::move(read).error();
  if (*read != size) {
    return Error{ErrorCode::corrupt, "the file ends at byte " + std::to_string(offset + *read) +
                                         ", expected " + std::to_string(offset + size)};
  }
  return bytes;
}

Status write_new_file(Filesystem& filesystem, const std::string& path, std::string_view contents) {
  auto file = filesystem.open(path, Filesystem::OpenMode::create);
  if (!file) return std::move(file).error();
  KIMDB_RETURN_IF_ERROR(write_all(**file, 0, contents));
  return (*file)->sync();
}

Status remove_if_exists(Filesystem& filesystem, const std::string& path) {
  Status removed = filesystem.remove(path);
  if (!removed && removed.error().code == ErrorCode::not_found) return {};
  return removed;
}

Result<std::string> read_file(Filesystem& filesystem, const std::string& path,
                              std::uint64_t limit) {
  auto file = filesystem.open(path, Filesystem::OpenMode::read);
  if (!file) return std::move(file).error();
  auto size = (*file)->size();
  if (!size) return std::move(size).error();
  if (*size > limit) {
    return Error{ErrorCode::too_large, path + " has " + std::to_string(*size) +
                                           " bytes, more than the " + std::to_string(limit) +
                                           " that are allowed"};
  }
  auto bytes = read_exactly(**file, 0, static_cast<std::size_t>(*size));
  if (!bytes) return std::move(bytes).error().in(path);
  return bytes;
}

}  // namespace kimdb
