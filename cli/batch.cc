#include "cli/batch.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "cli/command_line.h"
#include "cli/output.h"
#include "database/sql/tokenizer.h"
#include "protocol/request_parser.h"

namespace kimdb::cli {
namespace {

using protocol::RequestParser;

// Sent together at most. More would make the first reply wait for the last command of a large file.
constexpr std::size_t kCommandsMax = 1000;
constexpr std::size_t kBytesMax = 1 << 20;
constexpr std::size_t kReadBytes = 64 << 10;
constexpr std::size_t kMessageBytesMax = std::size_t{1} << 30;

class Batch {
 public:
  Batch(Executor& executor, const RenderOptions& options, Interrupt& interrupt)
      : executor_(executor),
        options_(options),
        interrupt_(interrupt),
        parser_({.message_bytes = kMessageBytesMax}) {}

  int run() {
    while (!stopped_ && read_more()) {
      take_requests();
      // Nothing more to read right now: somebody may be waiting for the replies.
      if (!input_waits()) flush();
    }
    if (!stopped_) finish();
    return stopped_ ? 2 : errors_ ? 1 : 0;
  }

 private:
  // False at the end of input, or where it was interrupted.
  bool read_more() {
    pollfd waiting[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                        {.fd = interrupt_.descriptor(), .events = POLLIN, .revents = 0}};
    while (poll(waiting, 2, -1) < 0 && errno == EINTR) continue;
    if (waiting[1].revents != 0) {
      stopped_ = true;
      return false;
    }
    const std::size_t size = input_.size();
    input_.resize(size + kReadBytes);
    const ssize_t count = read(STDIN_FILENO, input_.data() + size, kReadBytes);
    input_.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return count > 0;
  }

  static bool input_waits() {
    pollfd waiting{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    return poll(&waiting, 1, 0) == 1;
  }

  void take_requests() {
    std::size_t taken = 0;
    while (!stopped_) {
      if (!open_statement_.empty()) {
        const std::size_t end = input_.find('\n', taken);
        if (end == std::string::npos) break;
        continue_statement(std::string_view(input_).substr(taken, end - taken));
        taken = end + 1;
        ++line_;
        continue;
      }
      const auto parsed = parser_.next(std::string_view(input_).substr(taken), request_);
      const std::string_view consumed = std::string_view(input_).substr(taken, parsed.consumed);
      taken += parsed.consumed;
      if (parsed.outcome == RequestParser::Outcome::incomplete) break;
      take(parsed);
      line_ += static_cast<std::size_t>(std::ranges::count(consumed, '\n'));
    }
    input_.erase(0, taken);
  }

  void take(const RequestParser::Parsed& parsed) {
    switch (parsed.outcome) {
      case RequestParser::Outcome::request:
        add();
        break;
      case RequestParser::Outcome::error:
      case RequestParser::Outcome::fatal:
        flush();
        if (!stopped_)
          show_error_reply({.type = Value::Type::error, .string = std::string(parsed.error)},
                           line_);
        stopped_ = stopped_ || parsed.outcome == RequestParser::Outcome::fatal;
        break;
      case RequestParser::Outcome::skipped:
      case RequestParser::Outcome::incomplete:
        break;
    }
  }

  void add() {
    Words words = words_of(request_);
    if (words.size() == 2 && equals_ignoring_case(words[0], "SQL") &&
        database::sql::is_open(words[1])) {
      open_statement_ = words[1];
      return;
    }
    add(std::move(words));
  }

  // An SQL statement over several lines.
  void continue_statement(std::string_view line) {
    open_statement_ += '\n';
    open_statement_ += line;
    if (!database::sql::is_open(open_statement_)) add({"SQL", std::exchange(open_statement_, {})});
  }

  void add(Words words) {
    commands_.push_back(std::move(words));
    lines_.push_back(line_);
    for (const std::string& word : commands_.back()) bytes_ += word.size();
    if (commands_.size() >= kCommandsMax || bytes_ >= kBytesMax) flush();
  }

  void flush() {
    if (commands_.empty() || stopped_) return;
    std::vector<Value> replies;
    const Status status = executor_.execute_all(commands_, replies);
    std::string out;
    for (std::size_t i = 0; i < replies.size(); ++i) {
      if (replies[i].is_error()) {
        show(std::exchange(out, {}));
        show_error_reply(replies[i], lines_[i]);
      } else {
        out += render(replies[i], options_);
      }
    }
    show(out);
    if (!status) {
      const std::string where = replies.size() < lines_.size()
                                    ? "line " + std::to_string(lines_[replies.size()]) + ": "
                                    : "";
      complain(where + status.error().message + "; stopped here");
      stopped_ = true;
    }
    commands_.clear();
    lines_.clear();
    bytes_ = 0;
    if (!stopped_ && executor_.streams()) run_stream();
  }

  void run_stream() {
    const Status status =
        executor_.stream([&](const Value& event) { show(render(event, options_)); });
    stopped_ = interrupt_.is_set();
    if (status) return;
    complain(status.error().message);
    stopped_ = true;
  }

  // A terminal shows both streams: there the line's number goes before the error instead.
  void show_error_reply(const Value& error, std::size_t line) {
    errors_ = true;
    const std::string where = "line " + std::to_string(line) + ": ";
    if (options_.for_person) return show(where + render(error, options_));
    show(render(error, options_));
    complain(where + error.string);
  }

  // A last line without an end counts; a value that is not there to its end does not.
  void finish() {
    if (!input_.empty()) {
      input_ += '\n';
      take_requests();
    }
    // One that stays open is the server's to refuse.
    if (!open_statement_.empty()) add({"SQL", std::exchange(open_statement_, {})});
    flush();
    if (stopped_ || input_.empty()) return;
    complain("line " + std::to_string(line_) + ": the input ends inside a value");
    errors_ = true;
  }

  Executor& executor_;
  const RenderOptions options_;
  Interrupt& interrupt_;
  RequestParser parser_;
  protocol::Request request_;
  std::string input_;
  std::size_t line_ = 1;
  std::string open_statement_;  // of SQL, that goes on

  std::vector<Words> commands_;  // to be sent
  std::vector<std::size_t> lines_;
  std::size_t bytes_ = 0;
  bool errors_ = false;
  bool stopped_ = false;
};

}  // namespace

int run_batch(Executor& executor, const RenderOptions& options, Interrupt& interrupt) {
  return Batch(executor, options, interrupt).run();
}

}  // namespace kimdb::cli
