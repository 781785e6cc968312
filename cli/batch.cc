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
#include "cli/output_format.h"
#include "cli/reply_printer.h"
#include "cli/statement_reader.h"
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
      const std::size_t size = take_next(std::string_view(input_).substr(taken));
      if (size == 0) break;
      taken += size;
    }
    input_.erase(0, taken);
  }

  // Takes a line of SQL or another request off the front of what has come. How many bytes; 0 where
  // it is not there to its end.
  std::size_t take_next(std::string_view input) {
    // The bytes behind a line, and arrays, are the parser's to tell apart.
    if (!statements_.is_open() && (inside_request_ || input.starts_with('*')))
      return take_request(input);
    const std::size_t end = input.find('\n', searched_);
    searched_ = end == std::string_view::npos ? input.size() : 0;
    if (end == std::string_view::npos) {
      const bool too_long = !statements_.is_open() && input.size() > kMessageBytesMax;
      return too_long ? take_request(input) : 0;
    }
    const std::string_view line = input.substr(0, end);
    if (statements_.is_open() || StatementReader::begins(line)) {
      add_sql(line);
      ++line_;
      return end + 1;
    }
    if (StatementReader::only_goes_on(line)) {
      refuse("ERR " + no_statement_goes_on(line), line_);
      if (!stopped_) complain("stopped here");
      stopped_ = true;
    }
    return take_request(input);
  }

  std::size_t take_request(std::string_view input) {
    if (stopped_) return 0;
    searched_ = 0;
    const auto parsed = parser_.next(input, request_);
    inside_request_ = parsed.outcome == RequestParser::Outcome::incomplete && !input.empty();
    if (inside_request_) return parsed.consumed;
    take(parsed);
    line_ += static_cast<std::size_t>(std::ranges::count(input.substr(0, parsed.consumed), '\n'));
    return parsed.consumed;
  }

  void take(const RequestParser::Parsed& parsed) {
    switch (parsed.outcome) {
      case RequestParser::Outcome::request:
        add(words_of(request_));
        break;
      case RequestParser::Outcome::error:
      case RequestParser::Outcome::fatal:
        refuse(parsed.error.empty() ? "ERR " + std::string(kNoCommandOfHttp)
                                    : std::string(parsed.error),
               line_);
        stopped_ = stopped_ || parsed.outcome == RequestParser::Outcome::fatal;
        break;
      case RequestParser::Outcome::skipped:
      case RequestParser::Outcome::incomplete:
        break;
    }
  }

  // A line of SQL.
  void add_sql(std::string_view line) {
    if (!statements_.is_open()) statement_line_ = line_;
    std::vector<Words> ended;
    const Status added = statements_.add(line, ended);
    if (!added) refuse("ERR " + added.error().message, line_);
    for (Words& words : ended) add(std::move(words), std::exchange(statement_line_, line_));
  }

  void add(Words words) {
    if (equals_ignoring_case(words[0], "FORMAT")) {
      flush();
      if (!stopped_) choose_format(words);
      return;
    }
    add(std::move(words), line_);
  }

  void choose_format(const Words& words) {
    const Value answer = choose_output_format(words, options_.format);
    answer.is_error() ? show_error_reply(answer, line_) : show(render(answer, options_));
  }

  void add(Words words, std::size_t line) {
    commands_.push_back(std::move(words));
    lines_.push_back(line);
    for (const std::string& word : commands_.back()) bytes_ += word.size();
    if (commands_.size() >= kCommandsMax || bytes_ >= kBytesMax) flush();
  }

  void flush() {
    if (commands_.empty() || stopped_) return;
    std::vector<Value> replies;
    std::size_t shown = 0;
    ReplyPrinter printer(options_);
    const Status status =
        executor_.execute_all(commands_, replies, [&](std::vector<Value> elements) {
          show_replies(replies, shown, printer);
          printer.add(std::move(elements));
        });
    show_replies(replies, shown, printer);
    if (!status) {
      printer.give_up();
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

  // Those from `shown` on, which is raised. The first of them may be in the printer's hands.
  void show_replies(const std::vector<Value>& replies, std::size_t& shown, ReplyPrinter& printer) {
    std::string out;
    for (; shown < replies.size(); ++shown) {
      const Value& reply = replies[shown];
      if (!reply.is_error() && !printer.has_begun()) {
        out += render_reply(commands_[shown], reply, options_);
        continue;
      }
      show(std::exchange(out, {}));
      if (!reply.is_error()) {
        printer.end(commands_[shown], reply);
      } else {
        printer.give_up();
        show_error_reply(reply, lines_[shown]);
      }
    }
    show(out);
  }

  // Until it is interrupted.
  void run_stream() {
    const Status status = executor_.stream([&](const Words& command, const Value& value) {
      show(render_reply(command, value, options_));
    });
    if (!status) complain(status.error().message);
    stopped_ = true;
  }

  // What is wrong with a line before it is sent; `message` begins with its code.
  void refuse(std::string message, std::size_t line) {
    flush();
    if (stopped_) return;
    show_error_reply({.type = Value::Type::error, .string = std::move(message)}, line);
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
    if (!input_.empty() && !inside_request_) {
      input_ += '\n';
      take_requests();
    }
    if (statements_.is_open())
      refuse(
          "ERR the statement that begins here does not end in a semicolon: nothing of it was run",
          statement_line_);
    flush();
    if (stopped_) return;
    if (!input_.empty()) {
      complain("line " + std::to_string(line_) + ": the input ends inside a value");
      errors_ = true;
    }
    if (executor_.in_transaction()) {
      complain("the input ends inside a transaction: nothing of it was done");
      errors_ = true;
    }
  }

  Executor& executor_;
  RenderOptions options_;
  Interrupt& interrupt_;
  RequestParser parser_;
  protocol::Request request_;
  std::string input_;
  std::size_t line_ = 1;
  StatementReader statements_;
  std::size_t statement_line_ = 1;  // where the open one began
  bool inside_request_ = false;     // the parser has begun one and waits for more
  std::size_t searched_ = 0;        // bytes at the front of input_ without a line break

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
