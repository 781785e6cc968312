// SUBSCRIBE, PUBLISH and their family.

#include "database/arguments.h"
#include "database/command_table.h"
#include "database/database.h"
#include "database/subcommand.h"

namespace kimdb::database {

namespace {

// Subscribing answers with an event for each channel, not with a reply: that is how Redis counts
// it, too, and why CLIENT REPLY OFF and SKIP do not leave it out.
void confirm(Context& c, std::string_view kind, std::optional<std::string_view> channel) {
  const auto write = [&](protocol::ReplyWriter& writer) {
    writer.push(3);
    writer.bulk(kind);
    channel ? writer.bulk(*channel) : writer.null();
    writer.integer(
        static_cast<std::int64_t>(c.session.channels.size() + c.session.patterns.size()));
  };
  write(c.reply);
  if (c.session.replies != Session::Replies::on) {
    protocol::ReplyWriter told(c.session.told_in_silence, protocol::Format::neutral);
    write(told);
  }
  c.session.info.channels.store(static_cast<std::uint32_t>(c.session.channels.size()),
                                std::memory_order_relaxed);
  c.session.info.patterns.store(static_cast<std::uint32_t>(c.session.patterns.size()),
                                std::memory_order_relaxed);
}

bool can_receive(Context& c) {
  if (c.session.receiver == nullptr)
    c.reply.error("ERR this kind of session cannot receive events");
  return c.session.receiver != nullptr;
}

void subscribe(Context& c) {
  if (!can_receive(c)) return;
  for (const std::string_view channel : c.words.subspan(1)) {
    if (c.session.channels.emplace(channel).second)
      c.database.pubsub().subscribe(channel, c.session.receiver);
    confirm(c, "subscribe", channel);
  }
}

void psubscribe(Context& c) {
  if (!can_receive(c)) return;
  for (const std::string_view pattern : c.words.subspan(1)) {
    if (c.session.patterns.emplace(pattern).second)
      c.database.pubsub().subscribe_pattern(pattern, c.session.receiver);
    confirm(c, "psubscribe", pattern);
  }
}

using Names = std::set<std::string, std::less<>>;
using Leave = void (PubSub::*)(std::string_view, EventReceiver*);

void leave(Context& c, Names& names, Leave leave_one, std::string_view kind) {
  std::vector<std::string> wanted(c.words.begin() + 1, c.words.end());
  if (wanted.empty()) wanted.assign(names.begin(), names.end());
  if (wanted.empty()) return confirm(c, kind, std::nullopt);
  for (const std::string& name : wanted) {
    if (names.erase(name) != 0) (c.database.pubsub().*leave_one)(name, c.session.receiver);
    confirm(c, kind, name);
  }
}
void unsubscribe(Context& c) {
  if (c.words.size() == 1) c.session.watches.clear();  // DOC WATCH
  leave(c, c.session.channels, &PubSub::unsubscribe, "unsubscribe");
}
void punsubscribe(Context& c) {
  leave(c, c.session.patterns, &PubSub::unsubscribe_pattern, "punsubscribe");
}

void publish(Context& c) {
  c.reply.integer(static_cast<std::int64_t>(c.database.pubsub().publish(c.words[1], c.words[2])));
}

void pubsub_channels(Context& c) {
  if (c.words.size() > 3) return subcommand_syntax_error(c);
  const auto names = c.database.pubsub().channels(c.words.size() > 2 ? c.words[2] : "*");
  c.reply.array(names.size());
  for (const std::string& name : names) c.reply.bulk(name);
}
void pubsub_numsub(Context& c) {
  c.reply.array(2 * (c.words.size() - 2));
  for (const std::string_view channel : c.words.subspan(2)) {
    c.reply.bulk(channel);
    c.reply.integer(static_cast<std::int64_t>(c.database.pubsub().subscribers(channel)));
  }
}
void pubsub_numpat(Context& c) {
  c.reply.integer(static_cast<std::int64_t>(c.database.pubsub().pattern_count()));
}
constexpr Subcommand kPubsubSubcommands[] = {
    {"channels", -2, pubsub_channels, "[pattern]", "Channels that somebody subscribed to."},
    {"numsub", -2, pubsub_numsub, "[channel ...]", "How many subscribed to each channel."},
    {"numpat", 2, pubsub_numpat, "", "How many patterns are subscribed to."},
};

constexpr std::uint32_t kSubscription = kPubSub | kSubscribed;
constexpr CommandRow kRows[] = {
    {"subscribe",
     -2,
     kSubscription,
     {},
     subscribe,
     "pub/sub",
     "channel [channel ...]",
     "Receives what is published to the channels."},
    {"unsubscribe",
     -1,
     kSubscription,
     {},
     unsubscribe,
     "pub/sub",
     "[channel ...]",
     "Ends subscriptions; all without names."},
    {"psubscribe",
     -2,
     kSubscription,
     {},
     psubscribe,
     "pub/sub",
     "pattern [pattern ...]",
     "Receives what is published to channels that match."},
    {"punsubscribe",
     -1,
     kSubscription,
     {},
     punsubscribe,
     "pub/sub",
     "[pattern ...]",
     "Ends subscriptions to patterns; all without names."},
    {"publish",
     3,
     kPubSub | kFast,
     {},
     publish,
     "pub/sub",
     "channel message",
     "Sends a message to all who subscribed; gives their number."},
    {"pubsub",
     -2,
     kPubSub,
     {},
     run_subcommand,
     "pub/sub",
     "CHANNELS|NUMSUB|NUMPAT ...",
     "What is subscribed to.",
     kPubsubSubcommands},
};

}  // namespace

std::span<const CommandRow> pubsub_commands() { return kRows; }

}  // namespace kimdb::database
