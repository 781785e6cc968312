// KIMDB_CHECK(condition): an invariant whose break would damage data. On in every build.
//
// Bad input never reaches one; it gets an Error (base/result.h). Hot paths use assert.
#pragma once

namespace kimdb {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace kimdb

#define KIMDB_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::kimdb::check_failed(#condition, __FILE__, __LINE__))
