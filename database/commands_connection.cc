// Commands about the connection itself: HANDSHAKE, AUTH, HELLO, CLIENT, SHOW PROCESSLIST and the
// like.

#include <algorithm>

#include "database/arguments.h"
#include "database/command_table.h"
#include "database/database.h"
#include "database/subcommand.h"
#include "protocol/numbers.h"

namespace kimdb::database {

using protocol::Format;

namespace {

// HANDSHAKE, HANDSHAKE v1.0 (the parser has split the form with bars).
void handshake(Context& c) {
  if (c.words.size() > 1 && !c.words[1].starts_with("v1.") && c.words[1] != "v1")
    return c.reply.error("ERR protocol " + std::string(c.words[1].substr(0, 16)) +
                         " is not supported, this server speaks v1.0");
  c.reply.simple("HANDSHAKE|v1.0|" + std::to_string(c.session.info.id) +
                 "|kimdb " KIMDB_VERSION "|" + (c.database.is_slave() ? "slave" : "master"));
}

bool log_in(Context& c, std::string_view user, std::string_view password) {
  const Status status = c.database.authenticate(c.session, user, password);
  if (status) return true;
  if (status.error().code == ErrorCode::permission_denied)
    c.reply.error("WRONGPASS " + status.error().message);
  else
    c.reply.error(c.reply.is_resp()
                      ? "WRONGPASS invalid username-password pair or user is disabled."
                      : "ERR authentication failed");
  return false;
}

void auth(Context& c) {
  if (c.words.size() > 3) return syntax_error(c);
  const bool named = c.words.size() == 3;
  if (!c.database.options().auth_enabled && !named)
    return c.reply.error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your "
        "configuration is correct?");
  if (!log_in(c, named ? c.words[1] : "default", c.words.back())) return;
  c.reply.is_resp() ? c.reply.ok() : c.reply.simple("Authenticated");
}

bool valid_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(),
                     [](char character) { return character >= '!' && character <= '~'; });
}

void hello(Context& c) {
  Format format = c.session.resp_format;
  std::size_t next = 1;
  if (c.words.size() > 1) {
    const auto version = protocol::parse_integer(c.words[1]);
    if (!version) return c.reply.error("ERR Protocol version is not an integer or out of range");
    if (*version != 2 && *version != 3)
      return c.reply.error("NOPROTO unsupported protocol version");
    format = *version == 3 ? Format::resp3 : Format::resp2;
    next = 2;
  }
  std::optional<std::string_view> user, name;
  std::string_view password;
  while (next < c.words.size()) {
    const std::size_t left = c.words.size() - next - 1;
    if (is_word(c.words[next], "auth") && left >= 2) {
      user = c.words[next + 1];
      password = c.words[next + 2];
      next += 3;
    } else if (is_word(c.words[next], "setname") && left >= 1) {
      name = c.words[next + 1];
      if (!valid_name(*name))
        return c.reply.error(
            "ERR Client names cannot contain spaces, newlines or special characters.");
      next += 2;
    } else {
      return c.reply.error("ERR Syntax error in HELLO option '" +
                           shown_as_c_string(c.words[next], c.words[next].size()) + "'");
    }
  }
  if (user && !log_in(c, *user, password)) return;
  if (c.database.options().auth_enabled && !c.session.authenticated)
    return c.reply.error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "<proto> AUTH <user> "
        "<pass> option can be used to authenticate the client and select the RESP protocol version "
        "at the same time");
  if (name) c.session.info.set_name(*name);
  c.session.resp_format = format;
  c.session.info.resp_version.store(format == Format::resp3 ? 3 : 2, std::memory_order_relaxed);
  // The answer comes in the version just chosen.
  protocol::ReplyWriter reply(c.reply.out(), c.reply.is_resp() ? format : c.reply.format());
  reply.map(7);
  reply.bulk("server"), reply.bulk("redis");  // clients look for it
  reply.bulk("version"), reply.bulk("7.0.15");
  reply.bulk("proto"), reply.integer(format == Format::resp3 ? 3 : 2);
  reply.bulk("id"), reply.integer(static_cast<std::int64_t>(c.session.info.id));
  reply.bulk("mode"), reply.bulk("standalone");
  reply.bulk("role"), reply.bulk(c.database.is_slave() ? "replica" : "master");
  reply.bulk("modules"), reply.array(0);
}

