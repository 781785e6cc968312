# Lines "server test pipeline round rate cpu" to a Markdown table of medians and ratios kimdb / redis.
# -v setting=nosync|durable chooses the goals that are shown beside the ratios (a GET syncs nothing: no goal there).

{
  count[$1, $2, $3]++
  rate[$1, $2, $3, count[$1, $2, $3]] = $5
  cpu[$1, $2, $3, count[$1, $2, $3]] = $6
}

END {
  if (setting == "nosync") {
    goal[1] = 1.0; goal[16] = 1.8; goal[64] = 2.2
    cpu_goal[1] = 0.9; cpu_goal[16] = 0.55; cpu_goal[64] = 0.45
  } else {
    goal[1] = 1.1; goal[16] = 2.2; goal[64] = 3.0
  }
  print "| command | P | redis /s | kimdb /s | ratio (worst to best round) | goal | redis CPU s per million | kimdb | ratio | goal |"
  print "|---|---|---|---|---|---|---|---|---|---|"
  split("set get", tests, " ")
  split("1 16 64", pipelines, " ")
  for (t = 1; t <= 2; t++) for (p = 1; p <= 3; p++) row(tests[t], pipelines[p])
}

function row(test, p,    n, i, redis, kimdb, lowest, highest, ratio, redis_cpu, kimdb_cpu) {
  n = count["redis", test, p]
  if (n == 0 || n != count["kimdb", test, p]) return
  for (i = 1; i <= n; i++) {
    ratio = rate["kimdb", test, p, i] / rate["redis", test, p, i]
    if (i == 1 || ratio < lowest) lowest = ratio
    if (i == 1 || ratio > highest) highest = ratio
  }
  redis = median(rate, "redis", test, p, n)
  kimdb = median(rate, "kimdb", test, p, n)
  redis_cpu = median(cpu, "redis", test, p, n)
  kimdb_cpu = median(cpu, "kimdb", test, p, n)
  printf "| %s | %d | %d | %d | **%.2f** (%.2f to %.2f) | %s | %.3f | %.3f | **%.2f** | %s |\n", toupper(test), p, redis, \
    kimdb, kimdb / redis, lowest, highest, (setting == "nosync" || test == "set") ? sprintf("≥ %.1f", goal[p]) : "", redis_cpu, kimdb_cpu, \
    (redis_cpu > 0 ? kimdb_cpu / redis_cpu : 0), (setting == "nosync" && test == "set") ? sprintf("≤ %.2f", cpu_goal[p]) : ""
}

function median(values, server, test, p, n,    i, j, v, sorted) {
  for (i = 1; i <= n; i++) {
    v = values[server, test, p, i]
    for (j = i - 1; j >= 1 && sorted[j] > v; j--) sorted[j + 1] = sorted[j]
    sorted[j + 1] = v
  }
  return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}
