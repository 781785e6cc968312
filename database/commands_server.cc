// Commands about the server: INFO, CONFIG, COMMAND, HELP, SLOWLOG, SAVE, SHUTDOWN and the like.

#include <algorithm>
#include <chrono>

#include "base/glob.h"
#include "database/arguments.h"
#include "database/command_docs.h"
#include "database/command_table.h"
#include "database/database.h"
#include "database/info.h"
#include "database/metrics.h"
#include "database/subcommand.h"
#include "protocol/numbers.h"

namespace kimdb::database {

namespace {

void info(Context& c) { c.reply.verbatim(info_text(c, c.words.subspan(1))); }

void metrics(Context& c) { c.reply.verbatim(metrics_text(c)); }

// STATS: the figures people look at first, one pair a line.
void stats(Context& c) {
  const Statistics::Totals totals = c.database.statistics().totals();
  std::size_t keys = 0;
  for (std::size_t i = 0; i < c.database.engine().partition_count(); ++i)
    c.with_partition(i, [&](engine::Partition& partition) {
      c.depends_on(partition.last_lsn());
      keys += partition.size(c.session.keyspace);
    });
  const std::pair<std::string_view, std::uint64_t> rows[] = {
      {"uptime_seconds",
       static_cast<std::uint64_t>((c.now_ms - c.database.started_at_ms()) / 1000)},
      {"keys", keys},
      {"memory_bytes", static_cast<std::uint64_t>(c.database.engine().memory())},
      {"commands", totals.commands},
      {"errors", totals.errors},
      {"expired", totals.expired},
      {"evicted", totals.evicted},
      {"last_lsn", c.database.log().last_lsn()},
      {"durable_lsn", c.database.log().durable_lsn()},
      {"committed_lsn", c.database.log().committed_lsn()},
  };
  c.reply.map(std::size(rows));
  for (const auto& [name, value] : rows) {
    c.reply.bulk(name);
    c.reply.integer(static_cast<std::int64_t>(value));
  }
}

// --- CONFIG ---

// The names under which Redis' clients and tools look for what kimdb has under others.
std::vector<std::pair<std::string, std::string>> redis_settings(Database& db) {
  const Host* host = db.host();
  return {
      {"appendfsync", db.options().log.sync == wal::Sync::commit     ? "always"
                      : db.options().log.sync == wal::Sync::interval ? "everysec"
                                                                     : "no"},
      {"appendonly", db.options().wal_enabled ? "yes" : "no"},
      {"databases", std::to_string(engine::kKeyKeyspaces)},
      {"maxclients",
       std::to_string(host == nullptr ? 0 : host->network_statistics().max_connections)},
      {"maxmemory", std::to_string(db.max_memory())},
      {"maxmemory-policy", db.evicts() ? "allkeys-lru" : "noeviction"},
      {"proto-max-bulk-len", "536870912"},
      {"save", db.snapshot_interval().count() == 0
                   ? ""
                   : std::to_string(db.snapshot_interval().count() / 1000) + " 1"},
  };
}

void config_get(Context& c) {
  std::vector<std::pair<std::string, std::string>> found;
  const auto take = [&](const std::pair<std::string, std::string>& setting) {
    for (const std::string_view pattern : c.words.subspan(2)) {
      if (glob_matches(lower_case(pattern), setting.first)) return found.push_back(setting);
    }
  };
  if (c.database.host() != nullptr)
    for (const auto& setting : c.database.host()->config_get("*")) take(setting);
  for (const auto& setting : redis_settings(c.database)) take(setting);
  c.reply.map(found.size());
  for (const auto& [name, value] : found) {
    c.reply.bulk(name);
    c.reply.bulk(value);
  }
}

// Redis' name for a setting becomes kimdb's.
std::string setting_name(std::string_view name) {
  if (is_word(name, "maxmemory")) return "engine.max_memory";
  if (is_word(name, "maxmemory-policy")) return "engine.eviction";
  return std::string(name);
}

void config_set(Context& c) {
  if (c.words.size() % 2 != 0) return syntax_error(c);
  if (c.database.host() == nullptr) return c.reply.error("ERR there is no configuration to change");
  // Redis' clients know the text of its error; people on lines get ours, which says more.
  const auto known = c.database.host()->config_get("*");
  std::vector<std::pair<std::string, std::string>> settings;
  for (std::size_t i = 2; i < c.words.size(); i += 2) {
    const std::string name = setting_name(c.words[i]);
    const bool found = std::any_of(known.begin(), known.end(), [&](const auto& setting) {
      return is_word(name, setting.first);
    });
    if (!found && c.reply.is_resp())
      return c.reply.error("ERR Unknown option or number of arguments for CONFIG SET - '" +
                           shown_as_c_string(c.words[i], 128) + "'");
    settings.emplace_back(name, c.words[i + 1]);
  }
  const Status set = c.database.host()->config_set(settings);
  if (!set.has_value()) return c.reply.error("ERR CONFIG SET failed - " + set.error().message);
  c.reply.ok();
}

void config_rewrite(Context& c) {
  if (c.database.host() == nullptr)
    return c.reply.error("ERR The server is running without a config file");
  const Status written = c.database.host()->config_rewrite();
  if (!written.has_value()) return c.reply.error("ERR " + written.error().message);
  c.reply.ok();
}

void config_resetstat(Context& c) {
  c.database.statistics().reset();
  c.reply.ok();
}

constexpr Subcommand kConfigSubcommands[] = {
    {"get", -3, config_get, "pattern [pattern ...]", "Settings and their values."},
    {"set", -4, config_set, "name value [name value ...]",
     "Changes settings that can change at run time."},
    {"rewrite", 2, config_rewrite, "", "Keeps the changes in a file beside the configuration."},
    {"resetstat", 2, config_resetstat, "", "Counts from here on."},
};

// --- SLOWLOG ---

void slowlog_get(Context& c) {
  if (c.words.size() > 3) return subcommand_syntax_error(c);
  std::int64_t count = 10;
  if (c.words.size() > 2) {
    const auto value = protocol::parse_integer(c.words[2]);
    if (!value || *value < -1)
      return c.reply.error("ERR count should be greater than or equal to -1");
    count = *value == -1 ? INT64_MAX : *value;
  }
  const auto entries = c.database.slowlog().newest(static_cast<std::size_t>(count));
  c.reply.array(entries.size());
  for (const Slowlog::Entry& entry : entries) {
    c.reply.array(6);
    c.reply.integer(static_cast<std::int64_t>(entry.id));
    c.reply.integer(entry.time_ms / 1000);
    c.reply.integer(static_cast<std::int64_t>(entry.duration_us));
    c.reply.array(entry.words.size());
    for (const std::string& word : entry.words) c.reply.bulk(word);
    c.reply.bulk(entry.address);
    c.reply.bulk(entry.name);
  }
}
void slowlog_len(Context& c) {
  c.reply.integer(static_cast<std::int64_t>(c.database.slowlog().size()));
}
void slowlog_reset(Context& c) {
  c.database.slowlog().clear();
  c.reply.ok();
}
constexpr Subcommand kSlowlogSubcommands[] = {
    {"get", -2, slowlog_get, "[count]", "The last slow commands; -1: all."},
    {"len", 2, slowlog_len, "", "How many are kept."},
    {"reset", 2, slowlog_reset, "", "Forgets them."},
};

void monitor(Context& c) {
  if (c.session.receiver == nullptr)
    return c.reply.error("ERR this kind of session cannot receive events");
  if (!c.session.monitor) c.database.pubsub().add_monitor(c.session.receiver);
  c.session.monitor = true;
  c.session.info.monitor.store(true, std::memory_order_relaxed);
  c.reply.ok();
}

// --- MEMORY, LATENCY ---

void memory_usage(Context& c) {
  for (std::size_t i = 3; i < c.words.size(); i += 2) {
    if (!is_word(c.words[i], "samples") || i + 1 == c.words.size()) return syntax_error(c);
    const auto samples = integer_argument(c, c.words[i + 1]);
    if (!samples) return;
    if (*samples < 0) return syntax_error(c);
  }
  const engine::Entry* entry = c.find(c.words[2]);
  if (entry == nullptr) return c.reply.null();
  c.reply.integer(static_cast<std::int64_t>(entry->memory() + sizeof(engine::Entry*) + 1));
}
void memory_stats(Context& c) {
  std::int64_t undo = 0, requests = 0;
  for (std::size_t i = 0; i < c.database.engine().partition_count(); ++i)
    c.with_partition(i, [&](engine::Partition& partition) {
      c.depends_on(partition.last_lsn());
      undo += static_cast<std::int64_t>(partition.undo().memory());
      requests += static_cast<std::int64_t>(partition.requests().memory());
    });
  c.reply.map(4);
  c.reply.bulk("total"), c.reply.integer(c.database.engine().memory());
  c.reply.bulk("undo"), c.reply.integer(undo);
  c.reply.bulk("requests"), c.reply.integer(requests);
  c.reply.bulk("limit"), c.reply.integer(static_cast<std::int64_t>(c.database.max_memory()));
}
void memory_doctor(Context& c) {
  const auto used = static_cast<std::uint64_t>(c.database.engine().memory());
  const std::uint64_t limit = c.database.max_memory();
  c.reply.bulk(limit != 0 && used > limit / 10 * 9 ? "More than 90 % of engine.max_memory is used."
                                                   : "Nothing to complain about.");
}
constexpr Subcommand kMemorySubcommands[] = {
    {"usage", -3, memory_usage, "key [SAMPLES n]", "Bytes that a key with its value takes."},
    {"stats", 2, memory_stats, "", "What the memory is used for.", kWholeKeyspace},
    {"doctor", 2, memory_doctor, "", "What looks wrong."},
};

// The mean time of each command's execution, in microseconds.
void latency_summary(Context& c) {
  const auto counters = c.database.statistics().sum();
  const auto& rows = c.database.commands().rows();
  const auto used = std::count_if(rows.begin(), rows.end(),
                                  [&](const auto& row) { return counters[row.index].calls; });
  c.reply.map(static_cast<std::size_t>(used));
  for (const CommandRow& row : rows) {
    const CommandCounters& counter = counters[row.index];
    if (counter.calls == 0) continue;
    c.reply.bulk(row.name);
    c.reply.double_value(static_cast<double>(counter.ticks) / cycles_per_microsecond() /
                         static_cast<double>(counter.calls));
  }
}
void latency_none(Context& c) { c.reply.array(0); }
void latency_reset(Context& c) { c.reply.integer(0); }
constexpr Subcommand kLatencySubcommands[] = {
    {"summary", 2, latency_summary, "",
     "The mean time of each command's execution in microseconds."},
    {"latest", 2, latency_none, "", "No events are kept: see SLOWLOG and EXPLAINED."},
    {"history", 3, latency_none, "event", "No events are kept."},
    {"reset", -2, latency_reset, "[event ...]", "No events are kept."},
};

void time(Context& c) {
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  c.reply.array(2);
  c.reply.bulk(std::to_string(now / 1000000));
  c.reply.bulk(std::to_string(now % 1000000));
}

// --- DEBUG ---

void debug_sleep(Context& c) {
  const auto seconds = protocol::parse_double(c.words[2]);
  if (!seconds || *seconds < 0 || *seconds > 60)
    return c.reply.error("ERR DEBUG SLEEP takes 0 to 60 seconds");
  std::this_thread::sleep_for(std::chrono::duration<double>(*seconds));
  c.reply.ok();
}
// A digest of everything stored: two servers with equal data have equal digests.
void debug_digest(Context& c) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx",
                static_cast<unsigned long long>(c.database.engine().digest()));
  c.depends_on(c.database.log().last_lsn());
  c.reply.simple(text);
}
constexpr Subcommand kDebugSubcommands[] = {
    {"sleep", 3, debug_sleep, "seconds", "Lets this connection wait."},
    {"digest", 2, debug_digest, "", "A digest of all keys, values and expiry times."},
};