void ping(Context& c) {
  if (c.words.size() > 2) return c.reply.error("ERR wrong number of arguments for 'ping' command");
  if (c.session.subscribed() && c.reply.format() == Format::resp2) {
    c.reply.array(2);
    c.reply.bulk("pong");
    return c.reply.bulk(c.words.size() == 2 ? c.words[1] : "");
  }
  c.words.size() == 2 ? c.reply.bulk(c.words[1]) : c.reply.simple("PONG");
}

void echo(Context& c) { c.reply.bulk(c.words[1]); }

void quit(Context& c) {
  c.reply.ok();
  c.close();
}

void reset(Context& c) {
  Session& session = c.session;
  end_transaction(session);
  c.database.end_session(session);
  session.keyspace = 0;
  session.info.keyspace.store(0, std::memory_order_relaxed);
  session.resp_format = Format::resp2;
  session.line_format = Format::text;
  session.info.resp_version.store(2, std::memory_order_relaxed);
  // Behind SKIP even this is not answered.
  if (session.replies != Session::Replies::skip_this) session.replies = Session::Replies::on;
  session.streams_lists = false;
  session.log_out(c.database.options().auth_enabled);
  session.info.set_name("");
  protocol::ReplyWriter(c.reply.out(), c.reply.is_resp() ? Format::resp2 : Format::text)
      .simple("RESET");
}

void select(Context& c) {
  const auto number = integer_argument(c, c.words[1]);
  if (!number) return;
  if (*number < 0 || *number >= engine::kKeyKeyspaces)
    return c.reply.error("ERR DB index is out of range");
  c.session.keyspace = static_cast<std::uint8_t>(*number);
  c.session.info.keyspace.store(c.session.keyspace, std::memory_order_relaxed);
  c.reply.ok();
}

void format(Context& c) {
  if (is_word(c.words[1], "text"))
    c.session.line_format = Format::text;
  else if (is_word(c.words[1], "strict"))
    c.session.line_format = Format::strict;
  else if (is_word(c.words[1], "json"))
    c.session.line_format = Format::json;
  else
    return c.reply.error("ERR FORMAT takes text, strict or json");
  c.reply.ok();
}

// --- CLIENT ---

std::string flags_of(const SessionInfo& info) {
  std::string flags;
  if (info.monitor.load(std::memory_order_relaxed)) flags += 'O';
  if (info.channels.load(std::memory_order_relaxed) +
          info.patterns.load(std::memory_order_relaxed) >
      0)
    flags += 'P';
  if (info.queued.load(std::memory_order_relaxed) >= 0) flags += 'x';
  return flags.empty() ? "N" : flags;
}

// A line of CLIENT LIST, its fields named as Redis names them, those left out that kimdb has
// nothing to say in.
std::string describe(const SessionInfo& info, std::int64_t now_ms) {
  const CommandRow* last = info.last_command.load(std::memory_order_relaxed);
  const auto number = [](auto value) { return std::to_string(value); };
  return "id=" + number(info.id) + " addr=" + info.address + " laddr=" + info.local_address +
         " name=" + info.name() +
         " age=" + number(std::max<std::int64_t>(0, now_ms - info.connected_at_ms) / 1000) +
         " idle=" +
         number(std::max<std::int64_t>(
                    0, now_ms - info.last_active_ms.load(std::memory_order_relaxed)) /
                1000) +
         " flags=" + flags_of(info) +
         " db=" + number(info.keyspace.load(std::memory_order_relaxed)) +
         " sub=" + number(info.channels.load(std::memory_order_relaxed)) +
         " psub=" + number(info.patterns.load(std::memory_order_relaxed)) +
         " multi=" + number(info.queued.load(std::memory_order_relaxed)) +
         " omem=" + number(info.output_bytes.load(std::memory_order_relaxed)) +
         " tot-cmds=" + number(info.commands.load(std::memory_order_relaxed)) +
         " cmd=" + (last == nullptr ? "NULL" : std::string(last->name)) + " user=" + info.user() +
         " resp=" + number(info.resp_version.load(std::memory_order_relaxed));
}

