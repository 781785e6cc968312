#!/bin/bash
# Checks what the compiler does not: `make lint` calls it. Exit code 1 where something was found.
#
#   includes     each folder includes only what the Makefile's uses_<folder> names; libraries stay in their places
#   format       clang-format (`make format` repairs)
#   paths        no tracked file names a place of one machine
#   shell        the scripts parse
#   docs         docs/commands.md and docs/configuration.md are what the binary prints
#   headers      each header compiles alone
#   threads      clang's -Wthread-safety over every source
#   tidy         clang-tidy: files that differ from origin/main, or else all, the last ones touched first
#
# LINT_ONLY="includes format" runs some. clang-tidy starts no further file after LINT_TIDY_SECONDS (150) and says how many
# it left; LINT_ALL=1 takes all files and any time (tools/proof.sh does).
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build/release}
clang=clang++-16
jobs=$(nproc)
only=${LINT_ONLY:-includes format paths shell docs headers threads tidy}
problems=$(mktemp)
trap 'rm -f "$problems"' EXIT

main() {
  read_makefile
  local failed=0
  for check in $only; do
    local begin=$SECONDS
    "check_$check" >"$problems" 2>&1
    local status=$?
    if [ $status = 0 ]; then
      echo "lint: $check: ok ($((SECONDS - begin)) s)$(sed 's/^/; /' "$problems" | tr '\n' ' ')"
    else
      cat "$problems"
      echo "lint: $check: FAILED ($((SECONDS - begin)) s)"
      failed=$((failed + 1))
    fi
  done
  [ $failed = 0 ]
}

# The folder table and the compiler's flags are said once, in the Makefile.
read_makefile() {
  local database
  database=$(make -pnq help 2>/dev/null)
  variable() { sed -n "s/^$1 :\?= //p" <<<"$database" | head -1; }
  folders=$(variable FOLDERS)
  declare -gA uses
  for folder in $folders; do uses[$folder]=$(variable "uses_$folder"); done
  eval "flags=($(variable DEFINES))"
  # asio 1.22 looks for the coroutines of other compilers; clang 16 has them.
  flags+=(-std=c++20 -I. -DASIO_HAS_CO_AWAIT -DASIO_HAS_STD_COROUTINE -Wall -Wextra)
  [ -n "$folders" ] || { echo "lint: cannot read the Makefile's table" >&2; exit 1; }
}

sources() { git ls-files -- "$@" | while read -r file; do [ -f "$file" ] && echo "$file"; done; }

# --- checks -----------------------------------------------------------------------------------------------------------

check_includes() {
  local status=0
  for folder in $folders; do
    local file line included
    while IFS=: read -r file line included; do
      case " ${uses[$folder]} " in
        *" $included "*) ;;
        *)
          echo "$file:$line: $folder/ may not include $included/ (uses_$folder in the Makefile: ${uses[$folder]})"
          status=1
          ;;
      esac
    done < <(sources "$folder/*.h" "$folder/*.cc" | xargs -r grep -Hno '^#include "[a-z_]*/' | sed 's/#include "//; s/\/$//')
  done
  only_in spdlog base || status=1
  only_in asio replication server client || status=1
  only_in readline cli || status=1
  only_in sodium.h database || status=1
  only_in yaml-cpp server cli || status=1
  own_header_first || status=1
  return $status
}

only_in() { # library folders…
  local library=$1
  shift
  local allowed=()
  for folder in "$@"; do allowed+=(":!$folder/"); done
  if git grep -nE "^#include <$library[./]?" -- '*.h' '*.cc' ':!tests/' ':!bench/' "${allowed[@]}"; then
    echo "<$library> is for $* alone"
    return 1
  fi
}

# x.cc begins with x.h: that is what shows, whenever it is compiled, that the header compiles alone.
own_header_first() {
  local status=0
  while read -r file; do
    [ -f "${file%.cc}.h" ] || continue
    if [ "$(grep -m1 '^#include' "$file")" != "#include \"${file%.cc}.h\"" ]; then
      echo "$file: the first include must be its own header"
      status=1
    fi
  done < <(sources '*.cc')
  return $status
}

