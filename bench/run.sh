#!/bin/sh
# Compares kimdb with Debian's redis-server on this machine: bench/run.sh build/release. `make bench` calls it.
#
# Prints Markdown tables on stdout (for docs/performance.md), progress on stderr. From the environment:
#   KIMDB_BENCH_ONLY     parts to run, of: nosync durable replicated copy memory restart idle http websocket find tables engine (all)
#   KIMDB_BENCH_ROUNDS   rounds of each measurement (5)
#   KIMDB_BENCH_SECONDS  how long one run of redis-benchmark shall last (3)
#   KIMDB_BENCH_KEYS     keys for memory and restart (2000000)
# Both servers are driven in turns (A B A B …), so that a slower minute of the machine hits both; medians are compared.
set -eu
cd "$(dirname "$0")/.."
build=$(cd "${1:-build/release}" && pwd)
rounds=${KIMDB_BENCH_ROUNDS:-5}
seconds=${KIMDB_BENCH_SECONDS:-3}
keys=${KIMDB_BENCH_KEYS:-2000000}
only=${KIMDB_BENCH_ONLY:-nosync durable replicated copy memory restart idle http websocket find tables engine}
# Beside the build: a real disk, where a temporary directory may be memory, which syncs for nothing.
work=$(mktemp -d "$build/bench-XXXXXX")
. bench/servers.sh
trap 'stop_servers; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

main() {
  for part in $only; do
    case $part in nosync | durable | replicated | copy | memory | restart | idle | http | websocket | find | tables | engine) ;; *) fail "no such part: $part" ;; esac
  done
  heading
  for part in $only; do "part_$part"; done
}

heading() {
  echo "$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo), $(nproc) processors shared by server and load" \
    "generator, Linux $(uname -r); $(redis-server --version | awk '{ print $1, $3 }')," \
    "$("$build/bin/kimdb-server" --version | head -1); $(date +%F)."
  echo "Medians of $rounds rounds in turns; \`redis-benchmark -c 50 -d 64 -r 1000000\`, ${seconds} s a run."
  echo
}

# --- throughput ---------------------------------------------------------------------------------------------------

part_nosync() {
  start_redis "$work/redis" --save '' --appendonly no
  start_kimdb "$work/kimdb" --set wal.sync=off
  throughput "no sync" nosync
}

part_durable() {
  start_redis "$work/redis" --save '' --appendonly yes --appendfsync always
  start_kimdb "$work/kimdb" --set wal.sync=commit
  throughput "synced before each answer" durable
}

# SETs that a master answers when its slave has synced them, beside a single Redis that syncs each and a kimdb without
# slaves. All four servers and the load generator share this machine's processors.
part_replicated() {
  start_redis "$work/redis" --save '' --appendonly yes --appendfsync always
  start_kimdb "$work/single" --set wal.sync=commit
  single_port=$kimdb_port single_pid=$kimdb_pid
  replication_port=$(free_port)
  start_kimdb "$work/master" --set replication.enabled=true --set replication.listen="127.0.0.1:$replication_port"
  master_port=$kimdb_port master_pid=$kimdb_pid
  start_kimdb "$work/slave" --set replication.enabled=true --set replication.replica_type=slave \
    --set replication.master_address="127.0.0.1:$replication_port"
  slave_pid=$kimdb_pid
  results=$work/replicated.results
  : >"$results"
  redis_count=$(requests_for "$redis_port" set 16)
  single_count=$(requests_for "$single_port" set 16)
  master_count=$(requests_for "$master_port" set 16)
  round=1
  while [ $round -le "$rounds" ]; do
    measure redis "$redis_port" "$redis_pid" set 16 "$redis_count" $round
    measure single "$single_port" "$single_pid" set 16 "$single_count" $round
    measure replicated "$master_port" "$master_pid" set 16 "$master_count" $round
    round=$((round + 1))
  done
  stop_one "$slave_pid"
  stop_one "$master_pid"
  stop_one "$single_pid"
  kimdb_pid=
  stop_servers
  rm -rf "$work/redis" "$work/single" "$work/master" "$work/slave"
  rate_of() { awk -v name="$1" '$1 == name { print $5 }' "$results" | median; }
  redis=$(rate_of redis) single=$(rate_of single) replicated=$(rate_of replicated)
  echo "### SETs on two disks: ack: synced, quorum: 1, P=16"
  echo
  echo "| | SETs a second |"
  echo "|---|---|"
  echo "| redis, appendfsync always, one server | $redis |"
  echo "| kimdb, sync: commit, one server | $single |"
  echo "| kimdb, master and slave | $replicated |"
  awk -v r="$redis" -v s="$single" -v m="$replicated" 'BEGIN {
    printf "| master and slave / redis (goal: at least 1) | %.2f |\n", m / r
    printf "| master and slave / kimdb alone (goal: at least 0.5) | %.2f |\n\n", m / s }'
}

