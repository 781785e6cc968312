#include "replication/message.h"

#include <array>

#include "base/check.h"
#include "wal/bytes.h"

namespace kimdb::replication {
namespace {

using wal::ByteReader;
using wal::ByteWriter;

enum Kind : std::uint8_t {
  kHello = 1,
  kWelcome = 2,
  kRefusal = 3,
  kFrame = 4,
  kHeartbeat = 5,
  kAcknowledgement = 6,
  kCopyOffer = 7,
  kCopyPart = 8,
  kCopyAcknowledgement = 9,
  kPeers = 10,
  kProbe = 11,
  kProbeReply = 12,
};

constexpr std::size_t kFrameFieldBytes = 48;

void put_log_end(ByteWriter& out, const LogEnd& log) {
  out.put(log.last_lsn).put(static_cast<std::uint32_t>(log.history.size()));
  for (const wal::TermStart& start : log.history) put_term_start(out, start);
}

LogEnd take_log_end(ByteReader& in) {
  LogEnd log;
  log.last_lsn = in.take<Lsn>();
  const auto count = in.take<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i)
    log.history.push_back(wal::take_term_start(in));
  return log;
}

void put_copy(ByteWriter& out, const CopyProgress& copy) {
  const wal::SnapshotId& id = copy.snapshot;
  out.put(id.lsn).put(id.term).put(id.salt).put(id.size).put(copy.bytes);
}

CopyProgress take_copy(ByteReader& in) {
  CopyProgress copy;
  copy.snapshot.lsn = in.take<Lsn>();
  copy.snapshot.term = in.take<std::uint64_t>();
  copy.snapshot.salt = in.take<std::uint64_t>();
  copy.snapshot.size = in.take<std::uint64_t>();
  copy.bytes = in.take<std::uint64_t>();
  return copy;
}

struct Encoder {
  ByteWriter& out;

  Kind operator()(const Hello& m) {
    out.put(m.protocol);
    wal::put_uuid(out, m.cluster_id);
    wal::put_uuid(out, m.node_id);
    out.put(m.term).put(m.committed_lsn);
    put_log_end(out, m.log);
    out.put(m.chain);
    put_copy(out, m.copy);
    out.put(m.listen_port);
    return kHello;
  }
  Kind operator()(const Welcome& m) {
    wal::put_uuid(out, m.cluster_id);
    wal::put_uuid(out, m.node_id);
    out.put(m.term).put(m.start_lsn).put(m.chain).put(m.committed_lsn);
    out.put(static_cast<std::uint8_t>(m.wants_applied));
    return kWelcome;
  }
  Kind operator()(const Refusal& m) {
    out.put(m.term).put_bytes(m.why);
    return kRefusal;
  }
  Kind operator()(const Frame& m) {
    const wal::FrameHeader& h = m.header;
    out.put(h.first_lsn).put(h.term).put(h.committed_lsn).put(h.commit_time_ms);
    out.put(h.count).put(h.payload_size).put(h.flags).put(h.chain).put_bytes(m.payload);
    return kFrame;
  }
  Kind operator()(const Heartbeat& m) {
    out.put(m.term).put(m.committed_lsn).put(m.last_lsn).put(m.time_ms).put(m.log_bytes);
    return kHeartbeat;
  }
  Kind operator()(const Acknowledgement& m) {
    out.put(m.term).put(m.received).put(m.synced).put(m.applied);
    return kAcknowledgement;
  }
  Kind operator()(const CopyOffer& m) {
    wal::put_uuid(out, m.cluster_id);
    wal::put_uuid(out, m.node_id);
    out.put(m.term).put(m.common_lsn);
    put_copy(out, m.copy);
    return kCopyOffer;
  }
  Kind operator()(const CopyPart& m) {
    out.put(m.offset).put_bytes(m.bytes);
    return kCopyPart;
  }
  Kind operator()(const CopyAcknowledgement& m) {
    out.put(m.term).put(m.bytes);
    return kCopyAcknowledgement;
  }
  Kind operator()(const Peers& m) {
    out.put(static_cast<std::uint32_t>(m.addresses.size()));
    for (const std::string& address : m.addresses)
      out.put(static_cast<std::uint32_t>(address.size())).put_bytes(address);
    return kPeers;
  }
  Kind operator()(const Probe& m) {
    wal::put_uuid(out, m.cluster_id);
    return kProbe;
  }
  Kind operator()(const ProbeReply& m) {
    wal::put_uuid(out, m.cluster_id);
    wal::put_uuid(out, m.node_id);
    out.put(m.last_term).put(m.last_lsn);
    return kProbeReply;
  }
};

Hello take_hello(ByteReader& in) {
  Hello m;
  m.protocol = in.take<std::uint32_t>();
  m.cluster_id = wal::take_uuid(in);
  m.node_id = wal::take_uuid(in);
  m.term = in.take<std::uint64_t>();
  m.committed_lsn = in.take<Lsn>();
  m.log = take_log_end(in);
  m.chain = in.take<std::uint32_t>();
  m.copy = take_copy(in);
  m.listen_port = in.take<std::uint16_t>();
  return m;
}

Welcome take_welcome(ByteReader& in) {
  Welcome m;
  m.cluster_id = wal::take_uuid(in);
  m.node_id = wal::take_uuid(in);
  m.term = in.take<std::uint64_t>();
  m.start_lsn = in.take<Lsn>();
  m.chain = in.take<std::uint32_t>();
  m.committed_lsn = in.take<Lsn>();
  m.wants_applied = in.take<std::uint8_t>() != 0;
  return m;
}

Refusal take_refusal(ByteReader& in) {
  Refusal m;
  m.term = in.take<std::uint64_t>();
  m.why = in.take_bytes(in.rest().size());
  return m;
}

Frame take_frame(ByteReader& in) {
  Frame m;
  wal::FrameHeader& h = m.header;
  h.first_lsn = in.take<Lsn>();
  h.term = in.take<std::uint64_t>();
  h.committed_lsn = in.take<Lsn>();
  h.commit_time_ms = in.take<std::int64_t>();
  h.count = in.take<std::uint32_t>();
  h.payload_size = in.take<std::uint32_t>();
  h.flags = in.take<std::uint32_t>();
  h.chain = in.take<std::uint32_t>();
  m.payload = in.take_bytes(h.payload_size);
  return m;
}

Heartbeat take_heartbeat(ByteReader& in) {
  Heartbeat m;
  m.term = in.take<std::uint64_t>();
  m.committed_lsn = in.take<Lsn>();
  m.last_lsn = in.take<Lsn>();
  m.time_ms = in.take<std::int64_t>();
  m.log_bytes = in.take<std::uint64_t>();
  return m;
}

Acknowledgement take_acknowledgement(ByteReader& in) {
  Acknowledgement m;
  m.term = in.take<std::uint64_t>();
  m.received = in.take<Lsn>();
  m.synced = in.take<Lsn>();
  m.applied = in.take<Lsn>();
  return m;
}

CopyOffer take_copy_offer(ByteReader& in) {
  CopyOffer m;
  m.cluster_id = wal::take_uuid(in);
  m.node_id = wal::take_uuid(in);
  m.term = in.take<std::uint64_t>();
  m.common_lsn = in.take<Lsn>();
  m.copy = take_copy(in);
  return m;
}

CopyPart take_copy_part(ByteReader& in) {
  CopyPart m;
  m.offset = in.take<std::uint64_t>();
  m.bytes = in.take_bytes(in.rest().size());
  return m;
}

Peers take_peers(ByteReader& in) {
  Peers m;
  const auto count = in.take<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i)
    m.addresses.emplace_back(in.take_bytes(in.take<std::uint32_t>()));
  return m;
}

