#!/bin/sh
# Installs a build: tools/install.sh BUILD DEST PREFIX VERSION. `make install` calls it.
#
# DEST is where the files go (DESTDIR and PREFIX joined), PREFIX where they will be found, which the files for pkg-config
# and CMake name. The client library is one archive: libkimdb_client.a holds client, protocol and base. Its headers keep
# their folders below include/kimdb, and the flags name that directory: #include "client/client.h".
set -eu
cd "$(dirname "$0")/.."
build=$1
dest=$2
prefix=$3
version=$4

main() {
  install -d "$dest/bin" "$dest/lib/pkgconfig" "$dest/lib/cmake/kimdb" "$dest/share/kimdb" "$dest/share/doc/kimdb"
  for binary in kimdb-server kimdb-cli; do install -m 755 "$build/bin/$binary" "$dest/bin/"; done
  client_library
  client_headers
  pkgconfig_file >"$dest/lib/pkgconfig/kimdb.pc"
  cmake_config >"$dest/lib/cmake/kimdb/kimdbConfig.cmake"
  cmake_version >"$dest/lib/cmake/kimdb/kimdbConfigVersion.cmake"
  for config in configs/*.yaml; do [ ! -f "$config" ] || install -m 644 "$config" "$dest/share/kimdb/"; done
  for text in README.md LICENSE CHANGELOG.md; do [ ! -f "$text" ] || install -m 644 "$text" "$dest/share/doc/kimdb/"; done
  for page in docs/man/*.[1-8]; do
    [ -f "$page" ] || continue
    section=${page##*.}
    install -d "$dest/share/man/man$section"
    install -m 644 "$page" "$dest/share/man/man$section/"
  done
  echo "installed kimdb $version in $dest"
}

# An ar script joins archives without unpacking them: members of the same name stay apart.
client_library() {
  rm -f "$dest/lib/libkimdb_client.a"
  ar -M <<SCRIPT
CREATE $build/lib/libkimdb_client_merged.a
ADDLIB $build/lib/libkimdb_client.a
ADDLIB $build/lib/libkimdb_protocol.a
ADDLIB $build/lib/libkimdb_base.a
SAVE
END
SCRIPT
  install -m 644 "$build/lib/libkimdb_client_merged.a" "$dest/lib/libkimdb_client.a"
  rm -f "$build/lib/libkimdb_client_merged.a"
}

# client.h and what it includes of ours, as the compiler finds it.
client_headers() {
  ${CXX:-g++} -std=c++20 -I. -MM -x c++ client/client.h | tr -d '\\' | tr ' ' '\n' | grep '\.h$' | sort -u |
    while read -r header; do
      install -d "$dest/include/kimdb/$(dirname "$header")"
      install -m 644 "$header" "$dest/include/kimdb/$header"
    done
}

pkgconfig_file() {
  cat <<FILE
prefix=$prefix
libdir=\${prefix}/lib
includedir=\${prefix}/include/kimdb

Name: kimdb
Description: C++20 client of the kimdb database
Version: $version
Libs: -L\${libdir} -lkimdb_client -lssl -lcrypto -pthread
Cflags: -I\${includedir}
FILE
}

# Relative to itself, so that it also works where the tree was moved to.
cmake_config() {
  cat <<'FILE'
# find_package(kimdb REQUIRED); target_link_libraries(program PRIVATE kimdb::client)
get_filename_component(_kimdb_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
if(NOT TARGET kimdb::client)
  add_library(kimdb::client STATIC IMPORTED)
  set_target_properties(kimdb::client PROPERTIES
    IMPORTED_LOCATION "${_kimdb_prefix}/lib/libkimdb_client.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_kimdb_prefix}/include/kimdb"
    INTERFACE_COMPILE_FEATURES cxx_std_20
    INTERFACE_LINK_LIBRARIES "OpenSSL::SSL;OpenSSL::Crypto;Threads::Threads")
endif()
unset(_kimdb_prefix)
FILE
}

# Before 1.0 a new minor version may change the interface.
cmake_version() {
  cat <<FILE
set(PACKAGE_VERSION "$version")
string(REGEX MATCH "^[0-9]+\\\\.[0-9]+" _kimdb_series "$version")
string(REGEX MATCH "^[0-9]+\\\\.[0-9]+" _kimdb_wanted "\${PACKAGE_FIND_VERSION}")
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION OR NOT _kimdb_series STREQUAL _kimdb_wanted)
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
endif()
FILE
}

main