// --- snapshots, the end ---

void save(Context& c) {
  const Status saved = c.database.checkpointer().save();
  if (!saved.has_value()) return c.reply.error("ERR " + saved.error().message);
  c.reply.ok();
}
void bgsave(Context& c) {
  if (c.words.size() > 2 || (c.words.size() == 2 && !is_word(c.words[1], "schedule")))
    return syntax_error(c);
  if (!c.database.options().wal_enabled) return c.reply.error("ERR snapshots need wal.enabled");
  if (!c.database.checkpointer().save_in_background())
    return c.reply.error("ERR Background save already in progress");
  c.reply.simple("Background saving started");
}
void lastsave(Context& c) {
  c.reply.integer(c.database.checkpointer().progress().last_success_ms / 1000);
}

void shutdown(Context& c) {
  bool snapshot = true;
  for (const std::string_view word : c.words.subspan(1)) {
    if (is_word(word, "nosave"))
      snapshot = false;
    else if (!is_word(word, "save") && !is_word(word, "now") && !is_word(word, "force"))
      return syntax_error(c);
  }
  if (c.database.host() == nullptr) return c.reply.error("ERR there is no server to stop");
  c.database.host()->shut_down(snapshot);
  c.close();
}

constexpr CommandRow kRows[] = {
    {"info",
     -1,
     kWholeKeyspace,
     {},
     info,
     "server",
     "[section ...]",
     "What the server knows of itself."},
    {"metrics",
     1,
     kWholeKeyspace,
     {},
     metrics,
     "server",
     "",
     "The server's numbers as Prometheus reads them."},
    {"stats", 1, kWholeKeyspace | kFast, {}, stats, "server", "", "The figures looked at most."},
    {"config",
     -2,
     kAdmin | kSlow | kNoMulti,
     {},
     run_subcommand,
     "server",
     "GET|SET|REWRITE|RESETSTAT ...",
     "The configuration.",
     kConfigSubcommands},
    {"command",
     -1,
     0,
     {},
     command_command,
     "server",
     "[COUNT|DOCS|INFO|LIST|GETKEYS ...]",
     "The commands there are.",
     kCommandSubcommands},
    {"help", -1, 0, {}, help_command, "server", "[command]", "What a command does."},
    {"slowlog",
     -2,
     kAdmin,
     {},
     run_subcommand,
     "server",
     "GET|LEN|RESET ...",
     "Commands that took long.",
     kSlowlogSubcommands},
    {"monitor",
     1,
     kAdmin | kNoMulti,
     {},
     monitor,
     "server",
     "",
     "Receives every command as it is executed."},
    {"memory",
     -2,
     kRead,
     {2, 2, 1},
     run_subcommand,
     "server",
     "USAGE|STATS|DOCTOR ...",
     "What memory is used for.",
     kMemorySubcommands},
    {"latency",
     -2,
     kAdmin,
     {},
     run_subcommand,
     "server",
     "SUMMARY ...",
     "How long commands take.",
     kLatencySubcommands},
    {"time", 1, kFast, {}, time, "server", "", "Unix seconds, and microseconds."},
    {"debug",
     -2,
     kAdmin | kSlow | kNoMulti,
     {},
     run_subcommand,
     "server",
     "SLEEP|DIGEST ...",
     "For tests.",
     kDebugSubcommands},
    {"save",
     1,
     kAdmin | kSlow | kNoMulti,
     {},
     save,
     "server",
     "",
     "Writes a snapshot and waits for it."},
    {"bgsave", -1, kAdmin, {}, bgsave, "server", "[SCHEDULE]", "Begins to write a snapshot."},
    {"lastsave",
     1,
     kFast,
     {},
     lastsave,
     "server",
     "",
     "When the last snapshot was written, Unix seconds."},
    {"shutdown",
     -1,
     kAdmin | kNoMulti,
     {},
     shutdown,
     "server",
     "[NOSAVE|SAVE]",
     "Stops the server."},
};

}  // namespace

std::span<const CommandRow> server_commands() { return kRows; }

}  // namespace kimdb::database
