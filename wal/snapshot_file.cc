#include "wal/snapshot_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "wal/bytes.h"

namespace kimdb::wal {
namespace {

constexpr std::string_view kMagic = "kimdbSNP";
constexpr std::string_view kEndMagic = "kimdbEND";
constexpr std::size_t kHeaderBytes = 4096;
constexpr std::size_t kBlockHeaderBytes = 8;
constexpr std::size_t kTrailerBytes = 4 + 8;
constexpr std::uint32_t kFooterBytesMax = 64 << 20;

std::uint32_t seeded_crc(std::uint64_t salt, std::uint64_t offset, std::string_view bytes) {
  char raw[16];
  store(raw, salt);
  store(raw + 8, offset);
  return crc32c_extend(crc32c({raw, sizeof raw}), bytes);
}

std::string encode_header(const Uuid& cluster_id, std::uint64_t salt) {
  ByteWriter writer;
  writer.put_bytes(kMagic).put(kFormatVersion).put(std::uint32_t{0});
  writer.put_bytes({reinterpret_cast<const char*>(cluster_id.data()), cluster_id.size()}).put(salt);
  std::string bytes = writer.take();
  bytes.resize(kHeaderBytes, '\0');
  store(bytes.data() + kHeaderBytes - 4, crc32c({bytes.data(), kHeaderBytes - 4}));
  return bytes;
}

std::string encode_footer(const Position& end, const std::vector<TermStart>& history,
                          const std::vector<SnapshotSection>& sections, std::uint64_t salt,
                          std::uint64_t offset) {
  ByteWriter writer;
  writer.put(end.lsn).put(end.term).put(end.commit_time_ms).put(end.chain);
  writer.put(static_cast<std::uint32_t>(history.size()));
  for (const TermStart& start : history) put_term_start(writer, start);
  writer.put(static_cast<std::uint32_t>(sections.size()));
  for (const SnapshotSection& section : sections) {
    writer.put(section.kind).put(section.number).put(section.lsn);
    writer.put(section.offset).put(section.size).put(section.items);
  }
  writer.put(seeded_crc(salt, offset, writer.bytes()));
  writer.put(static_cast<std::uint32_t>(writer.bytes().size())).put_bytes(kEndMagic);
  return writer.take();
}

Error corrupt(const std::string& path, const std::string& what) {
  return Error{ErrorCode::corrupt, "snapshot " + path + ": " + what};
}

}  // namespace

Result<std::unique_ptr<SnapshotWriter>> SnapshotWriter::create(DataDirectory& directory) {
  const std::string path = directory.snapshot_directory() + "/writing.tmp";
  KIMDB_RETURN_IF_ERROR(remove_if_exists(directory.filesystem(), path));
  auto file = directory.filesystem().open(path, Filesystem::OpenMode::create);
  if (!file) return std::move(file).error();
  std::unique_ptr<SnapshotWriter> writer(new SnapshotWriter(directory, path, std::move(*file)));
  writer->salt_ = directory.random();
  KIMDB_RETURN_IF_ERROR(
      write_all(*writer->file_, 0, encode_header(directory.meta().cluster_id, writer->salt_)));
  writer->offset_ = kHeaderBytes;
  writer->block_.assign(kBlockHeaderBytes, '\0');
  return writer;
}

SnapshotWriter::~SnapshotWriter() {
  file_.reset();
  if (!published_)
    ignore(directory_.filesystem().remove(path_), "the next snapshot removes it as well");
}

Status SnapshotWriter::begin_section(std::uint32_t kind, std::uint32_t number, Lsn lsn) {
  KIMDB_RETURN_IF_ERROR(end_block());
  sections_.push_back({.kind = kind, .number = number, .lsn = lsn, .offset = offset_});
  return {};
}

Status SnapshotWriter::append(std::string_view bytes) {
  KIMDB_CHECK(!sections_.empty() && bytes.size() <= kPayloadBytesMax);
  if (block_.size() > kBlockHeaderBytes && block_.size() + bytes.size() > kSnapshotBlockBytes) {
    KIMDB_RETURN_IF_ERROR(end_block());
  }
  block_.append(bytes);
  ++sections_.back().items;
  return {};
}

Status SnapshotWriter::end_block() {
  if (block_.size() == kBlockHeaderBytes) return {};
  const std::string_view bytes = std::string_view(block_).substr(kBlockHeaderBytes);
  const auto size = static_cast<std::uint32_t>(bytes.size());
  // The size is under the CRC as well; it is believed before only as far as the section reaches.
  char raw[4];
  store(raw, size);
  store(block_.data(), size);
  store(block_.data() + 4, crc32c_extend(seeded_crc(salt_, offset_, {raw, sizeof raw}), bytes));
  KIMDB_RETURN_IF_ERROR(write_all(*file_, offset_, block_));
  offset_ += block_.size();
  sections_.back().size += block_.size();
  block_.resize(kBlockHeaderBytes);
  return {};
}

Result<SnapshotName> SnapshotWriter::publish(const Position& end,
                                             const std::vector<TermStart>& history) {
  KIMDB_RETURN_IF_ERROR(end_block());
  KIMDB_RETURN_IF_ERROR(
      write_all(*file_, offset_, encode_footer(end, history, sections_, salt_, offset_)));
  KIMDB_RETURN_IF_ERROR(file_->sync());
  file_.reset();

  Filesystem& filesystem = directory_.filesystem();
  auto written = SnapshotFile::open(filesystem, path_);
  if (!written) return std::move(written).error();
  KIMDB_RETURN_IF_ERROR(written->verify());

  const SnapshotName name{end.lsn, end.term};
  KIMDB_RETURN_IF_ERROR(filesystem.rename(path_, directory_.snapshot_path(name)));
  published_ = true;
  KIMDB_RETURN_IF_ERROR(filesystem.sync_directory(directory_.snapshot_directory()));
  KIMDB_RETURN_IF_ERROR(directory_.update_meta(
      [&](Meta& meta) { meta.checkpoint_lsn = std::max(meta.checkpoint_lsn, end.lsn); }));
  return name;
}

Result<SnapshotFile> SnapshotFile::open(Filesystem& filesystem, const std::string& path) {
  auto file = filesystem.open(path, Filesystem::OpenMode::read);
  if (!file) return std::move(file).error();
  auto size = (*file)->size();
  if (!size) return std::move(size).error();
  if (*size < kHeaderBytes + kTrailerBytes) return corrupt(path, "it is cut short");
  auto header = read_exactly(**file, 0, kHeaderBytes);
  if (!header) return std::move(header).error().in(path);
  if (!header->starts_with(kMagic)) return corrupt(path, "this is no snapshot");
  if (crc32c({header->data(), kHeaderBytes - 4}) !=
      load<std::uint32_t>(header->data() + kHeaderBytes - 4)) {
    return corrupt(path, "the header does not check");
  }
  SnapshotFile snapshot(filesystem);
  snapshot.path_ = path;
  snapshot.size_ = *size;
  ByteReader head(std::string_view(*header).substr(kMagic.size()));
  const auto version = head.take<std::uint32_t>();
  const auto flags = head.take<std::uint32_t>();
  if (version != kFormatVersion || flags != 0) {
    return Error{ErrorCode::unsupported, "snapshot " + path + ": format version " +
                                             std::to_string(version) + ", features " +
                                             std::to_string(flags) + "; use a newer kimdb"};
  }
  std::memcpy(snapshot.cluster_id_.data(), head.take_bytes(16).data(), 16);
  snapshot.salt_ = head.take<std::uint64_t>();

  auto trailer = read_exactly(**file, *size - kTrailerBytes, kTrailerBytes);
  if (!trailer) return std::move(trailer).error().in(path);
  const auto footer_size = load<std::uint32_t>(trailer->data());
  if (std::string_view(*trailer).substr(4) != kEndMagic || footer_size < 4 ||
      footer_size > kFooterBytesMax || footer_size > *size - kHeaderBytes - kTrailerBytes) {
    return corrupt(path, "the end does not check");
  }
  const std::uint64_t footer_offset = *size - kTrailerBytes - footer_size;
  auto footer = read_exactly(**file, footer_offset, footer_size);
  if (!footer) return std::move(footer).error().in(path);
  const std::string_view fields = std::string_view(*footer).substr(0, footer_size - 4);
  if (seeded_crc(snapshot.salt_, footer_offset, fields) !=
      load<std::uint32_t>(footer->data() + footer_size - 4)) {
    return corrupt(path, "the footer does not check");
  }
  ByteReader reader(fields);
  snapshot.end_.lsn = reader.take<Lsn>();
  snapshot.end_.term = reader.take<std::uint64_t>();
  snapshot.end_.commit_time_ms = reader.take<std::int64_t>();
  snapshot.end_.chain = reader.take<std::uint32_t>();
  for (auto count = reader.take<std::uint32_t>(); count > 0 && reader.ok(); --count)
    snapshot.history_.push_back(take_term_start(reader));
  std::uint64_t expected = kHeaderBytes;
  for (auto count = reader.take<std::uint32_t>(); count > 0 && reader.ok(); --count) {
    SnapshotSection section;
    section.kind = reader.take<std::uint32_t>();
    section.number = reader.take<std::uint32_t>();
    section.lsn = reader.take<Lsn>();
    section.offset = reader.take<std::uint64_t>();
    section.size = reader.take<std::uint64_t>();
    section.items = reader.take<std::uint64_t>();
    if (section.offset != expected || section.size > footer_offset - expected) {
      return corrupt(path, "its sections do not fit the file");
    }
    expected += section.size;
    snapshot.sections_.push_back(section);
  }
  if (!reader.ok() || !reader.rest().empty() || expected != footer_offset) {
    return corrupt(path, "the footer is not what it should be");
  }
  return snapshot;
}

Result<SnapshotFile::SectionReader> SnapshotFile::read(const SnapshotSection& section) const {
  SectionReader reader;
  auto file = filesystem_->open(path_, Filesystem::OpenMode::read);
  if (!file) return std::move(file).error();
  reader.file_ = std::move(*file);
  reader.path_ = path_;
  reader.salt_ = salt_;
  reader.offset_ = section.offset;
  reader.end_ = section.offset + section.size;
  return reader;
}

Result<std::optional<std::string_view>> SnapshotFile::SectionReader::next_block() {
  if (offset_ == end_) return std::optional<std::string_view>();
  const std::string where = "block at offset " + std::to_string(offset_);
  char head[kBlockHeaderBytes];
  if (end_ - offset_ < sizeof head) return corrupt(path_, where + " is cut short");
  auto read = file_->read_at(offset_, head, sizeof head);
  if (!read) return std::move(read).error();
  const auto size = load<std::uint32_t>(head);
  if (*read != sizeof head || size > end_ - offset_ - sizeof head)
    return corrupt(path_, where + " does not check");
  buffer_.resize(size);
  read = file_->read_at(offset_ + sizeof head, buffer_.data(), size);
  if (!read) return std::move(read).error();
  if (*read != size || crc32c_extend(seeded_crc(salt_, offset_, {head, 4}), buffer_) !=
                           load<std::uint32_t>(head + 4)) {
    return corrupt(path_, where + " does not check");
  }
  offset_ += sizeof head + size;
  return std::optional<std::string_view>(buffer_);
}

Status SnapshotFile::verify() const {
  for (const SnapshotSection& section : sections_) {
    auto reader = read(section);
    if (!reader) return std::move(reader).error();
    for (;;) {
      auto block = reader->next_block();
      if (!block) return std::move(block).error();
      if (!block->has_value()) break;
    }
  }
  return {};
}

}  // namespace kimdb::wal
