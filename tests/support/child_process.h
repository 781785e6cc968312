// A program started by a test, with its output in a file. Killed when the object goes away, and by
// the kernel when the test dies before that.
//
// One thread: the kernel ties the child's life to the thread that started it, so start children
// where the test runs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kimdb::support {

class ChildProcess {
 public:
  // Runs arguments[0] (looked up in PATH); stdout and stderr are appended to `output_path`. Throws
  // where it cannot.
  ChildProcess(const std::vector<std::string>& arguments, const std::string& output_path);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  // SIGKILL, and waits for the end.
  void kill();

  // How a process ended: its exit code, or 128 + the signal that ended it (as a shell says it).
  std::optional<int> ended();                                  // does not wait
  std::optional<int> wait(std::chrono::milliseconds timeout);  // nothing: it still runs

  // Resident memory from /proc/<pid>/status: now, and the most there ever was.
  std::uint64_t resident_bytes() const;
  std::uint64_t peak_resident_bytes() const;

 private:
  std::uint64_t status_bytes(const std::string& field) const;

  pid_t pid_ = -1;
  std::optional<int> ended_;
};

// The whole file as a string; empty where there is none.
std::string file_text(const std::string& path);

// A TCP port of 127.0.0.1 on which nobody listens. Below the range from which the kernel picks
// ports for outgoing connections: a client that dials such a port again and again while its server
// starts can otherwise reach itself.
std::uint16_t free_port();

}  // namespace kimdb::support