template <class Visit>
void for_each_session(Context& c, Visit&& visit) {
  if (Host* host = c.database.host())
    host->for_each_session(visit);
  else
    visit(c.session.info);
}

void client_id(Context& c) { c.reply.integer(static_cast<std::int64_t>(c.session.info.id)); }
void client_info(Context& c) { c.reply.verbatim(describe(c.session.info, c.now_ms) + "\n"); }

// Whether a connection is of the type that CLIENT LIST and CLIENT KILL name: kimdb has none that
// are replicas. Empty: any. Nullopt: there is no such type.
using TypeFilter = std::function<bool(const SessionInfo&)>;
std::optional<TypeFilter> type_filter(std::string_view type) {
  const auto subscribed = [](const SessionInfo& info) {
    return info.channels.load(std::memory_order_relaxed) +
               info.patterns.load(std::memory_order_relaxed) >
           0;
  };
  if (is_word(type, "normal"))
    return [subscribed](const SessionInfo& info) { return !subscribed(info); };
  if (is_word(type, "pubsub")) return subscribed;
  if (is_word(type, "master") || is_word(type, "replica") || is_word(type, "slave"))
    return [](const SessionInfo&) { return false; };
  return std::nullopt;
}

void unknown_type(Context& c, std::string_view type) {
  c.reply.error("ERR Unknown client type '" + shown_as_c_string(type, type.size()) + "'");
}

void client_list(Context& c) {
  std::vector<std::uint64_t> wanted;
  std::optional<TypeFilter> of_type;
  for (std::size_t i = 2; i < c.words.size(); ++i) {
    if (is_word(c.words[i], "id") && i + 1 < c.words.size()) {
      while (++i < c.words.size()) {
        const auto id = protocol::parse_integer(c.words[i]);
        if (!id || *id < 1) return c.reply.error("ERR Invalid client ID");
        wanted.push_back(static_cast<std::uint64_t>(*id));
      }
    } else if (is_word(c.words[i], "type") && c.words.size() == 4) {
      of_type = type_filter(c.words[++i]);
      if (!of_type) return unknown_type(c, c.words[i]);
    } else {
      return syntax_error(c);
    }
  }
  std::string text;
  for_each_session(c, [&](const SessionInfo& info) {
    const bool named =
        wanted.empty() || std::find(wanted.begin(), wanted.end(), info.id) != wanted.end();
    if (named && (!of_type || (*of_type)(info))) text += describe(info, c.now_ms) + "\n";
  });
  c.reply.verbatim(text);
}
void client_getname(Context& c) {
  const std::string name = c.session.info.name();
  name.empty() ? c.reply.null() : c.reply.bulk(name);
}
void client_setname(Context& c) {
  if (!valid_name(c.words[2]))
    return c.reply.error("ERR Client names cannot contain spaces, newlines or special characters.");
  c.session.info.set_name(c.words[2]);
  c.reply.ok();
}
// Client libraries tell their name and version; nothing is done with it.
void client_setinfo(Context& c) { c.reply.ok(); }
void client_no_evict(Context& c) {
  if (!is_word(c.words[2], "on") && !is_word(c.words[2], "off")) return syntax_error(c);
  c.reply.ok();
}
void client_maint_notifications(Context& c) { c.reply.ok(); }

bool is_user(Database& database, std::string_view name) {
  const auto is_among = [&](const std::vector<Account>& accounts) {
    return std::any_of(accounts.begin(), accounts.end(),
                       [&](const Account& account) { return account.name == name; });
  };
  return name == "default" || is_among(database.options().users) ||
         is_among(database.options().api_keys);
}

