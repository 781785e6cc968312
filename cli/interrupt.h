// Ctrl-C and SIGTERM as something that can be waited for together with input.
//
// One object per process, made by main; while it lives SIGINT, SIGTERM and SIGHUP do not end the
// process but make descriptor() readable (three of them without a clear() do end it). One thread
// calls it; the handler only writes to the descriptor.
#pragma once

namespace kimdb::cli {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Readable from a signal on until clear(). An eventfd; nobody else reads it.
  int descriptor() const { return descriptor_; }
  bool is_set() const;
  void clear();
  // SIGTERM or SIGHUP came: the program should end. clear() does not forget that.
  bool must_end() const;

 private:
  int descriptor_;
};

}  // namespace kimdb::cli
