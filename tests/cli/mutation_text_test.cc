#include "cli/mutation_text.h"

#include <doctest/doctest.h>

#include <string>

#include "engine/mutation.h"

namespace kimdb::cli {
namespace {

using engine::Operation;
using engine::OperationKind;

std::string encoded(const Operation& operation) {
  std::string bytes;
  engine::append_encoded(bytes, operation);
  return bytes;
}

TEST_CASE("each operation of a record is a line of its own") {
  const std::string record = encoded({.kind = OperationKind::put,
                                      .keyspace = 3,
                                      .replaces = 7,
                                      .expires_at = 99,
                                      .key = "a",
                                      .value = "two words"}) +
                             encoded({.kind = OperationKind::remove,
                                      .reason = engine::RemoveReason::expired,
                                      .replaces = engine::kOwnRecord,
                                      .key = "a\n"});
  CHECK(mutation_text(record) ==
        "put keyspace=3 key=a value=\"two words\" expires_at=99 replaces=7\n"
        "remove keyspace=0 key=\"a\\n\" reason=expired replaces=own");
}

TEST_CASE("every kind of operation has a line") {
  CHECK(mutation_text(encoded({.kind = OperationKind::set_expiry, .key = "k"})) ==
        "set_expiry keyspace=0 key=k expires_at=never");
  CHECK(mutation_text(
            encoded({.kind = OperationKind::write_range, .number = 5, .key = "k", .value = "v"})) ==
        "write_range keyspace=0 key=k offset=5 bytes=v");
  CHECK(mutation_text(encoded({.kind = OperationKind::flush,
                               .keyspace = engine::kEveryKeyspace})) == "flush keyspace=all");
  CHECK(mutation_text(
            encoded({.kind = OperationKind::request, .number = 9, .key = "c", .value = "OK"})) ==
        "request client=c sequence=9 result=\"OK\"");
  CHECK(mutation_text(encoded({.kind = OperationKind::forget, .key = "c"})) == "forget client=c");
  CHECK(mutation_text(encoded({.kind = OperationKind::dropped, .number = 4, .key = "c"})) ==
        "dropped client=c sequence=4");
}

TEST_CASE("what is no key of SELECT's is shown with the name of its keyspace") {
  std::string shown;
  for (int keyspace = engine::kKeyKeyspaces - 1; keyspace < engine::kKeyspaces; ++keyspace)
    shown += mutation_text(encoded({.kind = OperationKind::put,
                                    .keyspace = static_cast<std::uint8_t>(keyspace),
                                    .key = "k"})) +
             "\n";
  CHECK(shown ==
        "put keyspace=15 key=k value=\"\"\n"
        "put keyspace=documents key=k value=\"\"\n"
        "put keyspace=indexes key=k value=\"\"\n"
        "put keyspace=schemas key=k value=\"\"\n"
        "put keyspace=rows key=k value=\"\"\n"
        "put keyspace=counters key=k value=\"\"\n");
}

TEST_CASE("long values are cut, and their length is said") {
  const std::string value(500, 'v');
  CHECK(mutation_text(encoded({.kind = OperationKind::put, .key = "k", .value = value}), 4) ==
        "put keyspace=0 key=k value=vvvv… (500 bytes)");
}

TEST_CASE("what does not decode is said to be malformed, behind what did") {
  const std::string good = encoded({.kind = OperationKind::forget, .key = "c"});
  CHECK(mutation_text(good + "\x7f").starts_with("forget client=c\nmalformed: "));
  CHECK(mutation_text(good.substr(0, good.size() - 1)).starts_with("malformed: "));
}

}  // namespace
}  // namespace kimdb::cli
