#include "cli/catalog.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace kimdb::cli {
namespace {

using protocol::Value;
using Type = Value::Type;

Value text(std::string bytes) { return {.type = Type::bulk, .string = std::move(bytes)}; }
Value number(std::int64_t value) { return {.type = Type::integer, .integer = value}; }
Value list(std::vector<Value> elements, Type type = Type::array) {
  return {.type = type, .elements = std::move(elements)};
}
Value map(std::vector<Value> elements) { return list(std::move(elements), Type::map); }

TEST_CASE("the syntax field of COMMAND DOCS and the keys of COMMAND are taken") {
  const auto catalog = CommandCatalog::from_replies(
      map({text("get"), map({text("summary"), text("The value."), text("group"), text("keys"),
                             text("syntax"), text("key")})}),
      list({list({text("get"), number(2), list({}), number(1), number(1), number(1)})}));
  const CommandDoc* get = catalog.find("Get");
  REQUIRE(get != nullptr);
  CHECK(get->name == "GET");
  CHECK(get->summary == "The value.");
  CHECK(get->syntax == "key");
  CHECK(is_key_position(get->keys, 1));
  CHECK(!is_key_position(get->keys, 2));
}

TEST_CASE("without a syntax field the arguments are written as one, as Redis gives them") {
  const Value optional = list({text("optional")}, Type::set);
  const auto argument = [&](std::string name, std::string type, std::vector<Value> more = {}) {
    std::vector<Value> members{text("name"), text(std::move(name)), text("type"),
                               text(std::move(type))};
    members.insert(members.end(), more.begin(), more.end());
    return map(std::move(members));
  };
  const Value arguments =
      list({argument("key", "key"),
            argument("condition", "oneof",
                     {text("flags"), optional, text("arguments"),
                      list({argument("nx", "pure-token", {text("token"), text("NX")}),
                            argument("xx", "pure-token", {text("token"), text("XX")})})}),
            argument("count", "integer", {text("token"), text("COUNT"), text("flags"), optional}),
            argument("field", "string", {text("flags"), list({text("multiple")}, Type::set)})});
  const auto catalog =
      CommandCatalog::from_replies(map({text("x"), map({text("arguments"), arguments})}), Value{});
  REQUIRE(catalog.find("x") != nullptr);
  CHECK(catalog.find("x")->syntax == "key [NX | XX] [COUNT count] field [field ...]");
}

TEST_CASE("subcommands are commands of two words") {
  const auto catalog = CommandCatalog::from_replies(
      map({text("config"),
           map({text("summary"), text("The configuration."), text("group"), text("server"),
                text("subcommands"),
                map({text("config|get"), map({text("summary"), text("Settings."), text("syntax"),
                                              text("pattern")})})})}),
      Value{});
  REQUIRE(catalog.find("config get") != nullptr);
  CHECK(catalog.find("config get")->group == "server");
  CHECK(help_text(catalog, "config") ==
        "CONFIG\n  The configuration.\n  group: server\nCONFIG GET pattern\n  Settings.");
}

TEST_CASE("a server that tells nothing leaves the catalog empty") {
  const Value error{.type = Type::error, .string = "NOAUTH"};
  CHECK(CommandCatalog::from_replies(error, error).empty());
  CHECK(CommandCatalog::from_replies(list({}), list({})).empty());
}

TEST_CASE("key positions reach to the end in steps") {
  const KeyPositions every_second{.first = 1, .last = -1, .step = 2};
  CHECK(is_key_position(every_second, 1));
  CHECK(!is_key_position(every_second, 2));
  CHECK(is_key_position(every_second, 7));
  CHECK(!is_key_position(KeyPositions{}, 1));
}

}  // namespace
}  // namespace kimdb::cli
