// The ledger that kill_test trusts sees a loss and an invention.
#include "tests/support/ledger.h"

#include <doctest/doctest.h>

namespace kimdb::support {

TEST_CASE("a ledger accepts any state between the last promise and the last write sent") {
  LedgerKey key("k");
  const auto first = key.put();
  key.promised(first);
  const auto second = key.put();
  key.put();
  CHECK(key.settle(ledger_value("k", second)) == "");
}

TEST_CASE("a ledger sees the loss of a promised write") {
  LedgerKey key("k");
  const auto first = key.put();
  key.promised(key.put());
  CHECK(key.settle(ledger_value("k", first)) != "");
  CHECK(key.settle(std::nullopt) != "");
}

TEST_CASE("a ledger sees a removed value come back") {
  LedgerKey key("k");
  const auto first = key.put();
  key.promised(key.remove());
  CHECK(key.settle(ledger_value("k", first)) != "");
}

TEST_CASE("a ledger sees a write come back that was lost in an earlier crash") {
  LedgerKey key("k");
  const auto first = key.put();
  key.promised(first);
  const auto lost = key.put();
  REQUIRE(key.settle(ledger_value("k", first)) == "");
  CHECK(key.settle(ledger_value("k", lost)) != "");
}

TEST_CASE("a ledger sees values that nobody wrote") {
  LedgerKey key("k");
  key.put();
  CHECK(key.settle("garbage") != "");
  CHECK(key.settle(ledger_value("k", 2)) != "");  // never sent
  std::string torn = ledger_value("k", 1);
  torn.back() = static_cast<char>(torn.back() + 1);
  CHECK(key.settle(torn) != "");
}

}  // namespace kimdb::support
