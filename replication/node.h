// What replication asks of the node that it works for: its log and its state. A seam: the server
// gives the real one, the simulation its own.
//
// Called on replication's own threads: a slave that has slaves has one for each side, which both
// may ask what both need.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/lsn.h"
#include "base/result.h"
#include "replication/history.h"
#include "replication/message.h"
#include "wal/format.h"

namespace kimdb::replication {

// Gives the frames of a log one after the other.
class FrameSource {
 public:
  virtual ~FrameSource() = default;
  // The next frame where it ends at or below `limit`, a written LSN. Its payload is good until the
  // next call.
  virtual Result<std::optional<Frame>> next(Lsn limit) = 0;
};

// The file of a snapshot, to be sent; it stays readable although newer snapshots replace it.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;
  virtual const wal::SnapshotId& id() const = 0;
  // Up to `size` bytes at `offset`, good until the next call.
  virtual Result<std::string_view> read(std::uint64_t offset, std::size_t size) = 0;
};

// How far as many slaves are as are asked for; ~0: none are.
struct Replicated {
  Lsn committed = ~Lsn{0};      // what is durable here up to there is committed
  Lsn answered = ~Lsn{0};       // what is committed up to there may be answered
  Lsn replicas = ~Lsn{0};       // what they have synced, even where no commit waits for that
  bool quorum_missing = false;  // for longer than the timeout, and on_timeout counts
  bool refuses_writes = false;  // then what waits is answered by an error
};

class Node {
 public:
  virtual ~Node() = default;

  virtual wal::Uuid cluster_id() const = 0;
  virtual wal::Uuid node_id() const = 0;
  // The highest term that this node knows.
  virtual std::uint64_t term() const = 0;
  // What of the log is durable.
  virtual LogEnd log_end() const = 0;
  virtual Lsn durable_lsn() const = 0;
  // What of the log frames_behind() can give; slaves may sync it before this node has.
  virtual Lsn written_lsn() const = 0;
  // The chain at an LSN at which a frame ends; nothing where the log does not reach back to it.
  virtual std::optional<std::uint32_t> chain_at(Lsn lsn) const = 0;
  // Written to the log since it was opened.
  virtual std::uint64_t log_bytes() const = 0;
  // Unix ms.
  virtual std::int64_t unix_ms() const = 0;

  // --- a master's ---
  // Frames behind `after`; not_found where the log does not reach back so far.
  virtual Result<std::unique_ptr<FrameSource>> frames_behind(Lsn after) = 0;
  // The snapshot `wanted` where it is still there, else the newest; not_found where there is none.
  virtual Result<std::unique_ptr<SnapshotSource>> open_snapshot(const wal::SnapshotId& wanted) = 0;
  virtual Lsn committed_lsn() const = 0;
  // What the slaves have reached, or that they are not there. Called whenever one has told.
  virtual void set_replicated(const Replicated& replicated) = 0;

  // --- a slave's ---
  // An empty node takes the cluster's id.
  virtual Status join_cluster(const wal::Uuid& cluster_id) = 0;
  // Puts the frame behind the log's end, and its records behind what waits to be committed. corrupt
  // where it does not follow; nothing is written then. Not durable yet.
  virtual Status follow(const Frame& frame) = 0;
  // Makes all that was taken durable.
  virtual Status sync() = 0;
  // Gives up the log behind `lsn`, which nobody has applied; what goes is kept beside it.
  virtual Status cut_behind(Lsn lsn) = 0;
  // What is here of a snapshot that takes the place of everything once it is whole.
  virtual CopyProgress copy() const = 0;
  // Parts of this snapshot will come; what is here of another one goes.
  virtual Status begin_copy(const wal::SnapshotId& snapshot) = 0;
  // corrupt where it does not follow what is here.
  virtual Status add_to_copy(const CopyPart& part) = 0;
  // Checks and installs the snapshot, now whole: log and state go on behind it. After an error it
  // is gone, and the rest is as before.
  virtual Status install_copy() = 0;
  // Applies what was taken up to `committed`, and shows it.
  virtual Status apply_through(Lsn committed) = 0;
  virtual Lsn applied_lsn() const = 0;
};

}  // namespace kimdb::replication