# How long an empty slave takes to have and show all data of a master whose log does not reach back: a gigabyte of
# values. Redis makes its snapshot for the purpose; kimdb sends the one it has.
part_copy() {
  start_redis "$work/redis" --save '' --appendonly no --repl-diskless-sync-delay 0
  redis_master=$redis_pid redis_master_port=$redis_port
  replication_port=$(free_port)
  start_kimdb "$work/master" --set replication.enabled=true --set replication.listen="127.0.0.1:$replication_port" \
    --set replication.ack=none --set replication.max_wal_keep=0
  master_port=$kimdb_port master_pid=$kimdb_pid
  say "copy: loading"
  for port in "$redis_master_port" "$master_port"; do
    redis-benchmark -p "$port" -t set -P 64 -n 2000000 -c 50 -d 1000 -r 1000000 -q >/dev/null 2>&1
  done
  # Two snapshots, the older of which already replaces the log.
  for key in 1 2; do
    redis-cli -p "$master_port" SET "$key" 1 >/dev/null
    [ "$(redis-cli -p "$master_port" SAVE)" = OK ] || fail "kimdb cannot SAVE"
  done
  bytes=$(find "$work/master/snapshots" -name '*.snap' -printf '%T@ %s\n' | sort -n | awk 'END { print $2 }')
  : >"$work/redis.ms"
  : >"$work/kimdb.ms"
  round=1
  while [ $round -le "$rounds" ]; do
    start_redis "$work/replica" --save '' --appendonly no
    before=$(now_ms)
    redis-cli -p "$redis_port" REPLICAOF 127.0.0.1 "$redis_master_port" >/dev/null
    wait_for_size "$redis_port" "$(redis-cli -p "$redis_master_port" DBSIZE)"
    echo $(($(now_ms) - before)) >>"$work/redis.ms"
    stop_one "$redis_pid"
    before=$(now_ms)
    start_kimdb "$work/slave" --set replication.enabled=true --set replication.replica_type=slave \
      --set replication.master_address="127.0.0.1:$replication_port"
    wait_for_size "$kimdb_port" "$(redis-cli -p "$master_port" DBSIZE)"
    echo $(($(now_ms) - before)) >>"$work/kimdb.ms"
    stop_one "$kimdb_pid"
    rm -rf "$work/replica" "$work/slave"
    say "copy, round $round: redis $(tail -1 "$work/redis.ms") ms, kimdb $(tail -1 "$work/kimdb.ms") ms"
    round=$((round + 1))
  done
  stop_one "$master_pid"
  stop_one "$redis_master"
  redis_pid='' kimdb_pid=''
  rm -rf "$work/redis" "$work/master"
  echo "### A copy of $((bytes / 1000000)) MB for an empty slave, until it shows all"
  echo
  echo "| | ms | MB/s of the snapshot |"
  echo "|---|---|---|"
  echo "$(median <"$work/redis.ms") $(median <"$work/kimdb.ms")" | awk -v bytes="$bytes" '{
    printf "| redis | %d | %.0f |\n", $1, bytes / 1000 / $1
    printf "| kimdb (goal: at least 100 MB/s) | %d | %.0f |\n\n", $2, bytes / 1000 / $2 }'
}

wait_for_size() { # port keys
  tries=0
  until [ "$(redis-cli -p "$1" DBSIZE)" = "$2" ]; do
    tries=$((tries + 1))
    [ $tries -lt 6000 ] || fail "the slave does not get its keys"
    sleep 0.01
  done
}

