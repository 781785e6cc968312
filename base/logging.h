// The log for people: what the server tells whoever runs it. (The write-ahead log is wal/.)
//
// One Logger is made by main and passed down by reference; there is no global one. Thread-safe. A
// call formats its line and hands it to a writer thread through a bounded queue: it never waits for
// the output. When the queue is full the oldest lines are lost and counted. Control bytes in a
// message are escaped, so that a line stays one line whatever a client sent. Not for hot paths.
// logging.cc is the only file that sees spdlog.
#pragma once

#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace kimdb {

enum class LogLevel { debug, info, warning, error, off };
enum class LogFormat { text, json };

struct LoggerOptions {
  LogLevel level = LogLevel::info;
  std::string output = "stdout";  // stdout, stderr, syslog, or the path of a file
  LogFormat format = LogFormat::text;
  std::size_t max_file_size = 100 << 20;  // bytes; then the file is renamed to <name>.1 and so on
  std::size_t max_files = 5;              // renamed files kept
};

class Logger {
 public:
  // io_error where the file cannot be opened for appending (its directory is made if it is
  // missing).
  static Result<std::unique_ptr<Logger>> open(const LoggerOptions& options);
  ~Logger();  // closes

  template <class... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::debug, format, fmt::make_format_args(args...));
  }
  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::info, format, fmt::make_format_args(args...));
  }
  template <class... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::warning, format, fmt::make_format_args(args...));
  }
  template <class... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::error, format, fmt::make_format_args(args...));
  }

  bool enabled(LogLevel level) const;
  void set_level(LogLevel level);

  // Lines lost because the queue was full.
  std::uint64_t dropped() const;

  // Writes what is queued and stops the writer thread; later lines go to stderr. Call it before
  // ending the process in a way that runs no destructors. May be called more than once.
  void close();

 private:
  struct State;
  explicit Logger(std::unique_ptr<State> state);
  void write(LogLevel level, fmt::string_view format, fmt::format_args args);

  const std::unique_ptr<State> state_;
};

}  // namespace kimdb
