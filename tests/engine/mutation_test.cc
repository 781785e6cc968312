#include "engine/mutation.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine {

namespace {

bool operator_equal(const Operation& a, const Operation& b) {
  return a.kind == b.kind && a.keyspace == b.keyspace && a.reason == b.reason &&
         a.replaces == b.replaces && a.expires_at == b.expires_at && a.number == b.number &&
         a.key == b.key && a.value == b.value;
}

const std::string kLong(300, 'x');
const std::array<Operation, 10> kEveryKind = {{
    {.kind = OperationKind::put,
     .keyspace = 15,
     .replaces = 7,
     .expires_at = 1790000000000,
     .key = "key",
     .value = kLong},
    {.kind = OperationKind::put, .replaces = kOwnRecord, .key = "", .value = ""},
    {.kind = OperationKind::remove,
     .keyspace = 1,
     .reason = RemoveReason::evicted,
     .replaces = 300,
     .key = kLong},
    {.kind = OperationKind::set_expiry, .replaces = 1, .expires_at = INT64_MAX, .key = "k"},
    {.kind = OperationKind::write_range,
     .replaces = 0,
     .number = kValueBytesMax - 3,
     .key = "k",
     .value = "abc"},
    {.kind = OperationKind::flush, .keyspace = 3},
    {.kind = OperationKind::flush, .keyspace = kEveryKeyspace},
    {.kind = OperationKind::request, .number = ~std::uint64_t{0}, .key = "client", .value = "+OK"},
    {.kind = OperationKind::forget, .key = "client"},
    {.kind = OperationKind::dropped, .number = 128, .key = "client"},
}};

}  // namespace

TEST_CASE("every kind of operation is read back as it was written") {
  std::string record;
  for (const Operation& operation : kEveryKind) {
    const std::size_t before = record.size();
    append_encoded(record, operation);
    CHECK(record.size() - before == encoded_size(operation));
  }
  std::string_view rest = record;
  for (const Operation& operation : kEveryKind) {
    const auto read = take_operation(rest);
    REQUIRE(read.has_value());
    CHECK(operator_equal(*read, operation));
  }
  CHECK(rest.empty());
}

TEST_CASE("an operation that is cut short is an error at every length") {
  for (const Operation& operation : kEveryKind) {
    std::string record;
    append_encoded(record, operation);
    for (std::size_t size = 0; size < record.size(); ++size) {
      std::string_view cut(record.data(), size);
      CAPTURE(size);
      CHECK_FALSE(take_operation(cut).has_value());
    }
  }
}

TEST_CASE("what no server wrote is refused: keyspaces, reasons, times and ranges out of bounds") {
  const auto code_of = [](const std::string& record) {
    std::string_view rest = record;
    const auto read = take_operation(rest);
    REQUIRE_FALSE(read.has_value());
    return read.error().code;
  };
  using namespace std::string_literals;
  CHECK(code_of("\x09"s) == ErrorCode::unsupported);
  CHECK(code_of("\x00"s) == ErrorCode::unsupported);
  CHECK(code_of("\x05\x10"s) == ErrorCode::corrupt);                    // flush: keyspace 16
  CHECK(code_of("\x01\x15\x00\x00\x01k\x01v"s) == ErrorCode::corrupt);  // keyspace 21
  CHECK(code_of("\x01\x10\x00\x01\x01k\x01v"s) == ErrorCode::corrupt);  // a document that expires
  CHECK(code_of("\x03\x10\x00\x00\x01k"s) == ErrorCode::corrupt);
  CHECK(code_of("\x04\x10\x00\x00\x01k\x01x"s) == ErrorCode::corrupt);
  CHECK(code_of("\x01\xff\x00\x00\x00\x00"s) == ErrorCode::corrupt);  // every keyspace: flush only
  CHECK(code_of("\x02\x00\x00\x03\x01k"s) == ErrorCode::corrupt);     // reason 3
  CHECK(code_of("\x03\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01k"s) ==
        ErrorCode::corrupt);  // a time past 2^63
  CHECK(code_of("\x04\x00\x00\xff\xff\xff\xff\x0f\x01k\x01x"s) ==
        ErrorCode::corrupt);  // a range that ends past what a value may be
}

TEST_CASE("random bytes are read as operations or refused, never past their end") {
  SeededRandom random(support::test_seed("random bytes are read as operations or refused"));
  const support::TestDeadline deadline(2);
  std::string good;
  for (const Operation& operation : kEveryKind) append_encoded(good, operation);
  while (!deadline.passed()) {
    for (int round = 0; round < 1000; ++round) {
      // Exactly as large as its content, so that a sanitizer sees the first byte past it.
      std::vector<char> bytes(1 + random.below(100));
      for (char& byte : bytes) byte = static_cast<char>(random.next());
      if (random.below(2) == 0) {  // damaged rather than random
        bytes.assign(good.begin(), good.end());
        for (auto i = 1 + random.below(4); i > 0; --i)
          bytes[random.below(bytes.size())] = static_cast<char>(random.next());
      }
      std::string_view rest(bytes.data(), bytes.size());
      while (!rest.empty()) {
        const std::size_t before = rest.size();
        const auto read = take_operation(rest);
        if (!read) break;
        REQUIRE(rest.size() < before);
        std::string again;
        append_encoded(again, *read);
        std::string_view view = again;
        const auto reread = take_operation(view);
        REQUIRE(reread.has_value());
        REQUIRE(operator_equal(*reread, *read));
      }
    }
  }
}

}  // namespace kimdb::engine
