#include "server/config_docs.h"

#include "server/config_keys.h"

namespace kimdb::server {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration

<!-- Made by `kimdb-server --print-docs configuration`; change server/config_keys.cc instead. -->

`kimdb-server --config configs/standalone.yaml` reads a YAML file; without one the defaults below hold. The first of
these that names a key wins:

1. the command line: `--set network.address=127.0.0.1:4000`
2. the environment: `KIMDB_NETWORK_ADDRESS=127.0.0.1:4000` (the key in capitals, `_` for `.`, `KIMDB_` before it)
3. the override file, `standalone.override.yaml` beside `standalone.yaml`, which `CONFIG REWRITE` writes
4. the file
5. the default

`kimdb-server --config FILE --check` says what is wrong with a configuration, with line and column, or prints what is
in effect and where it comes from. `CONFIG GET` shows keys of a running server, `CONFIG SET` changes those that can
change while it runs, until it stops or reads its files again; `CONFIG REWRITE` keeps the changes. On SIGHUP the files
are read again: keys that can change do, the others are named in the log as waiting for a restart.

A **size** is a number with `B`, `KB`, `MB` or `GB` (1024, as `KiB`, `MiB`, `GiB`); without a unit it is bytes. A
**duration** is a number with `us`, `ms`, `s`, `m` or `h`, or several (`1m30s`). An **address** is `host:port`, with
IPv6 in brackets (`[::1]:3223`). Without `auth.enabled` only addresses of this machine are accepted, unless the server
is started with `--insecure`. YAML anchors and aliases are not read.
)";

std::string default_text(const Key& key) {
  const std::string text = value_text(Config{}, key);
  return text.empty() ? "\"\"" : text;
}

// Cells of a Markdown table must not hold a bar.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

// roff reads a backslash as an escape and a leading dot or quote as a request.
std::string roff(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped.push_back(c);
    }
  }
  if (!escaped.empty() && (escaped.front() == '.' || escaped.front() == '\''))
    escaped.insert(0, "\\&");
  return escaped;
}

}  // namespace

std::string configuration_document() {
  std::string text(kIntroduction);
  std::string_view section;
  for (const Key& key : config_keys()) {
    if (key.section() != section) {
      section = key.section();
      text.append("\n## ").append(section).append("\n\n");
      text.append("| key | type | default | values | at run time | |\n|---|---|---|---|---|---|\n");
    }
    text.append("| `").append(key.name).append("` | ").append(type_text(key)).append(" | `");
    text.append(default_text(key)).append("` | ").append(range_text(key)).append(" | ");
    text.append(key.reloadable ? "yes" : "restart")
        .append(" | ")
        .append(cell(key.help))
        .append(" |\n");
  }
  return text;
}

std::string manual_page(const std::vector<OptionText>& options) {
  std::string text =
      ".\\\" Made by kimdb-server --print-docs man; change server/config_docs.cc instead.\n"
      ".TH KIMDB-SERVER 8 \"\" \"kimdb " KIMDB_VERSION
      "\"\n"
      ".SH NAME\nkimdb-server \\- durable key-value server\n"
      ".SH SYNOPSIS\n.B kimdb-server\n[\\-\\-config FILE] [\\-\\-check] [\\-\\-set KEY=VALUE]... "
      "[\\-\\-insecure]\n"
      ".SH DESCRIPTION\n"
      "Serves keys and values over TCP, as plain lines and as RESP on one port (127.0.0.1:3223 by "
      "default). Every\n"
      "change is in a write\\-ahead log before it is acknowledged. Without \\-\\-config the "
      "built\\-in defaults hold and\n"
      "data lives in ./data.\n"
      ".SH OPTIONS\n";
  for (const OptionText& option : options) {
    text.append(".TP\n.B ")
        .append(roff(option.flags))
        .append("\n")
        .append(roff(option.help))
        .append("\n");
  }
  text +=
      ".SH CONFIGURATION\n"
      "Each key stands in the YAML file below its section, may be given as \\-\\-set "
      "section.key=value, and as an\n"
      "environment variable (KIMDB_SECTION_KEY). The command line comes before the environment, "
      "then the override file\n"
      "that CONFIG REWRITE writes, then the file. Keys marked with * can be changed while the "
      "server runs.\n";
  for (const Key& key : config_keys()) {
    text.append(".TP\n.BR ").append(roff(key.name)).append(key.reloadable ? " *" : "").append("\n");
    text.append(roff(key.help)).append("\n");
    const std::string range = range_text(key);
    text.append("Default: ").append(roff(default_text(key)));
    text.append(range.empty() ? std::string() : "; values: " + roff(range)).append(".\n");
  }
  text +=
      ".SH SIGNALS\n.TP\n.B SIGTERM, SIGINT\nStop accepting, finish what is running, sync, and "
      "exit. A second one exits at once.\n"
      ".TP\n.B SIGHUP\nRead the configuration again.\n"
      ".SH EXIT STATUS\n0 after a clean stop or \\-\\-check without errors, not 0 with one line on "
      "standard error otherwise.\n"
      ".SH SEE ALSO\n.BR kimdb\\-cli (1)\n";
  return text;
}

}  // namespace kimdb::server