throughput() { # title setting
  results=$work/$2.results
  : >"$results"
  # Every key exists before anything is measured: no run grows a table for the next one.
  say "$2: filling both servers"
  benchmark "$redis_port" set 64 2000000 >/dev/null
  benchmark "$kimdb_port" set 64 2000000 >/dev/null
  for pipeline in 1 16 64; do
    for test in set get; do
      redis_count=$(requests_for "$redis_port" $test $pipeline)
      kimdb_count=$(requests_for "$kimdb_port" $test $pipeline)
      round=1
      while [ $round -le "$rounds" ]; do
        measure redis "$redis_port" "$redis_pid" $test $pipeline "$redis_count" $round
        measure kimdb "$kimdb_port" "$kimdb_pid" $test $pipeline "$kimdb_count" $round
        round=$((round + 1))
      done
    done
  done
  stop_servers
  rm -rf "$work/redis" "$work/kimdb"
  echo "### Throughput, $1"
  echo
  awk -v setting="$2" -f bench/throughput_table.awk "$results"
  echo
}

# Requests per second of one run.
benchmark() { # port test pipeline requests
  redis-benchmark -p "$1" -t "$2" -P "$3" -n "$4" -c 50 -d 64 -r 1000000 --csv 2>/dev/null |
    awk -F'","' 'NR == 2 { sub(/"$/, "", $2); print $2 }'
}

# The number of requests with which a run lasts about $seconds.
requests_for() { # port test pipeline
  rate=$(benchmark "$1" "$2" "$3" $((20000 + 5000 * $3)))
  [ -n "$rate" ] || fail "redis-benchmark gave no number on port $1 ($2, P=$3)"
  awk -v rate="$rate" -v seconds="$seconds" 'BEGIN { printf "%d", rate * seconds }'
}

measure() { # name port pid test pipeline requests round
  before=$(cpu_seconds "$3")
  rate=$(benchmark "$2" "$4" "$5" "$6")
  [ -n "$rate" ] || fail "redis-benchmark gave no number for $1 ($4, P=$5)"
  after=$(cpu_seconds "$3")
  cpu=$(awk -v b="$before" -v a="$after" -v n="$6" 'BEGIN { printf "%.4f", (a - b) * 1000000 / n }')
  say "round $7: $1 $4 P=$5: $rate/s, $cpu s of CPU per million"
  echo "$1 $4 $5 $7 $rate $cpu" >>"$results"
}

# --- memory, restart, idle connections ------------------------------------------------------------------------------

part_memory() {
  echo "### Memory for $keys keys of 16 bytes with values of 64"
  echo
  echo "| | resident bytes a key | used_memory a key |"
  echo "|---|---|---|"
  start_redis "$work/redis" --save '' --appendonly no
  start_kimdb "$work/kimdb" --set wal.sync=off
  : >"$work/memory"
  for server in redis kimdb; do
    if [ $server = redis ]; then port=$redis_port pid=$redis_pid; else port=$kimdb_port pid=$kimdb_pid; fi
    say "memory: $server"
    resident=$(resident_bytes "$pid")
    used=$(used_memory "$port")
    load_keys "$port" 1 "$keys"
    [ "$(redis-cli -p "$port" DBSIZE)" = "$keys" ] || fail "$server does not hold $keys keys"
    echo "$server $(($(resident_bytes "$pid") - resident)) $(($(used_memory "$port") - ${used:-0}))" >>"$work/memory"
  done
  stop_servers
  awk -v keys="$keys" '
    { printf "| %s | %.1f | %.1f |\n", $1, $2 / keys, $3 / keys; resident[$1] = $2; used[$1] = $3 }
    END { printf "| kimdb / redis (goal: at most 0.7) | %.2f | %.2f |\n\n", resident["kimdb"] / resident["redis"],
                 used["kimdb"] / used["redis"] }' "$work/memory"
  rm -rf "$work/redis" "$work/kimdb"
}

