# Sourced by the scripts in bench/: starts and stops the two servers, asks the kernel what they use.
#
# Needs `build` (the build directory) and `work` (a directory on a real disk for their data) to be set. Progress goes to
# stderr, so that stdout can be kept as a document.

redis_pid=
kimdb_pid=

say() { echo "bench: $*" >&2; }
fail() { say "$*"; exit 1; }

stop_servers() {
  stop_one "$redis_pid"
  redis_pid=
  stop_one "$kimdb_pid"
  kimdb_pid=
}
# kill -9: no server gets to tidy up, so that none is measured doing it.
stop_one() {
  [ -n "$1" ] || return 0
  kill -9 "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# A port of 127.0.0.1 where nobody listens, below those that the kernel gives to outgoing connections.
free_port() {
  port=$((20000 + ($(od -An -N2 -tu2 /dev/urandom) % 12000)))
  while nc -z 127.0.0.1 "$port" 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}

# start_redis DIRECTORY ARGUMENTS…: sets redis_port, redis_pid; returns when it answers.
start_redis() {
  directory=$1
  shift
  mkdir -p "$directory"
  redis_port=$(free_port)
  redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$directory" "$@" >"$work/redis.log" 2>&1 &
  redis_pid=$!
  wait_for_pong "$redis_port" "$redis_pid" "$work/redis.log"
}

# start_kimdb DIRECTORY ARGUMENTS…: sets kimdb_port, kimdb_pid; returns when it answers.
start_kimdb() {
  directory=$1
  shift
  kimdb_port=$(free_port)
  "$build/bin/kimdb-server" --set network.address="127.0.0.1:$kimdb_port" --set wal.data_directory="$directory" \
    --set http.address= "$@" >"$work/kimdb.log" 2>&1 &
  kimdb_pid=$!
  wait_for_pong "$kimdb_port" "$kimdb_pid" "$work/kimdb.log"
}

wait_for_pong() { # port pid log
  tries=0
  until [ "$(redis-cli -p "$1" PING 2>/dev/null)" = PONG ]; do
    kill -0 "$2" 2>/dev/null || { tail -5 "$3" >&2; fail "a server did not start"; }
    tries=$((tries + 1))
    [ $tries -lt 12000 ] || fail "a server does not answer"
    sleep 0.01
  done
}

# Seconds of processor time that a process has used, in user and kernel mode, over all its threads.
cpu_seconds() {
  # The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
  sed 's/.*) //' "/proc/$1/stat" | awk -v hz="$(getconf CLK_TCK)" '{ printf "%.2f", ($12 + $13) / hz }'
}
resident_bytes() { awk '/^VmRSS:/ { print $2 * 1024 }' "/proc/$1/status"; }
used_memory() { redis-cli -p "$1" INFO memory | tr -d '\r' | awk -F: '$1 == "used_memory" { print $2 }'; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# The median of the numbers on stdin, one a line.
median() {
  sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# set_commands FIRST LAST: SETs of 16-byte keys with 64-byte values, as RESP for `redis-cli --pipe`.
set_commands() {
  awk -v first="$1" -v last="$2" 'BEGIN {
    for (i = first; i <= last; i++)
      printf "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$64\r\n%064d\r\n", i, i * 7919
  }'
}
load_keys() { # port first last
  set_commands "$2" "$3" | redis-cli -p "$1" --pipe >"$work/pipe.log" 2>&1 || { cat "$work/pipe.log" >&2; fail "loading failed"; }
  grep -q 'errors: 0' "$work/pipe.log" || { cat "$work/pipe.log" >&2; fail "loading keys gave errors"; }
}
