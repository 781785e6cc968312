#include "cli/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <initializer_list>

#include "base/check.h"

namespace kimdb::cli {
namespace {

// What a signal handler can reach. Set before the handlers are.
volatile std::sig_atomic_t signal_descriptor = -1;
volatile std::sig_atomic_t end_requested = 0;
volatile std::sig_atomic_t unanswered = 0;  // signals since the last clear()

// Who sends three, and nothing happens, wants the process to end whatever it is doing: a command
// that runs here (--local) waits for nothing that could be interrupted.
constexpr int kPatience = 3;

void handle(int number) {
  if (number != SIGINT) end_requested = 1;
  unanswered = unanswered + 1;
  if (unanswered >= kPatience) {
    std::signal(number, SIG_DFL);
    std::raise(number);
  }
  const std::uint64_t one = 1;
  // It cannot fail but for a counter that is full, and then it is readable already.
  [[maybe_unused]] const ssize_t written = write(signal_descriptor, &one, sizeof one);
}

// Without SA_RESTART: a wait that knows nothing of the descriptor ends, too.
void set_handler(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  KIMDB_CHECK(descriptor_ >= 0);
  signal_descriptor = descriptor_;
  set_handler(handle);
}

Interrupt::~Interrupt() {
  set_handler(SIG_DFL);
  close(descriptor_);
}

bool Interrupt::is_set() const {
  pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
  return poll(&waiting, 1, 0) == 1;
}

void Interrupt::clear() {
  unanswered = 0;
  std::uint64_t count;
  [[maybe_unused]] const ssize_t read_bytes = read(descriptor_, &count, sizeof count);
}

bool Interrupt::must_end() const { return end_requested != 0; }

}  // namespace kimdb::cli