# Redis loads all keys from its RDB; kimdb nine tenths from a snapshot and the rest from its log.
part_restart() {
  snapshot_keys=$((keys * 9 / 10))
  say "restart: loading"
  start_redis "$work/redis" --save '' --appendonly no
  load_keys "$redis_port" 1 "$keys"
  [ "$(redis-cli -p "$redis_port" SAVE)" = OK ] || fail "redis cannot SAVE"
  start_kimdb "$work/kimdb" --set wal.sync=off --set snapshot.interval=24h
  load_keys "$kimdb_port" 1 $snapshot_keys
  [ "$(redis-cli -p "$kimdb_port" SAVE)" = OK ] || fail "kimdb cannot SAVE"
  load_keys "$kimdb_port" $((snapshot_keys + 1)) "$keys"
  stop_servers
  : >"$work/redis.ms"
  : >"$work/kimdb.ms"
  round=1
  while [ $round -le "$rounds" ]; do
    before=$(now_ms)
    start_redis "$work/redis" --save '' --appendonly no
    echo $(($(now_ms) - before)) >>"$work/redis.ms"
    [ "$(redis-cli -p "$redis_port" DBSIZE)" = "$keys" ] || fail "redis came back without its keys"
    stop_servers
    before=$(now_ms)
    start_kimdb "$work/kimdb" --set wal.sync=off --set snapshot.interval=24h
    echo $(($(now_ms) - before)) >>"$work/kimdb.ms"
    [ "$(redis-cli -p "$kimdb_port" DBSIZE)" = "$keys" ] || fail "kimdb came back without its keys"
    stop_servers
    say "restart, round $round: redis $(tail -1 "$work/redis.ms") ms, kimdb $(tail -1 "$work/kimdb.ms") ms"
    round=$((round + 1))
  done
  rm -rf "$work/redis" "$work/kimdb"
  echo "### Restart with $keys keys, until the first answer"
  echo
  echo "| | ms | keys a second |"
  echo "|---|---|---|"
  echo "$(median <"$work/redis.ms") $(median <"$work/kimdb.ms")" | awk -v keys="$keys" '{
    printf "| redis, from its RDB | %d | %d |\n", $1, keys * 1000 / $1
    printf "| kimdb, from a snapshot and a tenth from the log | %d | %d |\n", $2, keys * 1000 / $2
    printf "| redis / kimdb (goal: at least 2) | %.2f | |\n\n", $1 / $2 }'
}

part_idle() {
  connections=10000
  # Each end needs a descriptor of its own; the servers inherit the limit.
  hard=$(ulimit -H -n)
  if [ "$hard" != unlimited ] && [ "$hard" -lt $((connections + 100)) ]; then
    say "idle: skipped, only $hard file descriptors are allowed here"
    return 0
  fi
  ulimit -S -n "$hard" 2>/dev/null || ulimit -S -n $((connections + 100))
  echo "### $connections idle connections"
  echo
  echo "| | resident MB before | with them | bytes a connection |"
  echo "|---|---|---|---|"
  start_redis "$work/redis" --save '' --appendonly no --maxclients $((connections + 10))
  start_kimdb "$work/kimdb" --set wal.sync=off --set network.max_connections=$((connections + 10))
  idle_row redis "$redis_port" "$redis_pid"
  idle_row "kimdb (goal: under 200 MB)" "$kimdb_port" "$kimdb_pid"
  stop_servers
  rm -rf "$work/redis" "$work/kimdb"
  echo
}

idle_row() { # title port pid
  before=$(resident_bytes "$3")
  redis-benchmark -p "$2" -c $connections -I >/dev/null 2>&1 &
  idle_pid=$!
  tries=0
  until [ "$(connected "$2")" -ge $connections ]; do
    kill -0 $idle_pid 2>/dev/null || fail "redis-benchmark could not open $connections connections to $1"
    tries=$((tries + 1))
    [ $tries -lt 600 ] || fail "$1 has only $(connected "$2") connections"
    sleep 0.1
  done
  after=$(resident_bytes "$3")
  kill $idle_pid
  wait $idle_pid 2>/dev/null || true
  awk -v title="$1" -v b="$before" -v a="$after" -v n=$connections 'BEGIN {
    printf "| %s | %.1f | %.1f | %d |\n", title, b / 1048576, a / 1048576, (a - b) / n }'
}

connected() { # port
  redis-cli -p "$1" INFO clients | tr -d '\r' | awk -F: '$1 == "connected_clients" { n = $2 } END { print n + 0 }'
}

# GETs of a document beside a bare server of RESTinio that answers each request by "Hello World!".
part_http() {
  hello_port=$(free_port)
  "$build/bin/bench_restinio_hello" "$hello_port" &
  redis_pid=$!  # so that it is stopped like the other one
  http_port=$(free_port)
  start_kimdb "$work/kimdb" --set wal.sync=commit --set http.address="127.0.0.1:$http_port"
  redis-cli -p "$kimdb_port" DOC PUT users u1 '{"name":"Kim","age":30}' >/dev/null
  : >"$work/hello.rates"
  : >"$work/get.rates"
  round=1
  while [ $round -le "$rounds" ]; do
    request_rate "http://127.0.0.1:$hello_port/" >>"$work/hello.rates"
    request_rate "http://127.0.0.1:$http_port/api/users/u1" >>"$work/get.rates"
    say "http, round $round: hello $(tail -1 "$work/hello.rates"), document $(tail -1 "$work/get.rates")"
    round=$((round + 1))
  done
  stop_servers
  rm -rf "$work/kimdb"
  echo "### Requests over HTTP, 50 connections that are kept (\`wrk -t1 -c50\`)"
  echo
  echo "| | requests a second |"
  echo "|---|---|"
  echo "$(median <"$work/hello.rates") $(median <"$work/get.rates")" | awk '{
    printf "| RESTinio, Hello World | %d |\n| kimdb, GET of a document | %d |\n", $1, $2
    printf "| kimdb / RESTinio (goal: at least 0.7) | %.2f |\n\n", $2 / $1 }'
}

