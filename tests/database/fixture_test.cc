// Data directories that earlier versions wrote: a release opens the data of every earlier one.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temporary_directory.h"
#include "tests/support/test_db.h"

namespace kimdb::database {
namespace {

using support::TemporaryDirectory;
using support::TestDb;

struct Answer {
  std::string question;
  std::string expected;
};

// "> question", then the lines of its answer.
std::vector<Answer> read_answers(const std::string& path) {
  std::ifstream file(path);
  REQUIRE(file);
  std::vector<Answer> answers;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("> ")) {
      answers.push_back({line.substr(2), ""});
    } else {
      std::string& expected = answers.back().expected;
      expected += (expected.empty() ? "" : "\n") + line;
    }
  }
  return answers;
}

void check_fixture(const std::string& version, const std::string& name) {
  const std::string fixture = "tests/fixtures/" + version + "/" + name;
  const TemporaryDirectory copy;
  std::filesystem::copy(fixture, copy.path() + "/data", std::filesystem::copy_options::recursive);
  DatabaseOptions options = TestDb::with_log(copy.path() + "/data");
  options.partitions = 16;  // was 8: where a key lies is no part of the format
  std::string digest;
  for (int round = 0; round < 2; ++round) {  // the second time as this version wrote it
    TestDb db(options);
    char hex[32];
    std::snprintf(hex, sizeof hex, "%016llx",
                  static_cast<unsigned long long>(db.database().engine().digest()));
    for (const Answer& answer : read_answers(fixture + ".answers")) {
      CAPTURE(answer.question);
      if (answer.question == "DEBUG DIGEST")
        CHECK(hex == answer.expected);
      else
        CHECK(db.run(answer.question) == answer.expected);
    }
    REQUIRE(db.database().close(true));
  }
}

}  // namespace

TEST_CASE("a data directory of 0.1.0 opens with the digest and the answers that it had") {
  SUBCASE("snapshots, and the log after them") { check_fixture("0.1.0", "data"); }
  SUBCASE("the log alone") { check_fixture("0.1.0", "log-only"); }
}

}  // namespace kimdb::database
