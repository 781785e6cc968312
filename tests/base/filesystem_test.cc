#include "base/filesystem.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/posix_filesystem.h"
#include "tests/support/temporary_directory.h"

namespace kimdb {
namespace {

struct Fixture {
  support::TemporaryDirectory directory;
  PosixFilesystem filesystem;
  std::string path(const std::string& name) const { return directory.path() + "/" + name; }
};

// Writes at most three bytes a call.
class ShortFile final : public File {
 public:
  Result<std::size_t> read_at(std::uint64_t, char*, std::size_t) override { return std::size_t{0}; }
  Result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) override {
    const std::size_t n = std::min<std::size_t>(3, bytes.size());
    if (contents.size() < offset + n) contents.resize(offset + n, '.');
    contents.replace(offset, n, bytes.substr(0, n));
    return n;
  }
  Status sync() override { return {}; }
  Status truncate(std::uint64_t) override { return {}; }
  Status allocate(std::uint64_t) override { return {}; }
  Result<std::uint64_t> size() override { return std::uint64_t{contents.size()}; }
  std::string contents;
};

TEST_CASE("a file is written in pieces, read back, cut and measured") {
  Fixture fixture;
  auto file = fixture.filesystem.open(fixture.path("a"), Filesystem::OpenMode::create);
  REQUIRE(file);
  const std::string_view pieces[] = {"one", "", "two", "three"};
  REQUIRE(write_all(**file, 4, pieces));
  CHECK(read_exactly(**file, 4, 11).value() == "onetwothree");
  CHECK(read_exactly(**file, 0, 4).value() == std::string(4, '\0'));
  CHECK(read_exactly(**file, 4, 12).error().code == ErrorCode::corrupt);
  REQUIRE((*file)->truncate(7));
  CHECK((*file)->size().value() == 7);
  REQUIRE((*file)->allocate(100));
  CHECK((*file)->size().value() == 100);
  CHECK((*file)->sync());
}

TEST_CASE("short writes are continued, within a piece and across pieces") {
  ShortFile file;
  const std::string_view pieces[] = {"ab", "cdefgh", "", "ij"};
  REQUIRE(write_all(file, 1, pieces));
  CHECK(file.contents == ".abcdefghij");
}

TEST_CASE("opening says what is missing and what is there already") {
  Fixture fixture;
  CHECK(fixture.filesystem.open(fixture.path("a"), Filesystem::OpenMode::read).error().code ==
        ErrorCode::not_found);
  REQUIRE(write_new_file(fixture.filesystem, fixture.path("a"), "text"));
  const Status again = write_new_file(fixture.filesystem, fixture.path("a"), "text");
  CHECK(again.error().code == ErrorCode::already_exists);
  CHECK(again.error().message.find(fixture.path("a")) != std::string::npos);
  CHECK(read_file(fixture.filesystem, fixture.path("a"), 4).value() == "text");
  CHECK(read_file(fixture.filesystem, fixture.path("a"), 3).error().code == ErrorCode::too_large);
}

TEST_CASE("names are listed sorted, renamed and removed") {
  Fixture fixture;
  auto& filesystem = fixture.filesystem;
  REQUIRE(filesystem.make_directories(fixture.path("x/y")));
  REQUIRE(filesystem.make_directories(fixture.path("x/y")));
  REQUIRE(write_new_file(filesystem, fixture.path("x/b"), ""));
  REQUIRE(write_new_file(filesystem, fixture.path("x/a"), ""));
  CHECK(filesystem.list(fixture.path("x")).value() == std::vector<std::string>{"a", "b", "y"});
  REQUIRE(filesystem.rename(fixture.path("x/a"), fixture.path("x/c")));
  CHECK(filesystem.exists(fixture.path("x/a")).value() == false);
  CHECK(filesystem.exists(fixture.path("x/c")).value() == true);
  REQUIRE(filesystem.sync_directory(fixture.path("x")));
  REQUIRE(remove_if_exists(filesystem, fixture.path("x/c")));
  REQUIRE(remove_if_exists(filesystem, fixture.path("x/c")));
  CHECK(filesystem.remove(fixture.path("x/c")).error().code == ErrorCode::not_found);
  CHECK(filesystem.make_directories(fixture.path("x/b/z")).has_value() == false);
  CHECK(filesystem.free_bytes(fixture.directory.path()).value() > 0);
}

TEST_CASE("a second holder of a lock is refused and told who holds it") {
  Fixture fixture;
  auto first = fixture.filesystem.lock(fixture.path("LOCK"), "pid 4711 of the first");
  REQUIRE(first);
  auto second = fixture.filesystem.lock(fixture.path("LOCK"), "pid 2");
  REQUIRE(!second);
  CHECK(second.error().code == ErrorCode::unavailable);
  CHECK(second.error().message.find("pid 4711 of the first") != std::string::npos);
  first->reset();
  CHECK(fixture.filesystem.lock(fixture.path("LOCK"), "pid 2"));
}

}  // namespace
}  // namespace kimdb