request_rate() { # url
  wrk -t1 -c50 -d"${seconds}s" "$1" >"$work/wrk.out" || fail "wrk cannot load $1"
  ! grep -q 'Non-2xx' "$work/wrk.out" || fail "$1 answers with errors"
  awk '/^Requests\/sec:/ { print $2 }' "$work/wrk.out"
}

# 1,000 changes of a collection that 10,000 WebSockets follow; what the load program has to say goes into the table.
part_websocket() {
  clients=10000
  hard=$(ulimit -H -n)
  if [ "$hard" != unlimited ] && [ "$hard" -lt $((clients + 100)) ]; then
    say "websocket: skipped, only $hard file descriptors are allowed here"
    return 0
  fi
  ulimit -S -n "$hard" 2>/dev/null || ulimit -S -n $((clients + 100))
  echo "### $clients WebSockets follow a collection with 1000 changes"
  echo
  echo "| round | delivered / expected | deliveries a second | pong ms, median and p99 | resident MB |"
  echo "|---|---|---|---|---|"
  round=1
  while [ $round -le "$rounds" ]; do
    http_port=$(free_port)
    start_kimdb "$work/kimdb" --set wal.sync=commit --set http.address="127.0.0.1:$http_port" \
      --set network.max_connections=$((clients + 10))
    "$build/bin/bench_websocket_fanout" "$http_port" $clients 1000 >"$work/fanout.out" || fail "changes are missing"
    awk -v round=$round -v resident="$(resident_bytes "$kimdb_pid")" '
      { for (i = 1; i < NF; ++i) value[$i] = $(i + 1) }
      END { printf "| %d | %s / %s = %s | %d | %s, %s | %.0f |\n", round, value["delivered"], value["expected"],
              value["ratio"], value["deliveries_per_s"], value["p50"], value["p99"], resident / 1048576 }
    ' "$work/fanout.out"
    stop_servers
    rm -rf "$work/kimdb"
    round=$((round + 1))
  done
  echo
}

# Documents found by an index, beside PostgreSQL's JSONB with the same one: a million documents, 16 connections.
part_find() {
  postgres=/usr/lib/postgresql/15/bin
  as_postgres=
  # It does not run as root.
  [ "$(id -u)" != 0 ] || as_postgres="runuser -u postgres --"
  sql_directory=$(mktemp -d)
  [ -z "$as_postgres" ] || chown postgres "$sql_directory"
  $as_postgres "$postgres/initdb" -D "$sql_directory/data" -A trust >/dev/null
  $as_postgres "$postgres/pg_ctl" -D "$sql_directory/data" -l "$sql_directory/log" -w start \
    -o "-k $sql_directory -c listen_addresses= -c shared_buffers=1GB" >/dev/null
  sql() { psql -h "$sql_directory" ${as_postgres:+-U postgres} -qAt -c "$1" postgres; }
  start_kimdb "$work/kimdb" --set wal.sync=off
  say "find: loading"
  sql "CREATE TABLE docs (id text PRIMARY KEY, doc jsonb)"
  sql "INSERT INTO docs SELECT 'd' || i, jsonb_build_object('k', 'k' || lpad(i::text, 12, '0'), 'n', i, 'city',
    'c' || (i % 1000), 'name', 'Kim ' || i, 'tags', jsonb_build_array('a', 'b' || (i % 100)))
    FROM generate_series(0, 999999) i"
  sql "CREATE INDEX ON docs ((doc->>'k'))"
  sql "CREATE INDEX ON docs ((doc->>'city'), ((doc->>'n')::int) DESC)"
  sql "VACUUM ANALYZE docs"
  awk 'BEGIN { for (i = 0; i < 1000000; ++i) {
    id = "d" i
    d = sprintf("{\"k\":\"k%012d\",\"n\":%d,\"city\":\"c%d\",\"name\":\"Kim %d\",\"tags\":[\"a\",\"b%d\"]}", i, i, i % 1000, i, i % 100)
    printf "*5\r\n$3\r\nDOC\r\n$3\r\nPUT\r\n$5\r\nusers\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", length(id), id, length(d), d
  } }' | redis-cli -p "$kimdb_port" --pipe >/dev/null
  redis-cli -p "$kimdb_port" INDEX CREATE users "(k)" >/dev/null
  redis-cli -p "$kimdb_port" INDEX CREATE users "(city, -n)" >/dev/null
  cat >"$work/one.sql" <<'SQL'
