#include "base/posix_filesystem.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace kimdb {
namespace {

ErrorCode code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::disk_full;
    case ENOENT:
      return ErrorCode::not_found;
    case EEXIST:
      return ErrorCode::already_exists;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::permission_denied;
    case EFBIG:
      return ErrorCode::too_large;
    default:
      return ErrorCode::io_error;
  }
}

Error failed(const char* what, const std::string& path, int error) {
  std::array<char, 128> text{};
  return Error{code_of(error), std::string("cannot ") + what + " " + path + ": " +
                                   strerror_r(error, text.data(), text.size())};
}

// A file descriptor with the path that errors name.
class Descriptor {
 public:
  Descriptor(int number, std::string path) : number_(number), path_(std::move(path)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept
      : number_(std::exchange(other.number_, -1)), path_(std::move(other.path_)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  int number() const { return number_; }
  const std::string& path() const { return path_; }
  Error failed(const char* what) const { return kimdb::failed(what, path_, errno); }

 private:
  int number_;
  std::string path_;
};

Result<Descriptor> open_descriptor(const std::string& path, int flags) {
  int number;
  do {
    number = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
  } while (number < 0 && errno == EINTR);
  if (number < 0) return failed("open", path, errno);
  return Descriptor(number, path);
}

class PosixFile final : public File {
 public:
  explicit PosixFile(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t size) override {
    std::size_t total = 0;
    while (total < size) {
      const ssize_t n = ::pread(descriptor_.number(), out + total, size - total,
                                static_cast<off_t>(offset + total));
      if (n < 0) {
        if (errno == EINTR) continue;
        return descriptor_.failed("read");
      }
      if (n == 0) break;
      total += static_cast<std::size_t>(n);
    }
    return total;
  }

  Result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) override {
    return write_pieces_at(offset, std::span(&bytes, 1));
  }

  Result<std::size_t> write_pieces_at(std::uint64_t offset,
                                      std::span<const std::string_view> pieces) override {
    std::array<iovec, 64> vectors;
    const std::size_t count = std::min(pieces.size(), vectors.size());
    for (std::size_t i = 0; i < count; ++i) {
      vectors[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
    }
    for (;;) {
      const ssize_t n = ::pwritev(descriptor_.number(), vectors.data(), static_cast<int>(count),
                                  static_cast<off_t>(offset));
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) return descriptor_.failed("write");
    }
  }

  void forget_cached() override {
    ::posix_fadvise(descriptor_.number(), 0, 0, POSIX_FADV_DONTNEED);
  }
  Status sync() override {
    if (::fdatasync(descriptor_.number()) != 0) return descriptor_.failed("sync");
    return {};
  }

  Status truncate(std::uint64_t size) override {
    if (::ftruncate(descriptor_.number(), static_cast<off_t>(size)) != 0) {
      return descriptor_.failed("truncate");
    }
    return {};
  }

  Status allocate(std::uint64_t size) override {
    if (size == 0) return {};
    int error;  // posix_fallocate returns the error instead of setting errno
    do {
      error = ::posix_fallocate(descriptor_.number(), 0, static_cast<off_t>(size));
    } while (error == EINTR);
    if (error != 0) return failed("reserve room for", descriptor_.path(), error);
    return {};
  }

  Result<std::uint64_t> size() override {
    struct stat status;
    if (::fstat(descriptor_.number(), &status) != 0) return descriptor_.failed("look at");
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  Descriptor descriptor_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(std::unique_ptr<PosixFile> file) : file_(std::move(file)) {}

 private:
  std::unique_ptr<PosixFile> file_;  // closing it releases the lock
};

}  // namespace

Result<std::unique_ptr<File>> PosixFilesystem::open(const std::string& path, OpenMode mode) {
  const int flags = mode == OpenMode::read         ? O_RDONLY
                    : mode == OpenMode::read_write ? O_RDWR
                                                   : O_RDWR | O_CREAT | O_EXCL;
  auto descriptor = open_descriptor(path, flags);
  if (!descriptor) return std::move(descriptor).error();
  return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(*descriptor)));
}

Status PosixFilesystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return failed("remove", path, errno);
  return {};
}

Status PosixFilesystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return failed(("rename " + from + " to").c_str(), to, errno);
  return {};
}

Result<bool> PosixFilesystem::exists(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT) return false;
  return failed("look at", path, errno);
}

Result<std::vector<std::string>> PosixFilesystem::list(const std::string& directory) {
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return failed("list", directory, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(stream);
  if (error != 0) return failed("list", directory, error);
  std::sort(names.begin(), names.end());
  return names;
}

Status PosixFilesystem::make_directories(const std::string& directory) {
  for (std::size_t end = 1; end <= directory.size(); ++end) {
    if (end != directory.size() && directory[end] != '/') continue;
    const std::string part = directory.substr(0, end);
    if (::mkdir(part.c_str(), 0750) != 0) {
      const int error = errno;
      struct stat status;
      if (::stat(part.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) continue;
      return failed("make the directory", part, error);
    }
    const std::size_t slash = part.find_last_of('/', part.size() - 2);
    const std::string parent = slash == std::string::npos ? "."
                               : slash == 0               ? "/"
                                                          : part.substr(0, slash);
    KIMDB_RETURN_IF_ERROR(sync_directory(parent));
  }
  return {};
}

Status PosixFilesystem::sync_directory(const std::string& directory) {
  auto descriptor = open_descriptor(directory, O_RDONLY | O_DIRECTORY);
  if (!descriptor) return std::move(descriptor).error();
  if (::fsync(descriptor->number()) != 0) return descriptor->failed("sync the directory");
  return {};
}

Result<std::uint64_t> PosixFilesystem::free_bytes(const std::string& directory) {
  struct statvfs status;
  if (::statvfs(directory.c_str(), &status) != 0) return failed("look at", directory, errno);
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

Result<std::unique_ptr<FileLock>> PosixFilesystem::lock(const std::string& path,
                                                        std::string_view holder) {
  auto descriptor = open_descriptor(path, O_RDWR | O_CREAT);
  if (!descriptor) return std::move(descriptor).error();
  struct flock request {};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  if (::fcntl(descriptor->number(), F_OFD_SETLK, &request) != 0) {
    if (errno != EAGAIN && errno != EACCES) return descriptor->failed("lock");
    std::array<char, 256> text;
    const ssize_t n = ::pread(descriptor->number(), text.data(), text.size(), 0);
    std::string by(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!by.empty() && by.back() == '\n') by.pop_back();
    return Error{ErrorCode::unavailable,
                 path + " is held by another process (" + (by.empty() ? "unknown" : by) + ")"};
  }
  auto file = std::make_unique<PosixFile>(std::move(*descriptor));
  KIMDB_RETURN_IF_ERROR(file->truncate(0));
  KIMDB_RETURN_IF_ERROR(write_all(*file, 0, std::string(holder) + "\n"));
  return std::unique_ptr<FileLock>(std::make_unique<PosixFileLock>(std::move(file)));
}

}  // namespace kimdb
