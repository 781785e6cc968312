#include "cli/reply_printer.h"

#include <utility>

#include "cli/output.h"

namespace kimdb::cli {

void ReplyPrinter::add(std::vector<Value> elements) {
  if (!list_) list_.emplace(options_);
  show(list_->add(std::move(elements)));
}

void ReplyPrinter::end(const Words& command, const Value& reply) {
  if (!list_) return show(render_reply(command, reply, options_));
  if (!reply.is_error()) {
    show(list_->end());
    list_.reset();
    return;
  }
  give_up();
  show(render(reply, options_));
}

void ReplyPrinter::give_up() {
  if (list_) show(list_->fail());
  list_.reset();
}

}  // namespace kimdb::cli
