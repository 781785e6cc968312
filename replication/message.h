// What master and slave say to each other, as bytes.
//
//   message := length u32, kind u8, body        length counts kind and body
//
// A slave that connects says Hello. The master answers one of three:
//
//   Welcome    then sends Frames and Heartbeats, and the slave Acknowledgements
//   CopyOffer  then sends CopyParts and Heartbeats, and the slave CopyAcknowledgements; when it has
//              the whole snapshot it connects anew
//   Refusal
//
// Peers tells a slave where the other ones are, of whom it asks with a Probe, instead of a Hello,
// how far they are before it is promoted; a ProbeReply ends that connection.
//
// All numbers little-endian. Pure: no sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/lsn.h"
#include "base/result.h"
#include "replication/history.h"
#include "wal/format.h"
#include "wal/snapshot_file.h"

namespace kimdb::replication {

constexpr std::uint32_t kProtocolVersion = 2;
constexpr std::size_t kMessageHeaderBytes = 5;
constexpr std::size_t kSlaveMessageBytesMax = 1 << 20;                // of what a slave sends
constexpr std::size_t kMasterMessageBytesMax = std::size_t{1} << 31;  // a frame is the longest

// How much of a snapshot's file is here, or was sent.
struct CopyProgress {
  wal::SnapshotId snapshot;  // size 0: there is none
  std::uint64_t bytes = 0;
  bool operator==(const CopyProgress&) const = default;
};

struct Hello {
  std::uint32_t protocol = kProtocolVersion;
  wal::Uuid cluster_id{};
  wal::Uuid node_id{};
  std::uint64_t term = 0;
  Lsn committed_lsn = 0;  // applied, or known to be committed
  LogEnd log;
  std::uint32_t chain = 0;        // at log.last_lsn
  CopyProgress copy;              // that broke off
  std::uint16_t listen_port = 0;  // of its own replication.listen
};

struct Welcome {
  wal::Uuid cluster_id{};
  wal::Uuid node_id{};
  std::uint64_t term = 0;
  Lsn start_lsn = 0;        // frames follow from behind it; what the slave has beyond it parts
  std::uint32_t chain = 0;  // at start_lsn
  Lsn committed_lsn = 0;
  bool wants_applied = false;  // an Acknowledgement after applying, too
};

struct CopyOffer {
  wal::Uuid cluster_id{};
  wal::Uuid node_id{};
  std::uint64_t term = 0;
  Lsn common_lsn = 0;  // what the slave has beyond it parts
  CopyProgress copy;   // parts follow from behind copy.bytes
};

struct Refusal {
  std::uint64_t term = 0;  // of who refuses
  std::string why;         // for a person
};

// One frame of the log: the shared part of its header, and its payload.
struct Frame {
  wal::FrameHeader header;
  std::string_view payload;  // of the buffer that was decoded
};

struct Heartbeat {
  std::uint64_t term = 0;
  Lsn committed_lsn = 0;
  Lsn last_lsn = 0;             // of the master's log
  std::int64_t time_ms = 0;     // the master's clock
  std::uint64_t log_bytes = 0;  // written to its log since it was opened
};

struct Acknowledgement {
  std::uint64_t term = 0;
  Lsn received = 0;  // written
  Lsn synced = 0;
  Lsn applied = 0;
};

struct CopyPart {
  std::uint64_t offset = 0;
  std::string_view bytes;  // of the buffer that was decoded
};

struct CopyAcknowledgement {
  std::uint64_t term = 0;
  std::uint64_t bytes = 0;  // of the snapshot's file, received
};

struct Peers {
  std::vector<std::string> addresses;  // host:port of the other slaves' replication.listen
};

struct Probe {
  wal::Uuid cluster_id{};
};

struct ProbeReply {
  wal::Uuid cluster_id{};
  wal::Uuid node_id{};
  std::uint64_t last_term = 0;  // of the newest frame
  Lsn last_lsn = 0;             // durable
};

using Message = std::variant<Hello, Welcome, Refusal, Frame, Heartbeat, Acknowledgement, CopyOffer,
                             CopyPart, CopyAcknowledgement, Peers, Probe, ProbeReply>;

// Appends a whole message.
void append_message(std::string& out, const Message& message);

// The bytes of the message that begins with these kMessageHeaderBytes bytes, header included;
// corrupt where that is no message, or one that is larger than a frame may be.
Result<std::size_t> message_size(std::string_view header);
// A whole message. Its views point into `bytes`.
Result<Message> decode_message(std::string_view bytes);

}  // namespace kimdb::replication
