// A connection's TLS. Non-blocking; owned by its Session, on its thread.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/tls.h"

namespace kimdb::server {

class TlsConnection {
 public:
  // `descriptor` is the session's, and outlives this.
  TlsConnection(const TlsContextPointer& context, int descriptor);

  // As recv and send: how many bytes; 0 at the end (of reading); -1 where it has to wait (errno is
  // EAGAIN) or has failed (errno is EPROTO, why() says it).
  ssize_t read(char* out, std::size_t size);
  ssize_t write(std::string_view bytes);
  // Writing goes on once something was read; reading once something was written.
  bool write_waits_to_read() const { return write_waits_to_read_; }
  bool read_waits_to_write() const { return read_waits_to_write_; }
  const std::string& why() const { return why_; }
  // Says goodbye, as far as that goes without waiting.
  void end();

 private:
  ssize_t failed(int result, bool& waits_for_other, int other);

  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool write_waits_to_read_ = false;
  bool read_waits_to_write_ = false;
  std::string why_;
};

// The first byte that waits in the socket, which stays there; kTlsHandshake where TLS begins.
constexpr unsigned char kTlsHandshake = 0x16;
unsigned char first_byte(int descriptor);

}  // namespace kimdb::server
