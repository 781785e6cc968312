// The body of an HTTP response with rows that are many: JSON in chunks (RFC 9112), made of the
// pieces of a RESP3 reply that a session has left to be asked for.
//
// Where the reply ends with an error, "error" stands behind the rows, and the chunk that would end
// the body is missing. Its pieces are made by workers.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "database/reply_stream.h"
#include "protocol/reply_reader.h"

namespace kimdb::server {

class JsonRows final : public database::ReplyStream {
 public:
  // `begin`: what there is of the reply already.
  JsonRows(std::string begin, std::unique_ptr<database::ReplyStream> rest);

  State next(std::string& out) override;
  bool is_overdue() const override { return rest_->is_overdue(); }

 private:
  void read();
  void end(const protocol::Value& list);

  std::string resp_;  // not read yet
  const std::unique_ptr<database::ReplyStream> rest_;
  protocol::ReplyReader reader_;
  std::string json_;  // of a piece
  bool begun_ = false;
  std::size_t count_ = 0;
  State state_ = State::more;
};

}  // namespace kimdb::server