check_format() {
  local unformatted
  unformatted=$(sources '*.cc' '*.h' | xargs -r clang-format --dry-run -Werror 2>&1 | sed -n 's/:[0-9]*:[0-9]*: error: .*//p' | sort -u)
  [ -n "$unformatted" ] || return 0
  echo "$unformatted"
  echo "not as clang-format writes them: make format"
  return 1
}

check_paths() {
  if git grep -nIE '(^|[^A-Za-z0-9_.])/(work|home|root|tmp)/[A-Za-z0-9_.]' -- . ':!tools/lint.sh'; then
    echo "a path of one machine in a tracked file"
    return 1
  fi
}

check_shell() {
  local status=0
  while read -r file; do
    case "$(head -1 "$file")" in
      '#!/bin/sh'*) sh -n "$file" || status=1 ;;
      '#!/bin/bash'*) bash -n "$file" || status=1 ;;
    esac
  done < <(sources 'tools/*' 'bench/*.sh' .ci/run)
  [ "$(wc -l <Makefile)" -le 300 ] || { echo "Makefile: more than 300 lines; it only compiles, the rest is tools/*.sh"; status=1; }
  return $status
}

check_docs() {
  make --no-print-directory -s binaries >/dev/null || return 1
  local status=0
  for document in commands configuration; do
    if [ ! -f docs/$document.md ]; then
      echo "docs/$document.md does not exist yet"
    elif ! "$build/bin/kimdb-server" --print-docs $document | diff -u docs/$document.md -; then
      echo "docs/$document.md is old: kimdb-server --print-docs $document >docs/$document.md"
      status=1
    fi
  done
  return $status
}

# Those with a .cc of their own name are its first include (check_includes).
check_headers() {
  sources '*.h' | while read -r header; do [ -f "${header%.h}.cc" ] || echo "$header"; done |
    xargs -r -P "$jobs" -n 4 "$clang" "${flags[@]}" -Wno-pragma-once-outside-header -fsyntax-only -x c++
}

check_threads() {
  sources '*.cc' | xargs -r -P "$jobs" -n 4 "$clang" "${flags[@]}" -Wthread-safety -Werror=thread-safety -fsyntax-only
}

check_tidy() {
  local files
  files=$(files_to_tidy)
  [ -n "$files" ] || return 0
  local deadline=$((SECONDS + ${LINT_TIDY_SECONDS:-150}))
  [ -z "${LINT_ALL:-}" ] || deadline=$((SECONDS + 36000))
  local left failures
  left=$(mktemp)
  failures=$(mktemp)
  export -f tidy_one
  # One file to a process, so that each can be left out when the time is up.
  echo "$files" | DEADLINE=$(($(date +%s) + deadline - SECONDS)) LEFT=$left FAILURES=$failures \
    xargs -P "$jobs" -I FILE bash -c 'tidy_one "$@"' tidy FILE "${flags[@]}"
  local bad=0
  [ ! -s "$failures" ] || bad=1
  [ $bad = 0 ] && [ -s "$left" ] && echo "$(wc -l <"$left") of $(wc -l <<<"$files") files left out, the time was up (LINT_ALL=1 has none)"
  rm -f "$left" "$failures"
  return $bad
}

tidy_one() { # file flags…
  local file=$1
  shift
  if [ "$(date +%s)" -ge "$DEADLINE" ]; then
    echo "$file" >>"$LEFT"
    return 0
  fi
  local output
  if ! output=$(clang-tidy-16 --quiet "$file" -- "$@" 2>/dev/null); then
    echo "$output"
    echo "$file" >>"$FAILURES"
  fi
}

# The sources that differ from what was published; where none do, all of them. The last ones touched first.
files_to_tidy() {
  local base files=
  if [ -z "${LINT_ALL:-}" ] && base=$(git merge-base HEAD origin/main 2>/dev/null); then
    files=$(git diff --name-only --diff-filter=d "$base" -- '*.cc')
  fi
  [ -n "$files" ] || files=$(git ls-files -- '*.cc')
  { git diff --name-only HEAD; git log --format= --name-only; } | grep '\.cc$' | awk '!seen[$0]++' | grep -Fxf <(echo "$files") |
    while read -r file; do [ -f "$file" ] && echo "$file"; done
}

main