void client_kill(Context& c) {
  Host* host = c.database.host();
  if (host == nullptr) return c.reply.error("ERR there are no other connections");
  if (c.words.size() == 3) {  // the old form: an address
    std::uint64_t id = 0;
    host->for_each_session([&](const SessionInfo& info) {
      if (info.address == c.words[2]) id = info.id;
    });
    if (id == 0 || !host->kill_session(id)) return c.reply.error("ERR No such client");
    return c.reply.ok();
  }
  if (c.words.size() % 2 != 0) return syntax_error(c);
  std::optional<std::uint64_t> wanted_id;
  std::string_view address, local_address, user;
  std::optional<TypeFilter> of_type;
  bool skip_me = true;
  for (std::size_t i = 2; i < c.words.size(); i += 2) {
    const std::string_view value = c.words[i + 1];
    if (is_word(c.words[i], "id")) {
      const auto id = protocol::parse_integer(value);
      if (!id || *id < 1) return c.reply.error("ERR client-id should be greater than 0");
      wanted_id = static_cast<std::uint64_t>(*id);
    } else if (is_word(c.words[i], "addr")) {
      address = value;
    } else if (is_word(c.words[i], "laddr")) {
      local_address = value;
    } else if (is_word(c.words[i], "type")) {
      of_type = type_filter(value);
      if (!of_type) return unknown_type(c, value);
    } else if (is_word(c.words[i], "user")) {
      user = value;
      if (!is_user(c.database, user))
        return c.reply.error("ERR No such user '" + shown_as_c_string(user, user.size()) + "'");
    } else if (is_word(c.words[i], "skipme") && (is_word(value, "yes") || is_word(value, "no"))) {
      skip_me = is_word(value, "yes");
    } else {
      return syntax_error(c);
    }
  }
  std::vector<std::uint64_t> ids;
  host->for_each_session([&](const SessionInfo& info) {
    if ((wanted_id && info.id != *wanted_id) || (!address.empty() && info.address != address) ||
        (!local_address.empty() && info.local_address != local_address) ||
        (of_type && !(*of_type)(info)) || (!user.empty() && info.user() != user) ||
        (skip_me && info.id == c.session.info.id))
      return;
    ids.push_back(info.id);
  });
  c.reply.integer(std::count_if(ids.begin(), ids.end(),
                                [&](std::uint64_t id) { return host->kill_session(id); }));
}

void client_reply(Context& c) {
  if (is_word(c.words[2], "on")) {
    c.session.replies = Session::Replies::on;
    c.session.told_in_silence.clear();  // what EXEC did before stands in its reply
    c.reply.ok();
  } else if (is_word(c.words[2], "off")) {
    c.session.replies = Session::Replies::off;
  } else if (is_word(c.words[2], "skip")) {
    if (c.session.replies != Session::Replies::off) c.session.replies = Session::Replies::skip_next;
  } else {
    syntax_error(c);
  }
}

void client_stream(Context& c) {
  if (!is_word(c.words[2], "on") && !is_word(c.words[2], "off")) return syntax_error(c);
  c.session.streams_lists = is_word(c.words[2], "on");
  c.reply.ok();
}

constexpr Subcommand kClientSubcommands[] = {
    {"id", 2, client_id, "", "The number of this connection."},
    {"info", 2, client_info, "", "This connection's line of CLIENT LIST."},
    {"list", -2, client_list, "[TYPE type | ID id ...]", "All connections.", kAdmin},
    {"kill", -3, client_kill,
     "address | [ID id] [TYPE t] [ADDR a] [LADDR a] [USER u] [SKIPME yes|no]",
     "Closes connections.", kAdmin},
    {"getname", 2, client_getname, "", "The name of this connection."},
    {"setname", 3, client_setname, "name", "Names this connection."},
    {"setinfo", 4, client_setinfo, "LIB-NAME|LIB-VER value", "Taken and ignored."},
    {"no-evict", 3, client_no_evict, "ON|OFF", "Taken and ignored."},
    {"maint_notifications", -3, client_maint_notifications, "ON|OFF", "Taken and ignored."},
    {"reply", 3, client_reply, "ON|OFF|SKIP", "Whether replies are sent."},
    {"stream", 3, client_stream, "ON|OFF", "Whether long lists come before their length is known."},
};