\set n random(0, 999999)
SELECT doc FROM docs WHERE doc->>'k' = 'k' || lpad((:n)::text, 12, '0');
SQL
  cat >"$work/top.sql" <<'SQL'
SELECT doc FROM docs WHERE doc->>'city' = 'c7' ORDER BY (doc->>'n')::int DESC LIMIT 20;
SQL
  for kind in one top; do : >"$work/find.$kind.postgres"; : >"$work/find.$kind.kimdb"; done
  round=1
  while [ $round -le "$rounds" ]; do
    for kind in one top; do
      "$postgres/pgbench" -h "$sql_directory" ${as_postgres:+-U postgres} -n -M prepared -c 16 -j 1 -T "$seconds" \
        -f "$work/$kind.sql" postgres 2>/dev/null | awk '/^tps/ { print $3 }' >>"$work/find.$kind.postgres"
    done
    find_rate $((40000 * seconds)) DOC FIND users '{"k":"k__rand_int__"}' >>"$work/find.one.kimdb"
    find_rate $((20000 * seconds)) DOC FIND users '{"city":"c7"}' SORT -n LIMIT 20 >>"$work/find.top.kimdb"
    say "find, round $round: one $(tail -1 "$work/find.one.postgres") $(tail -1 "$work/find.one.kimdb")," \
      "20 of 1000 in order $(tail -1 "$work/find.top.postgres") $(tail -1 "$work/find.top.kimdb")"
    round=$((round + 1))
  done
  $as_postgres "$postgres/pg_ctl" -D "$sql_directory/data" -m immediate stop >/dev/null
  stop_servers
  rm -rf "$work/kimdb" "$sql_directory"
  echo "### FIND by an index, 1000000 documents, 16 connections"
  echo
  echo "| | PostgreSQL 15, JSONB /s | kimdb /s | ratio |"
  echo "|---|---|---|---|"
  for kind in one top; do
    title="one document by a string"
    [ $kind = one ] || title="the first 20 of 1000 in the index's order"
    echo "$(median <"$work/find.$kind.postgres") $(median <"$work/find.$kind.kimdb")" |
      awk -v title="$title" '{ printf "| %s | %d | %d | %.2f |\n", title, $1, $2, $2 / $1 }'
  done
  echo
}

find_rate() { # requests words…
  requests=$1
  shift
  redis-benchmark -p "$kimdb_port" -c 16 -n "$requests" -r 1000000 --csv "$@" | tail -1 | awk -F'","' '{ print $2 }'
}

# Engine and log in one process, no socket; the program prints its own table.
part_tables() {
  start_kimdb "$work/kimdb"
  say "tables: 1000000 rows in memory"
  echo "### Tables, beside SQLite's own in memory: 1000000 orders, 100000 users"
  echo
  "$build/bin/bench_sql_tables" 1000000 "$rounds"
  mkdir -p "$work/sqlite"
  say "tables: INSERT"
  "$build/bin/bench_sql_insert" "127.0.0.1:$kimdb_port" "$work/sqlite" 200000 "$rounds"
  say "tables: writes under a SELECT"
  echo
  "$build/bin/bench_sql_scan" "127.0.0.1:$kimdb_port"
  say "tables: a long answer"
  echo
  "$build/bin/bench_sql_stream" "127.0.0.1:$kimdb_port"
  say "tables: transactions"
  echo
  "$build/bin/bench_sql_transactions" "127.0.0.1:$kimdb_port" 200000 "$rounds"
  stop_servers
  rm -rf "$work/kimdb" "$work/sqlite"
  echo
}

part_engine() {
  if [ ! -x "$build/bin/bench_engine_set" ]; then
    say "engine: skipped, $build/bin/bench_engine_set is not built"
    return 0
  fi
  echo "### Engine and log in the process"
  echo
  "$build/bin/bench_engine_set"
  echo
}

main
