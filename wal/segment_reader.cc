#include "wal/segment_reader.h"

#include <algorithm>
#include <utility>

namespace kimdb::wal {
namespace {

constexpr std::size_t kWindowBytes = 1 << 20;

}  // namespace

Result<SegmentReader> SegmentReader::open(Filesystem& filesystem, const std::string& path) {
  auto file = filesystem.open(path, Filesystem::OpenMode::read);
  if (!file) return std::move(file).error();
  SegmentReader reader(std::move(*file), path);
  auto size = reader.file_->size();
  if (!size) return std::move(size).error();
  reader.file_size_ = *size;
  auto bytes = reader.bytes_at(0, kSegmentHeaderBytes);
  if (!bytes) return std::move(bytes).error();
  auto header = decode_segment_header(*bytes);
  if (!header) return std::move(header).error().in(path);
  reader.header_ = *header;
  return reader;
}

Result<std::optional<SegmentReader::Frame>> SegmentReader::next() {
  auto head = bytes_at(offset_, kFrameHeaderBytes);
  if (!head) return std::move(head).error();
  const FramePlace place{.salt = header_.salt, .offset = offset_};
  const std::optional<FrameHeader> header = decode_frame_header(*head, place);
  if (!header || header->payload_size > file_size_ - offset_ - kFrameHeaderBytes)
    return std::optional<Frame>();
  auto whole = bytes_at(offset_, kFrameHeaderBytes + header->payload_size);
  if (!whole) return std::move(whole).error();
  const std::string_view payload = whole->substr(std::min(whole->size(), kFrameHeaderBytes));
  if (!payload_checks(*header, payload, place)) return std::optional<Frame>();
  Frame frame{.header = *header, .payload = payload, .offset = offset_, .bytes = *whole};
  offset_ += frame_size(header->payload_size);
  return std::optional<Frame>(frame);
}

Result<std::optional<SegmentReader::Frame>> SegmentReader::next_of_growing() {
  auto size = file_->size();
  if (!size) return std::move(size).error();
  file_size_ = *size;
  window_.clear();  // what was read before may have been written since
  return next();
}

Result<std::optional<FrameHeader>> SegmentReader::find_header() {
  while (offset_ + kFrameHeaderBytes <= file_size_) {
    auto bytes = bytes_at(offset_, kWindowBytes);
    if (!bytes) return std::move(bytes).error();
    if (bytes->size() < kFrameHeaderBytes) break;
    for (std::size_t at = 0; at + kFrameHeaderBytes <= bytes->size(); at += kFrameAlignment) {
      if (!may_be_frame(bytes->data() + at)) continue;
      if (auto header = decode_frame_header(bytes->substr(at),
                                            {.salt = header_.salt, .offset = offset_ + at})) {
        offset_ += at + kFrameAlignment;
        return header;
      }
    }
    // The last places of the window did not have a whole header in it: they are looked at with the
    // next one.
    offset_ +=
        (bytes->size() - kFrameHeaderBytes) / kFrameAlignment * kFrameAlignment + kFrameAlignment;
  }
  offset_ = file_size_;
  return std::optional<FrameHeader>();
}

Result<std::uint64_t> SegmentReader::end_of_data(std::uint64_t offset) {
  std::uint64_t end = offset;
  for (std::uint64_t at = offset; at < file_size_;) {
    auto bytes = bytes_at(at, kWindowBytes);
    if (!bytes) return std::move(bytes).error();
    if (bytes->empty()) break;
    const std::size_t last = bytes->find_last_not_of('\0');
    if (last != std::string_view::npos) end = at + last + 1;
    at += bytes->size();
  }
  return end;
}

Result<std::string_view> SegmentReader::bytes_at(std::uint64_t offset, std::size_t size) {
  if (offset >= file_size_) return std::string_view();
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, file_size_ - offset));
  if (offset < window_offset_ || offset + size > window_offset_ + window_.size()) {
    const std::size_t wanted = std::max(size, kWindowBytes);
    window_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, file_size_ - offset)));
    auto read = file_->read_at(offset, window_.data(), window_.size());
    if (!read) return std::move(read).error();
    window_.resize(*read);
    window_offset_ = offset;
    size = std::min(size, window_.size());
  }
  return std::string_view(window_).substr(static_cast<std::size_t>(offset - window_offset_), size);
}

}  // namespace kimdb::wal
