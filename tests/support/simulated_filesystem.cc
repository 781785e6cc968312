#include "tests/support/simulated_filesystem.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kimdb::support {
namespace {

using Event = SimulatedFilesystem::Event;

std::string directory_of(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

Error error_of(Fault fault, const std::string& what) {
  if (fault == Fault::disk_full)
    return Error{ErrorCode::disk_full, what + ": no space left (simulated)"};
  return Error{ErrorCode::io_error, what + ": input/output error (simulated)"};
}

}  // namespace

class SimulatedFilesystem::SimulatedFile final : public File {
 public:
  SimulatedFile(SimulatedFilesystem& filesystem, std::shared_ptr<Node> node, std::string path)
      : filesystem_(filesystem), node_(std::move(node)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t size) override {
    MutexLock guard(filesystem_.mutex_);
    if (Status status = filesystem_.simple_call("read " + path_, false); !status)
      return std::move(status).error();
    if (offset >= node_->bytes.size()) return std::size_t{0};
    return node_->bytes.copy(out, size, static_cast<std::size_t>(offset));
  }

  Result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) override {
    if (filesystem_.before_write_) filesystem_.before_write_(path_);
    MutexLock guard(filesystem_.mutex_);
    const std::optional<Fault> fault = filesystem_.next_call();
    if (fault && *fault == Fault::disk_full) return error_of(*fault, "write " + path_);
    if (fault) bytes = bytes.substr(0, std::max<std::size_t>(1, bytes.size() / 2));
    const std::uint64_t size = std::max<std::uint64_t>(node_->bytes.size(), offset + bytes.size());
    if (!filesystem_.has_room(node_->bytes.size(), size))
      return error_of(Fault::disk_full, "write " + path_);
    resize(size);
    bytes.copy(node_->bytes.data() + offset, bytes.size());
    if (filesystem_.breaks_sync(bytes)) node_->fails_sync = true;
    filesystem_.add_event({.kind = Event::Kind::write,
                           .file = node_->number,
                           .offset = offset,
                           .bytes = std::string(bytes)});
    if (fault && *fault == Fault::io_error) return error_of(*fault, "write " + path_);
    return bytes.size();
  }

  Status sync() override {
    MutexLock guard(filesystem_.mutex_);
    Status status = filesystem_.simple_call("sync " + path_, true);
    if (std::exchange(node_->fails_sync, false))
      status = error_of(Fault::io_error, "sync " + path_);
    filesystem_.add_event(
        {.kind = status ? Event::Kind::sync : Event::Kind::sync_failed, .file = node_->number});
    return status;
  }

  Status truncate(std::uint64_t size) override {
    MutexLock guard(filesystem_.mutex_);
    KIMDB_RETURN_IF_ERROR(filesystem_.simple_call("truncate " + path_, false));
    resize(size);
    filesystem_.add_event({.kind = Event::Kind::resize, .file = node_->number, .offset = size});
    return {};
  }

  Status allocate(std::uint64_t size) override {
    MutexLock guard(filesystem_.mutex_);
    KIMDB_RETURN_IF_ERROR(filesystem_.simple_call("allocate " + path_, true));
    if (size <= node_->bytes.size()) return {};
    if (!filesystem_.has_room(node_->bytes.size(), size))
      return error_of(Fault::disk_full, "allocate " + path_);
    resize(size);
    filesystem_.add_event({.kind = Event::Kind::resize, .file = node_->number, .offset = size});
    return {};
  }

  Result<std::uint64_t> size() override {
    MutexLock guard(filesystem_.mutex_);
    if (Status status = filesystem_.simple_call("size " + path_, false); !status)
      return std::move(status).error();
    return std::uint64_t{node_->bytes.size()};
  }

 private:
  void resize(std::uint64_t size) REQUIRES(filesystem_.mutex_) {
    if (node_->linked)
      filesystem_.used_ += size - node_->bytes.size();  // wraps around where it shrinks
    node_->bytes.resize(static_cast<std::size_t>(size), '\0');
  }

  SimulatedFilesystem& filesystem_;
  std::shared_ptr<Node> node_;
  std::string path_;
};

class SimulatedFilesystem::SimulatedLock final : public FileLock {
 public:
  SimulatedLock(SimulatedFilesystem& filesystem, std::string path)
      : filesystem_(filesystem), path_(std::move(path)) {}
  ~SimulatedLock() override {
    MutexLock guard(filesystem_.mutex_);
    filesystem_.locks_.erase(path_);
  }

 private:
  SimulatedFilesystem& filesystem_;
  const std::string path_;
};

