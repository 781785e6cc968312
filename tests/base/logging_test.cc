#include "base/logging.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"

namespace kimdb {
namespace {

struct LogFile {
  support::TemporaryDirectory directory;
  std::string path = directory.path() + "/logs/kimdb.log";

  std::unique_ptr<Logger> open(LogLevel level = LogLevel::info,
                               LogFormat format = LogFormat::text) {
    auto logger = Logger::open({.level = level, .output = path, .format = format});
    REQUIRE(logger);
    return *std::move(logger);
  }
  std::vector<std::string> lines() const {
    std::istringstream text(support::file_text(path));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }
};

// With every digit a zero.
std::string shape_of(std::string line) {
  for (char& c : line) c = c >= '0' && c <= '9' ? '0' : c;
  return line;
}

TEST_CASE("a line has the time in UTC, the level and the message") {
  LogFile file;
  file.open()->info("listening on {} with {} threads", "127.0.0.1:3223", 2);
  REQUIRE(file.lines().size() == 1);
  CHECK(shape_of(file.lines()[0]) ==
        "0000-00-00T00:00:00.000Z info    listening on 000.0.0.0:0000 with 0 threads");
}

TEST_CASE("what a client sent can neither begin a line nor speak to the terminal") {
  LogFile file;
  file.open()->warning("key {}", "a\nb\x1b[2J\x7f\xff\xc3\xa4\xed\xa0\x80");
  REQUIRE(file.lines().size() == 1);
  const std::string message = file.lines()[0].substr(file.lines()[0].find("key "));
  CHECK(message ==
        "key a\\nb\\u001b[2J\\u007f\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("JSON lines escape quotes and backslashes") {
  LogFile file;
  file.open(LogLevel::info, LogFormat::json)->error("path \"C:\\x\"\t");
  REQUIRE(file.lines().size() == 1);
  const std::string line = file.lines()[0];
  CHECK(line.starts_with(R"({"time":"20)"));
  CHECK(line.ends_with(R"(Z","level":"error","message":"path \"C:\\x\"\u0009"})"));
}

TEST_CASE("lines below the level are not written, and the level can change at run time") {
  LogFile file;
  auto logger = file.open(LogLevel::warning);
  logger->info("one");
  CHECK_FALSE(logger->enabled(LogLevel::info));
  logger->set_level(LogLevel::debug);
  logger->debug("two");
  logger->set_level(LogLevel::off);
  logger->error("three");
  logger->close();
  REQUIRE(file.lines().size() == 1);
  CHECK(file.lines()[0].ends_with("debug   two"));
}

TEST_CASE("closing writes every line that was queued, from all threads in their order") {
  LogFile file;
  auto logger = file.open();
  constexpr int kThreads = 4;
  constexpr int kLines = 1000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kLines; ++i) logger->info("{} {}", t, i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  logger->close();
  logger->close();
  CHECK(logger->dropped() == 0);

  std::vector<int> next(kThreads, 0);
  for (const std::string& line : file.lines()) {
    std::istringstream words(line);
    std::string time, level;
    int thread = 0, number = 0;
    words >> time >> level >> thread >> number;
    CHECK(next.at(thread)++ == number);
  }
  CHECK(next == std::vector<int>(kThreads, kLines));
}

TEST_CASE("a file that has grown too large is renamed, and the oldest go") {
  LogFile file;
  auto logger = Logger::open({.output = file.path, .max_file_size = 1000, .max_files = 2});
  REQUIRE(logger);
  for (int i = 0; i < 100; ++i)
    (*logger)->info("line {} of a hundred, filled up to some length", i);
  (*logger)->close();
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(file.directory.path() + "/logs")) {
    CHECK(entry.file_size() <= 1000);
    ++files;
  }
  CHECK(files == 3);
  CHECK(file.lines().back().find("line 99 ") != std::string::npos);
}

TEST_CASE("an output that takes nothing stops nobody") {
  auto logger = Logger::open({.output = "/dev/full"});
  REQUIRE(logger);
  for (int i = 0; i < 100; ++i) (*logger)->info("line {}", i);
  (*logger)->close();
}

TEST_CASE("an output that cannot be opened is an error that names it") {
  const auto logger = Logger::open({.output = "/proc/kimdb.log"});
  REQUIRE_FALSE(logger);
  CHECK(logger.error().code == ErrorCode::io_error);
  CHECK(logger.error().message.starts_with("cannot log to /proc/kimdb.log: "));
}

}  // namespace
}  // namespace kimdb
