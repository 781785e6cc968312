#include "engine/schema.h"

#include <doctest/doctest.h>

#include <string>

namespace kimdb::engine {

namespace {

TableSchema users() {
  TableSchema schema{.name = "Users",
                     .number = 7,
                     .columns = {{.name = "id", .type = ColumnType::integer, .not_null = true},
                                 {.name = "name", .length_max = 100, .not_null = true},
                                 {.name = "gone", .type = ColumnType::json, .dropped = true},
                                 {.name = "age",
                                  .type = ColumnType::decimal,
                                  .precision = 10,
                                  .scale = 2,
                                  .default_sql = "1 + 1",
                                  .missing_sql = "'\"'"}},
                     .primary_key = {0},
                     .auto_increment = true};
  schema.indexes = {{.name = "by_age",
                     .columns = {3, 1},
                     .descending = {true, false},
                     .unique = true,
                     .hash = false}};
  schema.foreign_keys = {{.columns = {3}, .table = "ages", .referenced = {"age"}}};
  schema.checks = {{.name = "", .sql = "age > 0"}};
  return schema;
}

}  // namespace

TEST_CASE("a schema is read as it was written") {
  const auto read = read_schema(encode_schema(users()));
  REQUIRE_MESSAGE(read, read.error().message);
  CHECK(*read == users());
  const TableSchema least{.name = "t", .columns = {{.name = "a"}}};
  CHECK(encode_schema(least) == R"({"name":"t","columns":[{"name":"a","type":"TEXT"}]})");
  CHECK(*read_schema(encode_schema(least)) == least);
}

TEST_CASE("what is no schema is damaged, or a newer version's") {
  for (const char* damaged :
       {"", "[]", "{}", R"({"name":"t"})", R"({"name":"t","columns":[]})",
        R"({"name":"t","columns":[1]})", R"({"name":"t","columns":[{"name":"a"}]})",
        R"({"name":"t","columns":[{"name":"a","type":"INT8"}]})",
        R"({"name":1,"columns":[{"name":"a","type":"INT"}]})",
        R"({"name":"t","columns":[{"name":"a","type":"INT"}],"primary_key":[1]})",
        R"({"name":"t","columns":[{"name":"a","type":"INT"}],"primary_key":[-1]})",
        R"({"name":"t","columns":[{"name":"a","type":"DECIMAL","precision":2,"scale":3}]})",
        R"({"name":"t","columns":[{"name":"a","type":"INT"}],"indexes":[{"name":"i"}]})"}) {
    CAPTURE(damaged);
    const auto read = read_schema(damaged);
    REQUIRE(!read);
    CHECK(read.error().code == ErrorCode::corrupt);
  }
  for (const char* newer :
       {R"({"name":"t","columns":[{"name":"a","type":"INT"}],"partitioned_by":"a"})",
        R"({"name":"t","columns":[{"name":"a","type":"INT","generated":"1"}]})"}) {
    CAPTURE(newer);
    const auto read = read_schema(newer);
    REQUIRE(!read);
    CHECK(read.error().code == ErrorCode::unsupported);
  }
}

TEST_CASE("columns are found whatever the case of their names, dropped ones never") {
  const TableSchema schema = users();
  CHECK(schema.find_column("NAME") == 1);
  CHECK(!schema.find_column("gone"));
  CHECK(!schema.find_column("nam"));
  CHECK(schema_key("Users") == "users");
}

TEST_CASE("names are text without control characters") {
  for (const char* name : {"a", "A_1", "kimdb_wal", "1a", "a-b", "a b", "사용자", "a\"b'c"})
    CHECK(is_sql_name(name));
  for (const std::string& name : {std::string(), std::string("a\nb"), std::string("a\0b", 3),
                                  std::string("\x7f"), std::string("\xff"), std::string(129, 'a')})
    CHECK_FALSE(is_sql_name(name));
}

}  // namespace kimdb::engine