SimulatedFilesystem::SimulatedFilesystem(
    const std::map<std::string, std::shared_ptr<const std::string>>& files,
    const std::set<std::string>& directories)
    : directories_(directories) {
  for (const auto& [path, bytes] : files) {
    files_[path] = std::make_shared<Node>(Node{.number = ++nodes_, .bytes = *bytes});
    used_ += bytes->size();
  }
}

void SimulatedFilesystem::fail_call(std::uint64_t number, Fault fault) {
  MutexLock guard(mutex_);
  calls_ = 0;
  failing_call_ = number;
  fault_ = fault;
  fault_happened_ = false;
}

void SimulatedFilesystem::fail_sync_after(std::string text) {
  MutexLock guard(mutex_);
  sync_fails_after_ = std::move(text);
}

bool SimulatedFilesystem::breaks_sync(std::string_view written) const {
  return !sync_fails_after_.empty() && written.find(sync_fails_after_) != std::string_view::npos;
}

std::uint64_t SimulatedFilesystem::calls() const {
  MutexLock guard(mutex_);
  return calls_;
}

bool SimulatedFilesystem::fault_happened() const {
  MutexLock guard(mutex_);
  return fault_happened_;
}

void SimulatedFilesystem::set_capacity(std::optional<std::uint64_t> bytes) {
  MutexLock guard(mutex_);
  capacity_ = bytes;
}

std::uint64_t SimulatedFilesystem::used_bytes() const {
  MutexLock guard(mutex_);
  return used_;
}

void SimulatedFilesystem::mark(std::uint64_t value) {
  MutexLock guard(mutex_);
  add_event({.kind = Event::Kind::mark, .offset = value});
}

std::vector<Event> SimulatedFilesystem::take_events() {
  MutexLock guard(mutex_);
  return std::exchange(events_, {});
}

std::string SimulatedFilesystem::contents(const std::string& path) const {
  MutexLock guard(mutex_);
  const auto found = files_.find(path);
  return found == files_.end() ? std::string() : found->second->bytes;
}

void SimulatedFilesystem::set_contents(const std::string& path, std::string bytes) {
  MutexLock guard(mutex_);
  auto& node = files_[path];
  if (node == nullptr) node = std::make_shared<Node>(Node{.number = ++nodes_});
  used_ += bytes.size() - node->bytes.size();
  node->bytes = std::move(bytes);
}

void SimulatedFilesystem::flip_bit(const std::string& path, std::uint64_t bit) {
  MutexLock guard(mutex_);
  char& byte = files_.at(path)->bytes.at(static_cast<std::size_t>(bit / 8));
  byte = static_cast<char>(byte ^ (1 << (bit % 8)));
}

std::vector<std::string> SimulatedFilesystem::files_below(const std::string& directory) const {
  MutexLock guard(mutex_);
  std::vector<std::string> paths;
  for (const auto& [path, node] : files_) {
    if (path.starts_with(directory + "/")) paths.push_back(path);
  }
  return paths;
}

std::optional<Fault> SimulatedFilesystem::next_call() {
  if (++calls_ != failing_call_) return std::nullopt;
  fault_happened_ = true;
  return fault_;
}

Status SimulatedFilesystem::simple_call(const std::string& what, bool needs_room) {
  if (++calls_ != failing_call_) return {};
  if (fault_ == Fault::short_write || (fault_ == Fault::disk_full && !needs_room)) return {};
  fault_happened_ = true;
  return error_of(fault_, what);
}

bool SimulatedFilesystem::has_room(std::uint64_t old_size, std::uint64_t new_size) const {
  return !capacity_ || new_size <= old_size || used_ + (new_size - old_size) <= *capacity_;
}

void SimulatedFilesystem::add_event(Event event) {
  if (recording_) events_.push_back(std::move(event));
}

Result<std::unique_ptr<File>> SimulatedFilesystem::open(const std::string& path, OpenMode mode) {
  MutexLock guard(mutex_);
  if (Status status = simple_call("open " + path, mode == OpenMode::create); !status)
    return std::move(status).error();
  auto found = files_.find(path);
  if (mode == OpenMode::create) {
    if (found != files_.end())
      return Error{ErrorCode::already_exists, "open " + path + ": file exists"};
    if (!directories_.contains(directory_of(path)))
      return Error{ErrorCode::not_found, "open " + path + ": no directory"};
    found = files_.emplace(path, std::make_shared<Node>(Node{.number = ++nodes_})).first;
    add_event({.kind = Event::Kind::link, .file = found->second->number, .path = path});
  } else if (found == files_.end()) {
    return Error{ErrorCode::not_found, "open " + path + ": no such file"};
  }
  return std::unique_ptr<File>(std::make_unique<SimulatedFile>(*this, found->second, path));
}

