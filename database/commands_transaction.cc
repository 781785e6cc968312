// MULTI, EXEC, DISCARD, WATCH, UNWATCH. What EXEC does is in transaction.cc.

#include "database/command_table.h"
#include "database/database.h"

namespace kimdb::database {

void end_transaction(Session& session) {
  session.in_transaction = false;
  session.transaction_failed = false;
  session.queue.clear();
  session.queued_bytes = 0;
  session.watched.clear();
  session.info.queued.store(-1, std::memory_order_relaxed);
}

namespace {

void multi(Context& c) {
  if (c.session.in_transaction) return c.reply.error("ERR MULTI calls can not be nested");
  if (c.session.sql_transaction != nullptr)
    return c.reply.error("ERR MULTI does not go inside BEGIN … COMMIT, which is one already");
  c.session.in_transaction = true;
  c.session.info.queued.store(0, std::memory_order_relaxed);
  c.reply.ok();
}

void exec(Context& c) {
  if (!c.session.in_transaction) return c.reply.error("ERR EXEC without MULTI");
  if (c.session.transaction_failed) {
    end_transaction(c.session);
    return c.reply.error("EXECABORT Transaction discarded because of previous errors.");
  }
  c.database.execute_transaction(c);
}

void discard(Context& c) {
  if (!c.session.in_transaction) return c.reply.error("ERR DISCARD without MULTI");
  end_transaction(c.session);
  c.reply.ok();
}

void watch(Context& c) {
  if (c.session.in_transaction) return c.reply.error("ERR WATCH inside MULTI is not allowed");
  for (const std::string_view key : c.words.subspan(1)) {
    const engine::Entry* entry = c.find(key);
    engine::Engine& engine = c.database.engine();
    c.session.watched.push_back(
        {.keyspace = c.session.keyspace,
         .key = std::string(key),
         .lsn = entry == nullptr ? 0 : entry->lsn(),
         .last_removed = engine.partition_of(engine.hash(key)).last_removed_lsn()});
  }
  c.reply.ok();
}

void unwatch(Context& c) {
  c.session.watched.clear();
  c.reply.ok();
}

constexpr CommandRow kRows[] = {
    {"multi",
     1,
     kConnection | kFast,
     {},
     multi,
     "transactions",
     "",
     "Begins a transaction: what follows is queued."},
    {"exec",
     1,
     kConnection | kTransaction,
     {},
     exec,
     "transactions",
     "",
     "Runs what was queued, as one, if no watched key has changed."},
    {"discard", 1, kConnection | kFast, {}, discard, "transactions", "", "Drops what was queued."},
    {"watch",
     -2,
     kRead | kConnection | kFast,
     {1, -1, 1},
     watch,
     "transactions",
     "key [key ...]",
     "Lets EXEC fail if one of the keys changes until then."},
    {"unwatch", 1, kFast, {}, unwatch, "transactions", "", "Forgets the watched keys."},
};

}  // namespace

std::span<const CommandRow> transaction_commands() { return kRows; }

}  // namespace kimdb::database
