// Reads the frames of one segment file, one after the other, through a window. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/filesystem.h"
#include "base/result.h"
#include "wal/format.h"

namespace kimdb::wal {

class SegmentReader {
 public:
  struct Frame {
    FrameHeader header;
    std::string_view payload;  // good until the next call
    std::uint64_t offset = 0;
    std::string_view bytes;  // header and payload
  };

  // corrupt or unsupported where the segment's header is not one; errors name the file.
  static Result<SegmentReader> open(Filesystem& filesystem, const std::string& path);

  const SegmentHeader& header() const { return header_; }
  const std::string& path() const { return path_; }
  std::uint64_t file_size() const { return file_size_; }
  // Where next() looks.
  std::uint64_t offset() const { return offset_; }
  void seek(std::uint64_t offset) { offset_ = offset; }

  // The frame at offset(), moving behind it; nothing, without moving, where none checks there. LSN,
  // term and chain are the caller's to check.
  Result<std::optional<Frame>> next();
  // The same for a file that is being written: looks at its size again.
  Result<std::optional<Frame>> next_of_growing();

  // The next place at or behind offset() that holds a valid frame header, whatever its payload;
  // moves behind the header.
  Result<std::optional<FrameHeader>> find_header();
  // The end of the last byte at or behind `offset` that is not zero; `offset` where there is none.
  Result<std::uint64_t> end_of_data(std::uint64_t offset);

 private:
  SegmentReader(std::unique_ptr<File> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  // What the file holds of [offset, offset + size): shorter only at its end.
  Result<std::string_view> bytes_at(std::uint64_t offset, std::size_t size);

  std::unique_ptr<File> file_;
  std::string path_;
  SegmentHeader header_;
  std::uint64_t file_size_ = 0;
  std::uint64_t offset_ = kSegmentHeaderBytes;
  std::string window_;
  std::uint64_t window_offset_ = 0;
};

}  // namespace kimdb::wal