Status SimulatedFilesystem::remove(const std::string& path) {
  MutexLock guard(mutex_);
  KIMDB_RETURN_IF_ERROR(simple_call("remove " + path, false));
  const auto found = files_.find(path);
  if (found == files_.end())
    return Error{ErrorCode::not_found, "remove " + path + ": no such file"};
  used_ -= found->second->bytes.size();
  found->second->linked = false;
  files_.erase(found);
  add_event({.kind = Event::Kind::unlink, .path = path});
  return {};
}

Status SimulatedFilesystem::rename(const std::string& from, const std::string& to) {
  MutexLock guard(mutex_);
  KIMDB_RETURN_IF_ERROR(simple_call("rename " + from, true));
  const auto found = files_.find(from);
  if (found == files_.end())
    return Error{ErrorCode::not_found, "rename " + from + ": no such file"};
  std::shared_ptr<Node> node = found->second;
  files_.erase(found);
  if (const auto old = files_.find(to); old != files_.end()) {
    used_ -= old->second->bytes.size();
    old->second->linked = false;
  }
  files_[to] = node;
  add_event({.kind = Event::Kind::link, .file = node->number, .path = to, .from = from});
  return {};
}

Result<bool> SimulatedFilesystem::exists(const std::string& path) {
  MutexLock guard(mutex_);
  if (Status status = simple_call("look at " + path, false); !status)
    return std::move(status).error();
  return files_.contains(path) || directories_.contains(path);
}

