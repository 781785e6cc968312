#!/bin/bash
# The proof at its full counts: `make proof` calls it. Takes an hour or two; `make test` runs the same tests with small ones.
#
#   1. every test with the counts of docs' tables (kills, crash states, seconds of the random tests)
#   2. planted faults: each tests/faults/<name>.patch is applied to a copy of the tree, and the test that its first line
#      names must turn red. A patch that no longer applies, a build that breaks, or a test that stays green fails.
#      The first line: # test: tests/wal "a frame is synced before it is acknowledged"
#   3. lint with all of clang-tidy
#
# PROOF_ONLY="tests faults lint" runs some; PROOF_FAULTS="name …" some of the faults. What was found is written into
# tests/README.md between the markers of its proof section, when all parts ran.
set -u
cd "$(dirname "$0")/.." || exit 1
only=${PROOF_ONLY:-tests faults lint}
report=$(mktemp)
work=
trap 'rm -f "$report"; [ -z "$work" ] || rm -rf "$work"' EXIT
failed=0

main() {
  local begin=$SECONDS
  for part in $only; do "part_$part" || failed=$((failed + 1)); done
  {
    echo
    echo "Commit $(git rev-parse --short HEAD)$(git diff --quiet HEAD || echo ' with changes'), $(nproc) processors," \
      "$(((SECONDS - begin + 59) / 60)) minutes, $(date +%F)."
  } >>"$report"
  cat "$report"
  [ "$only" != "tests faults lint" ] || write_readme
  [ $failed = 0 ]
}

part_tests() {
  export KIMDB_KILLS=${KIMDB_KILLS:-100} KIMDB_CRASH_STATES=${KIMDB_CRASH_STATES:-200000}
  export KIMDB_FAILOVERS=${KIMDB_FAILOVERS:-20} KIMDB_SIMULATIONS=${KIMDB_SIMULATIONS:-20000}
  export KIMDB_COPY_KILLS=${KIMDB_COPY_KILLS:-50} KIMDB_HISTORIES=${KIMDB_HISTORIES:-60}
  export KIMDB_INTERLEAVINGS=${KIMDB_INTERLEAVINGS:-all} KIMDB_CUTS=${KIMDB_CUTS:-1000} KIMDB_SQL_HISTORIES=${KIMDB_SQL_HISTORIES:-1000}
  export KIMDB_TEST_SECONDS=${KIMDB_TEST_SECONDS:-120} KIMDB_BAD_LINE_MB=${KIMDB_BAD_LINE_MB:-1024} KIMDB_BIT_STRIDE=${KIMDB_BIT_STRIDE:-1}
  local output status
  output=$(mktemp)
  make --no-print-directory test 2>&1 | tee "$output"
  status=${PIPESTATUS[0]}
  {
    echo "Tests with KIMDB_KILLS=$KIMDB_KILLS, KIMDB_CRASH_STATES=$KIMDB_CRASH_STATES, KIMDB_TEST_SECONDS=$KIMDB_TEST_SECONDS," \
      "KIMDB_FAILOVERS=$KIMDB_FAILOVERS, KIMDB_SIMULATIONS=$KIMDB_SIMULATIONS, KIMDB_COPY_KILLS=$KIMDB_COPY_KILLS," \
      "KIMDB_HISTORIES=$KIMDB_HISTORIES, KIMDB_CUTS=$KIMDB_CUTS, KIMDB_SQL_HISTORIES=$KIMDB_SQL_HISTORIES," \
      "KIMDB_BAD_LINE_MB=$KIMDB_BAD_LINE_MB: $(grep -aE '^[0-9]+ passed, [0-9]+ failed$' "$output" | tail -1)."
    # What the tests themselves count, for instance "100 kills, 81234 answers checked".
    grep -aE '^[0-9]+ [a-z]' "$output" | grep -avE 'passed, [0-9]+ failed$' | sed 's/^/- /'
  } >>"$report"
  rm -f "$output"
  return "$status"
}

# --- planted faults -----------------------------------------------------------------------------------------------------

