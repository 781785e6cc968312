#!/bin/bash
# Runs every fuzz target of a build for FUZZ_SECONDS (60) each, as many at a time as there are processors:
# tools/fuzz.sh build/fuzz. `make fuzz` calls it.
#
# A target starts from tests/fuzz/corpus/<name> and keeps what it finds in <build>/corpus/<name>, so that the next run
# goes on from there. An input that crashes is left as <build>/crash-<name>-…; make it smaller, then put it into the corpus
# together with the repair. FUZZ_ONLY="line_parser config" runs some.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${1:-build/fuzz}
export seconds=${FUZZ_SECONDS:-60} build

run_one() {
  local name=$1 log="$build/fuzz_$1.log"
  mkdir -p "$build/corpus/$name"
  # A slow input (10 s) and memory over 2 GB count as crashes: both are what a stranger could send. A corpus of its own
  # name is optional.
  local seeds="tests/fuzz/corpus/$name"
  [ -d "$seeds" ] || seeds=
  # shellcheck disable=SC2086
  "$build/bin/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/crash-$name-" "$build/corpus/$name" $seeds >"$log" 2>&1
  local status=$?
  if [ $status = 0 ]; then
    echo "fuzz_$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, $(find "$build/corpus/$name" -type f | wc -l) kept"
  else
    tail -40 "$log"
    echo "fuzz_$name: FAILED, see $log and $build/crash-$name-*"
  fi
  return $status
}
export -f run_one

names=${FUZZ_ONLY:-$(cd "$build/bin" 2>/dev/null && ls | sed -n 's/^fuzz_//p')}
[ -n "$names" ] || { echo "tools/fuzz.sh: no fuzz target in $build/bin" >&2; exit 1; }
# shellcheck disable=SC2086
printf '%s\n' $names | xargs -P "$(nproc)" -I NAME bash -c 'run_one NAME'
