#!/bin/sh
# A real file of more than 100,000 lines, loaded through netcat; the server is killed (-9) during a second load, started
# again, and what it holds is compared with what it acknowledged: bench/load_words.sh [build/release [file]].
#
# The lines are words as people write them, with apostrophes and letters outside ASCII. Nothing acknowledged may be lost
# and nothing invented: a word holds its second value where that was acknowledged, and else its first one or its second
# one, the second ones without a gap, because one connection's commands are executed in their order.
set -eu
cd "$(dirname "$0")/.."
build=$(cd "${1:-build/release}" && pwd)
file=${2:-/usr/share/dict/american-english-large}
[ -r "$file" ] || { echo "load_words: no $file; it is in Debian's package wamerican-large" >&2; exit 1; }
work=$(mktemp -d "$build/words-XXXXXX")
. bench/servers.sh
trap 'stop_servers; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

main() {
  words=$(wc -l <"$file")
  commands first >"$work/first"
  commands second >"$work/second"
  start_kimdb "$work/data"

  before=$(now_ms)
  nc -N 127.0.0.1 "$kimdb_port" <"$work/first" >"$work/replies"
  took=$(($(now_ms) - before))
  [ "$(acknowledged)" = "$words" ] || fail "only $(acknowledged) of $words words were acknowledged"
  echo "loaded $words words in $took ms ($((words * 1000 / (took + 1))) a second), each acknowledged"

  kill_during_second_load
  echo "killed the server when $count of $words second values were acknowledged"

  before=$(now_ms)
  start_kimdb "$work/data"
  echo "started again in $(($(now_ms) - before)) ms"
  compare
}

commands() { awk -v run="$1" '{ print "SET", $0, run ":" NR }' "$file"; }

# Only whole lines count; the last one may be torn.
acknowledged() { awk '{ whole = NR - 1; last = $0; if ($0 != "OK") exit } END { print whole + (last == "OK") }' "$work/replies"; }

# Kills at about a quarter; where a fast machine had it all by then, once more with an earlier kill.
kill_during_second_load() {
  threshold=$((words * 3 / 4))  # bytes: "OK" and a line break are 3
  while :; do
    : >"$work/replies"
    nc -N 127.0.0.1 "$kimdb_port" <"$work/second" >"$work/replies" 2>/dev/null &
    loader=$!
    until [ "$(wc -c <"$work/replies")" -gt $threshold ]; do :; done
    stop_servers
    wait $loader || true
    count=$(acknowledged)
    [ "$count" -lt "$words" ] && return 0
    say "the load was over before the kill; trying again"
    threshold=$((threshold / 2))
    start_kimdb "$work/data"
    nc -N 127.0.0.1 "$kimdb_port" <"$work/first" >/dev/null
  done
}

compare() {
  stored=$(printf 'DBSIZE\n' | nc -N 127.0.0.1 "$kimdb_port")
  [ "$stored" = "$words" ] || fail "the server holds $stored words instead of $words"
  awk '{ print "GET", $0 }' "$file" | nc -N 127.0.0.1 "$kimdb_port" >"$work/stored"
  awk -v words="$words" -v count="$count" '
    function bad(what) { print "line " NR " of the words: " what ", stored: " $0; if (++errors == 10) exit }
    $0 == "second:" NR { if (gap) bad("a second value behind a first one"); second++; next }
    NR <= count { bad("an acknowledged second value is lost"); next }
    $0 == "first:" NR { gap = 1; next }
    { bad("neither of its values") }
    END {
      if (NR != words && !errors) { print NR " of " words " words were answered"; errors++ }
      if (errors) exit 1
      print "compared " words " words: " second " second values (" count " acknowledged), nothing lost, nothing invented"
    }' "$work/stored" || fail "what is stored differs from what was acknowledged"
}

main