Result<std::vector<std::string>> SimulatedFilesystem::list(const std::string& directory) {
  MutexLock guard(mutex_);
  if (Status status = simple_call("list " + directory, false); !status)
    return std::move(status).error();
  if (!directories_.contains(directory))
    return Error{ErrorCode::not_found, "list " + directory + ": no directory"};
  std::vector<std::string> names;
  for (const auto& [path, node] : files_) {
    if (directory_of(path) == directory) names.push_back(path.substr(directory.size() + 1));
  }
  for (const std::string& path : directories_) {
    if (directory_of(path) == directory && path != directory)
      names.push_back(path.substr(directory.size() + 1));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status SimulatedFilesystem::make_directories(const std::string& directory) {
  MutexLock guard(mutex_);
  KIMDB_RETURN_IF_ERROR(simple_call("make the directory " + directory, true));
  for (std::string path = directory; !path.empty(); path = directory_of(path)) {
    directories_.insert(path);
    if (path.find('/') == std::string::npos) break;
  }
  return {};
}

Status SimulatedFilesystem::sync_directory(const std::string& directory) {
  MutexLock guard(mutex_);
  KIMDB_RETURN_IF_ERROR(simple_call("sync the directory " + directory, true));
  add_event({.kind = Event::Kind::sync_directory, .path = directory});
  return {};
}

Result<std::uint64_t> SimulatedFilesystem::free_bytes(const std::string& directory) {
  MutexLock guard(mutex_);
  if (Status status = simple_call("look at " + directory, false); !status)
    return std::move(status).error();
  if (!capacity_) return std::uint64_t{1} << 40;
  return *capacity_ > used_ ? *capacity_ - used_ : 0;
}

Result<std::unique_ptr<FileLock>> SimulatedFilesystem::lock(const std::string& path,
                                                            std::string_view holder) {
  MutexLock guard(mutex_);
  if (Status status = simple_call("lock " + path, true); !status) return std::move(status).error();
  const auto [entry, taken] = locks_.emplace(path, holder);
  if (!taken)
    return Error{ErrorCode::unavailable,
                 path + " is held by another process (" + entry->second + ")"};
  return std::unique_ptr<FileLock>(std::make_unique<SimulatedLock>(*this, path));
}

// --- crash states ---

bool CrashStates::advance() {
  if (next_ == events_.size()) return false;
  const std::size_t index = next_++;
  const Event& event = events_[index];
  switch (event.kind) {
    case Event::Kind::write:
    case Event::Kind::resize:
      pending_data_[event.file].push_back(index);
      break;
    case Event::Kind::sync:
      settle(event.file);
      break;
    case Event::Kind::sync_failed: {
      // What the kernel could not write it forgets: each write is on the disk or never will be.
      std::string bytes = contents_.contains(event.file) ? *contents_[event.file] : std::string();
      for (const std::size_t pending : pending_data_[event.file]) {
        if (random_.below(2) == 0) apply_torn(bytes, events_[pending]);
      }
      contents_[event.file] = std::make_shared<const std::string>(std::move(bytes));
      pending_data_.erase(event.file);
      break;
    }
    case Event::Kind::link:
    case Event::Kind::unlink:
      pending_names_.push_back(index);
      break;
    case Event::Kind::sync_directory: {
      std::vector<std::size_t> others;
      for (const std::size_t pending : pending_names_) {
        const Event& operation = events_[pending];
        if (directory_of(operation.path) != event.path) {
          others.push_back(pending);
          continue;
        }
        if (!operation.from.empty()) names_.erase(operation.from);
        names_.erase(operation.path);
        if (operation.kind == Event::Kind::link) names_[operation.path] = operation.file;
      }
      pending_names_ = std::move(others);
      break;
    }
    case Event::Kind::mark:
      mark_ = std::max(mark_, event.offset);
      break;
  }
  return true;
}

std::size_t CrashStates::pending() const {
  std::size_t count = pending_names_.size();
  for (const auto& [file, events] : pending_data_) count += events.size();
  return count;
}

CrashStates::State CrashStates::make() {
  // Of 8 chances to be kept; the extremes are states as well.
  const std::uint64_t keep = random_.below(9);
  const auto kept = [&] { return random_.below(8) < keep; };
  // A journal keeps the order of directory operations; nothing promises that there is one.
  const std::size_t in_order =
      random_.below(2) == 0 ? random_.below(pending_names_.size() + 1) : SIZE_MAX;

  std::map<std::string, std::uint64_t> names = names_;
  for (std::size_t i = 0; i < pending_names_.size(); ++i) {
    if (in_order != SIZE_MAX ? i >= in_order : !kept()) continue;
    const Event& operation = events_[pending_names_[i]];
    if (!operation.from.empty()) names.erase(operation.from);
    names.erase(operation.path);
    if (operation.kind == Event::Kind::link) names[operation.path] = operation.file;
  }

  State state;
  state.mark = mark_;
  std::map<std::string, Bytes> files;
  static const Bytes kEmpty = std::make_shared<const std::string>();
  for (const auto& [path, file] : names) {
    const auto durable = contents_.find(file);
    Bytes bytes = durable == contents_.end() ? kEmpty : durable->second;
    std::uint64_t fingerprint = 0;
    if (const auto pending = pending_data_.find(file); pending != pending_data_.end()) {
      std::string changed = *bytes;
      for (const std::size_t index : pending->second) {
        if (!kept()) continue;
        if (random_.below(3) == 0) {
          apply_torn(changed, events_[index]);
        } else {
          apply(changed, events_[index]);
        }
      }
      bytes = std::make_shared<const std::string>(std::move(changed));
      fingerprint = XXH3_64bits(bytes->data(), bytes->size());
    } else {
      auto& known = fingerprints_[bytes.get()];
      if (known.first == nullptr) known = {bytes, XXH3_64bits(bytes->data(), bytes->size())};
      fingerprint = known.second;
    }
    state.fingerprint =
        XXH3_64bits_withSeed(path.data(), path.size(), state.fingerprint ^ fingerprint);
    files[path] = std::move(bytes);
  }
  state.filesystem = std::make_unique<SimulatedFilesystem>(files, directories_);
  return state;
}

void CrashStates::apply(std::string& bytes, const Event& event) {
  if (event.kind == Event::Kind::resize) {
    bytes.resize(static_cast<std::size_t>(event.offset), '\0');
    return;
  }
  const auto offset = static_cast<std::size_t>(event.offset);
  if (bytes.size() < offset + event.bytes.size()) bytes.resize(offset + event.bytes.size(), '\0');
  event.bytes.copy(bytes.data() + offset, event.bytes.size());
}

void CrashStates::apply_torn(std::string& bytes, const Event& event) {
  if (event.kind == Event::Kind::resize) return apply(bytes, event);
  constexpr std::size_t kSector = 512;
  const std::size_t end = static_cast<std::size_t>(event.offset) + event.bytes.size();
  for (auto at = static_cast<std::size_t>(event.offset); at < end;) {
    const std::size_t sector_end = std::min(end, (at / kSector + 1) * kSector);
    if (random_.below(2) == 0) {
      if (bytes.size() < sector_end) bytes.resize(sector_end, '\0');
      std::memcpy(bytes.data() + at,
                  event.bytes.data() + (at - static_cast<std::size_t>(event.offset)),
                  sector_end - at);
    }
    at = sector_end;
  }
}

void CrashStates::settle(std::uint64_t file) {
  const auto pending = pending_data_.find(file);
  if (pending == pending_data_.end()) return;
  auto& durable = contents_[file];
  fingerprints_.erase(durable.get());
  std::string bytes = durable == nullptr ? std::string() : *durable;
  for (const std::size_t index : pending->second) apply(bytes, events_[index]);
  durable = std::make_shared<const std::string>(std::move(bytes));
  pending_data_.erase(pending);
}

}  // namespace kimdb::support
