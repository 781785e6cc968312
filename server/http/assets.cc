#include "server/http/assets.h"

// The assembler takes the file as it is, from the root of the sources, where the compiler runs.
#define EMBED(name, file)                                                        \
  asm(".section .rodata\n.global " #name "_begin\n.global " #name "_end\n" #name \
      "_begin:\n.incbin \"" file "\"\n" #name                                    \
      "_end:\n.byte 0\n"                                                         \
      ".previous\n");                                                            \
  extern "C" const char name##_begin[]; /* NOLINT(modernize-avoid-c-arrays) */   \
  extern "C" const char name##_end[];   /* NOLINT(modernize-avoid-c-arrays) */

EMBED(kimdb_openapi, "server/http/openapi.yaml")
EMBED(kimdb_docs, "server/http/docs.html")

namespace kimdb::server {

std::string_view openapi_yaml() { return {kimdb_openapi_begin, kimdb_openapi_end}; }
std::string_view docs_html() { return {kimdb_docs_begin, kimdb_docs_end}; }

}  // namespace kimdb::server
