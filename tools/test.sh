#!/bin/bash
# Runs the test binaries of a build, one after the other: tools/test.sh build/release base protocol …
# Ends with what failed, once more and in one place, and "N passed, N failed" over all test cases; exit code 1 where one
# failed or a binary died.
set -u
build=$1
shift
passed=0
failed=0
failures=
for folder in "$@"; do
  echo "== tests/$folder"
  output=$(mktemp)
  KIMDB_BUILD=$build "$build/bin/test_$folder" 2>&1 | tee "$output"
  status=${PIPESTATUS[0]}
  # doctest's closing line: [doctest] test cases: 12 | 12 passed | 0 failed | 0 skipped
  summary=$(grep -a '^\[doctest\] test cases:' "$output" | sed 's/\x1b\[[0-9;]*m//g')
  [ "$status" = 0 ] || failures+="== tests/$folder failed
$(awk '/^TEST CASE:/ { name = $0; next }
       /ERROR: |WARNING: ThreadSanitizer|runtime error: / { if (name) print name; name = ""; print; more = 2; next }
       more-- > 0' "$output" | head -60)
"
  rm -f "$output"
  p=$(sed -n 's/.*| *\([0-9]*\) passed.*/\1/p' <<<"$summary")
  f=$(sed -n 's/.*| *\([0-9]*\) failed.*/\1/p' <<<"$summary")
  passed=$((passed + ${p:-0}))
  failed=$((failed + ${f:-0}))
  if [ "$status" != 0 ] && [ "${f:-0}" = 0 ]; then
    echo "tests/$folder ended with status $status"
    failed=$((failed + 1))
  fi
done
printf '%s' "$failures"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