part_faults() {
  local total=0 caught=0 patch
  work=$(mktemp -d)
  # Its build stays from fault to fault: only what a patch touches is compiled again, and ccache serves the rest from the
  # builds of this directory.
  export CCACHE_NOHASHDIR=1
  git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$work"
  {
    echo
    echo "| planted fault | test that must turn red | result |"
    echo "|---|---|---|"
  } >>"$report"
  for patch in tests/faults/*.patch; do
    [ -f "$patch" ] || { echo "proof: there is no planted fault in tests/faults" >&2; return 1; }
    case " ${PROOF_FAULTS:-} " in "  " | *" $(basename "$patch" .patch) "*) ;; *) continue ;; esac
    total=$((total + 1))
    one_fault "$patch" && caught=$((caught + 1))
  done
  {
    echo
    echo "$caught of $total planted faults were caught."
  } >>"$report"
  [ $caught = $total ]
}

one_fault() { # patch
  local name folder test result begin=$SECONDS
  name=$(basename "$1" .patch)
  folder=$(sed -n '1s/^# test: tests\/\([a-z]*\) ".*"$/\1/p' "$1")
  test=$(sed -n '1s/^# test: tests\/[a-z]* "\(.*\)"$/\1/p' "$1")
  if [ -z "$folder" ] || [ -z "$test" ]; then
    result="FAILED: its first line names no test"
  elif ! patch -d "$work" -p1 --dry-run -s -F0 <"$1" >/dev/null 2>&1; then
    result="FAILED: the patch no longer applies"
  else
    patch -d "$work" -p1 -s -F0 <"$1"
    result=$(test_with_fault "$folder" "$test")
    patch -d "$work" -p1 -s -R -F0 <"$1"
  fi
  echo "proof: $name: $result ($((SECONDS - begin)) s)"
  echo "| $name | tests/$folder: $test | $result |" >>"$report"
  [ "$result" = caught ]
}

# Prints "caught" when the test fails, by its checks, a crash or by hanging; else what went wrong. That it passes without
# the fault is part_tests' to show.
test_with_fault() { # folder test
  local log="$work/proof.log" needs="build/release/bin/test_$1"
  [ "$1" != server ] && [ "$1" != client ] && [ "$1" != cli ] || needs="$needs binaries"
  # shellcheck disable=SC2086
  if ! make -C "$work" -j"$(nproc)" --no-print-directory $needs >"$log" 2>&1; then
    tail -20 "$log" >&2
    echo "FAILED: does not build"
    return
  fi
  # A comma separates names for doctest.
  local filter=${2//,/\\,}
  local output status
  output=$(cd "$work" && KIMDB_BUILD=build/release timeout 1200 "build/release/bin/test_$1" -tc="$filter" 2>&1)
  status=$?
  if ! grep -aqE '^\[doctest\] test cases: +1 ' <<<"$(sed 's/\x1b\[[0-9;]*m//g' <<<"$output")" && [ $status -lt 124 ]; then
    echo "FAILED: there is not exactly one test of that name"
  elif [ $status = 0 ]; then
    echo "FAILED: the test stays green"
  else
    echo caught
  fi
}

part_lint() {
  local status=0
  LINT_ALL=1 tools/lint.sh || status=1
  echo >>"$report"
  echo "Lint with LINT_ALL=1: $([ $status = 0 ] && echo 'nothing found' || echo FAILED)." >>"$report"
  return $status
}

# Replaces what stands between the markers, or adds them at the end.
write_readme() {
  local readme=tests/README.md
  [ -f $readme ] || printf '# Tests\n' >$readme
  grep -q '^<!-- proof begin -->$' $readme || printf '\n## Proof\n\n<!-- proof begin -->\n<!-- proof end -->\n' >>$readme
  awk -v report="$report" '
    /^<!-- proof end -->$/ { inside = 0 }
    !inside { print }
    /^<!-- proof begin -->$/ {
      inside = 1
      print "Written by tools/proof.sh.\n"
      while ((getline line <report) > 0) print line
    }' $readme >"$report.readme" && cat "$report.readme" >$readme
  rm -f "$report.readme"
}

main
