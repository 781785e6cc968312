// Replies as text for people and for other programs. Pure; any thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/options.h"
#include "protocol/reply_reader.h"
#include "protocol/reply_writer.h"

namespace kimdb::cli {

struct RenderOptions {
  OutputFormat format = OutputFormat::text;
  bool for_person = false;  // a terminal: lists numbered, maps aligned, no counts
  bool color = false;       // errors in red
};

// The reply as whole lines, each with its line break.
//
//   text   as the line protocol: values quoted only where they could be taken for something else.
//          For a person "1) a" instead of counted lists, rows (maps with the same names, of plain
//          values) as a table; long texts (INFO) as they stand; an event is one line, "> message
//          channel payload"
//   strict as the line protocol's FORMAT strict
//   json   one JSON value on a line, an error as {"error":"…"}
//   raw    values byte for byte, one a line, lists flattened; nothing for null but its line
//   csv    the elements of a list on one line; a list of lists: a line each; rows: the names, then
//          a line each
std::string render(const protocol::Value& reply, const RenderOptions& options);
// The reply to this command: where that gives JSON documents, they are JSON in JSON as well, no
// strings.
std::string render_reply(std::span<const std::string> command, const protocol::Value& reply,
                         const RenderOptions& options);

// The same of a list whose elements come some at a time. Of the text for a person the columns of a
// table are as wide as the first rows want them; of the text for a program the list is one without
// its length (docs/protocol.md), unless it is short.
class ListRenderer {
 public:
  explicit ListRenderer(const RenderOptions& options);
  ~ListRenderer();

  // What may be shown by now.
  std::string add(std::vector<protocol::Value> elements);
  std::string end();
  // It will not come to its end: what came, so that an error can follow. JSON: a line that is none.
  std::string fail();

 private:
  struct State;
  std::string show_held();

  std::unique_ptr<State> state_;
};

// An error of the CLI's own (no reply came), in the same format.
std::string render_error(std::string_view message, const RenderOptions& options);

}  // namespace kimdb::cli