Probe take_probe(ByteReader& in) { return {.cluster_id = wal::take_uuid(in)}; }

ProbeReply take_probe_reply(ByteReader& in) {
  ProbeReply m;
  m.cluster_id = wal::take_uuid(in);
  m.node_id = wal::take_uuid(in);
  m.last_term = in.take<std::uint64_t>();
  m.last_lsn = in.take<Lsn>();
  return m;
}

CopyAcknowledgement take_copy_acknowledgement(ByteReader& in) {
  CopyAcknowledgement m;
  m.term = in.take<std::uint64_t>();
  m.bytes = in.take<std::uint64_t>();
  return m;
}

}  // namespace

void append_message(std::string& out, const Message& message) {
  ByteWriter body;
  const Kind kind = std::visit(Encoder{body}, message);
  ByteWriter header;
  header.put(static_cast<std::uint32_t>(body.bytes().size() + 1))
      .put(static_cast<std::uint8_t>(kind));
  out += header.bytes();
  out += body.bytes();
}

Result<std::size_t> message_size(std::string_view header) {
  ByteReader in(header);
  const auto length = in.take<std::uint32_t>();
  const auto kind = in.take<std::uint8_t>();
  const std::uint64_t limit =
      kind == kFrame ? wal::kPayloadBytesMax + kFrameFieldBytes + 1 : kSlaveMessageBytesMax;
  if (!in.ok() || kind < kHello || kind > kProbeReply || length == 0 || length > limit)
    return Error{ErrorCode::corrupt, "what the other side sends is not kimdb's replication"};
  return std::size_t{length} + sizeof length;
}

Result<Message> decode_message(std::string_view bytes) {
  const auto size = message_size(bytes);
  if (!size) return size.error();
  ByteReader in(bytes);
  in.take<std::uint32_t>();
  const auto kind = in.take<std::uint8_t>();
  const auto take = [&]() -> Message {
    switch (kind) {
      case kHello:
        return take_hello(in);
      case kWelcome:
        return take_welcome(in);
      case kRefusal:
        return take_refusal(in);
      case kFrame:
        return take_frame(in);
      case kHeartbeat:
        return take_heartbeat(in);
      case kAcknowledgement:
        return take_acknowledgement(in);
      case kCopyOffer:
        return take_copy_offer(in);
      case kCopyPart:
        return take_copy_part(in);
      case kCopyAcknowledgement:
        return take_copy_acknowledgement(in);
      case kPeers:
        return take_peers(in);
      case kProbe:
        return take_probe(in);
      default:
        return take_probe_reply(in);
    }
  };
  Message message = take();
  if (*size != bytes.size() || !in.ok() || !in.rest().empty())
    return Error{ErrorCode::corrupt, "a message of the replication has the wrong length"};
  return message;
}

}  // namespace kimdb::replication
