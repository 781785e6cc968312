// Writes a reply that is a value into the framing that a connection wants. Pure; any thread.
#pragma once

#include "protocol/reply_reader.h"
#include "protocol/reply_writer.h"

namespace kimdb::protocol {

void write(const Value& value, ReplyWriter& writer);

}  // namespace kimdb::protocol