// SHOW PROCESSLIST: a row for each connection.
void show(Context& c) {
  if (!is_word(c.words[1], "processlist")) return c.reply.error("ERR SHOW takes PROCESSLIST");
  std::vector<std::string> rows;
  for_each_session(c, [&](const SessionInfo& info) {
    const CommandRow* last = info.last_command.load(std::memory_order_relaxed);
    // Of the others those whose command runs on a worker: nothing else takes time.
    const bool executes =
        info.id == c.session.info.id || info.executing.load(std::memory_order_relaxed);
    const std::int64_t idle = c.now_ms - info.last_active_ms.load(std::memory_order_relaxed);
    rows.push_back("id=" + std::to_string(info.id) + " user=" + info.user() +
                   " host=" + info.address +
                   " db=" + std::to_string(info.keyspace.load(std::memory_order_relaxed)) +
                   " command=" + (last == nullptr ? "none" : std::string(last->name)) +
                   " time=" + std::to_string(std::max<std::int64_t>(0, idle) / 1000) +
                   " state=" + (executes ? "executing" : "idle"));
  });
  c.reply.array(rows.size());
  for (const std::string& row : rows) c.reply.bulk(row);
}

void kill(Context& c) {
  const auto id = integer_argument(c, c.words[1]);
  if (!id) return;
  Host* host = c.database.host();
  if (host == nullptr || *id < 1 || !host->kill_session(static_cast<std::uint64_t>(*id)))
    return c.reply.error("ERR there is no connection " + std::string(c.words[1]) +
                         ", see SHOW PROCESSLIST");
  c.reply.ok();
}

constexpr std::uint32_t kOwn = kConnection | kFast;
constexpr CommandRow kRows[] = {
    {"handshake",
     -1,
     kOwn | kNoAuth,
     {},
     handshake,
     "connection",
     "[v1.0]",
     "Tells protocol, connection id and version."},
    {"auth", -2, kSlow | kNoAuth | kNoMulti, {}, auth, "connection", "[user] password", "Logs in."},
    {"hello",
     -1,
     kFast | kNoAuth,
     {},
     hello,
     "connection",
     "[2|3] [AUTH user password] [SETNAME name]",
     "Chooses the version of RESP."},
    {"ping",
     -1,
     kFast | kNoAuth | kSubscribed,
     {},
     ping,
     "connection",
     "[message]",
     "PONG, or the message."},
    {"echo", 2, kFast, {}, echo, "connection", "message", "The message."},
    {"quit",
     -1,
     kOwn | kNoAuth | kSubscribed,
     {},
     quit,
     "connection",
     "",
     "Closes the connection."},
    {"reset",
     1,
     kOwn | kNoAuth | kSubscribed,
     {},
     reset,
     "connection",
     "",
     "Makes the connection as if it were new."},
    {"select",
     2,
     kFast,
     {},
     select,
     "connection",
     "keyspace",
     "Chooses one of the keyspaces 0 to 15."},
    {"format",
     2,
     kFast,
     {},
     format,
     "connection",
     "TEXT|STRICT|JSON",
     "How replies to lines are written."},
    {"client",
     -2,
     kFast,
     {},
     run_subcommand,
     "connection",
     "ID|INFO|LIST|KILL|SETNAME|GETNAME|REPLY ...",
     "About connections.",
     kClientSubcommands},
    {"show", 2, kAdmin, {}, show, "connection", "PROCESSLIST", "All connections and what they do."},
    {"kill", 2, kAdmin, {}, kill, "connection", "id", "Closes a connection."},
};

}  // namespace

std::span<const CommandRow> connection_commands() { return kRows; }

}  // namespace kimdb::database
