#include "base/logging.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>

#include <atomic>
#include <cstdio>
#include <ctime>
#include <string_view>

#include "base/mutex.h"

namespace kimdb {
namespace {

constexpr std::size_t kQueueLines = 8192;

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warning";
    default:
      return "error";
  }
}

void append(spdlog::memory_buf_t& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

// Bytes of the UTF-8 sequence that `text` begins with; 0 where it begins with none (RFC 3629, table
// in section 4).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) >= 0xa0;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool too_high = first == 0xf4 && byte(1) >= 0x90;
    return continues(1) && continues(2) && continues(3) && !overlong && !too_high ? 4 : 0;
  }
  return 0;
}

// One line of UTF-8 whatever the text is: control bytes become escapes that JSON reads, too, and
// what is not UTF-8 the replacement character. With `quotes` also " and \ are escaped.
void append_escaped(spdlog::memory_buf_t& out, std::string_view text, bool quotes) {
  while (!text.empty()) {
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      append(out, "\xef\xbf\xbd");
    } else if (c == '\n') {
      append(out, "\\n");
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      if (quotes && (c == '"' || c == '\\')) out.push_back('\\');
      append(out, text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

// 2026-11-21T12:00:00.123Z: UTC, so that lines of several machines can be merged.
void append_time(spdlog::memory_buf_t& out, spdlog::log_clock::time_point time) {
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                 parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                 parts.tm_sec, ms % 1000);
}

class TextFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    append_time(out, message.time);
    fmt::format_to(std::back_inserter(out), " {:<7} ", level_name(message.level));
    append_escaped(out, {message.payload.data(), message.payload.size()}, false);
    out.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<TextFormatter>();
  }
};

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    append(out, "{\"time\":\"");
    append_time(out, message.time);
    append(out, "\",\"level\":\"");
    append(out, level_name(message.level));
    append(out, "\",\"message\":\"");
    append_escaped(out, {message.payload.data(), message.payload.size()}, true);
    append(out, "\"}\n");
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

// Throws spdlog_ex where a file cannot be opened.
spdlog::sink_ptr make_sink(const LoggerOptions& options) {
  if (options.output == "stdout") return std::make_shared<spdlog::sinks::stdout_sink_mt>();
  if (options.output == "stderr") return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  if (options.output == "syslog") {
    return std::make_shared<spdlog::sinks::syslog_sink_mt>("kimdb", LOG_PID, LOG_DAEMON, true);
  }
  return std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
      options.output, options.max_file_size, options.max_files);
}

// Syslog adds the time and the level itself.
class MessageFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    append_escaped(out, {message.payload.data(), message.payload.size()}, false);
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<MessageFormatter>();
  }
};

std::unique_ptr<spdlog::formatter> make_formatter(const LoggerOptions& options) {
  if (options.format == LogFormat::json) return std::make_unique<JsonFormatter>();
  if (options.output == "syslog") return std::make_unique<MessageFormatter>();
  return std::make_unique<TextFormatter>();
}

}  // namespace

struct Logger::State {
  // The logger holds its pool weakly: once the pool is gone nothing reaches the sinks any more.
  std::shared_ptr<spdlog::async_logger> logger;
  mutable Mutex mutex;
  std::shared_ptr<spdlog::details::thread_pool> pool GUARDED_BY(mutex);
  std::atomic<bool> closed = false;
  std::uint64_t dropped_before_close GUARDED_BY(mutex) = 0;
};

Result<std::unique_ptr<Logger>> Logger::open(const LoggerOptions& options) {
  auto state = std::make_unique<State>();
  try {
    auto pool = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
    state->logger = std::make_shared<spdlog::async_logger>(
        "kimdb", make_sink(options), pool, spdlog::async_overflow_policy::overrun_oldest);
    state->logger->set_formatter(make_formatter(options));
    state->logger->set_level(spdlog_level(options.level));
    // A full disk fails for every line; saying so once is enough.
    state->logger->set_error_handler(
        [output = options.output,
         said = std::make_shared<std::atomic_flag>()](const std::string& what) {
          if (said->test_and_set()) return;
          std::fprintf(stderr, "kimdb: cannot log to %s: %s\n", output.c_str(), what.c_str());
        });
    state->logger->flush_on(spdlog::level::trace);  // a crash must not take the last lines along
    MutexLock lock(state->mutex);
    state->pool = std::move(pool);
  } catch (const std::exception& failure) {
    return Error{ErrorCode::io_error, "cannot log to " + options.output + ": " + failure.what()};
  }
  return std::unique_ptr<Logger>(new Logger(std::move(state)));
}

Logger::Logger(std::unique_ptr<State> state) : state_(std::move(state)) {}

Logger::~Logger() { close(); }

bool Logger::enabled(LogLevel level) const {
  return state_->logger->should_log(spdlog_level(level));
}

void Logger::set_level(LogLevel level) { state_->logger->set_level(spdlog_level(level)); }

std::uint64_t Logger::dropped() const {
  MutexLock lock(state_->mutex);
  return state_->pool ? state_->pool->overrun_counter() : state_->dropped_before_close;
}

void Logger::write(LogLevel level, fmt::string_view format, fmt::format_args args) {
  if (!enabled(level)) return;
  const std::string message = fmt::vformat(format, args);
  if (!state_->closed.load(std::memory_order_acquire)) {
    state_->logger->log(spdlog_level(level), std::string_view(message));
    return;
  }
  spdlog::memory_buf_t line;
  TextFormatter().format({"kimdb", spdlog_level(level), message}, line);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void Logger::close() {
  std::shared_ptr<spdlog::details::thread_pool> pool;
  {
    MutexLock lock(state_->mutex);
    if (!state_->pool) return;
    state_->dropped_before_close = state_->pool->overrun_counter();
    if (state_->dropped_before_close > 0) {
      state_->logger->warn("{} log lines were lost: the output was too slow",
                           state_->dropped_before_close);
    }
    state_->closed.store(true, std::memory_order_release);
    pool = std::move(state_->pool);
  }
  // The destructor of the last reference writes what is queued, then joins the thread.
  pool.reset();
}

}  // namespace kimdb
