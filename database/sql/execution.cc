#include "database/sql/execution.h"

namespace kimdb::database::sql {

Error write_conflict() { return {ErrorCode::unavailable, "write conflict, retry the transaction"}; }

std::string_view FoundRow::key() const {
  switch (tag()) {
    case kChange:
      return as<WriteSet::Changes::value_type>().first;
    case kCopied:
      return as<CopiedRow>().key;
    default:
      return as<engine::Entry>().key();
  }
}

std::string_view FoundRow::bytes_of_other() const {
  return tag() == kChange ? *as<WriteSet::Changes::value_type>().second.row : as<CopiedRow>().row;
}

Lsn FoundRow::lsn() const {
  switch (tag()) {
    case kChange:
      return as<WriteSet::Changes::value_type>().second.replaces;
    case kCopied:
      return as<CopiedRow>().lsn;
    default:
      return as<engine::Entry>().lsn();
  }
}

std::optional<FoundRow> Execution::changed_before(std::string_view key) const {
  if (before == nullptr) return std::nullopt;
  const auto change = before->changes().find(key);
  if (change == before->changes().end()) return std::nullopt;
  return change->second.row ? FoundRow(*change) : FoundRow();
}

FoundRow Execution::find(std::string_view key) {
  reads_key(key);
  if (const auto changed = changed_before(key)) return *changed;
  if (view == nullptr) {
    FoundRow found;
    visit_current(key, [&](const engine::Entry& entry) {
      found = FoundRow(copied.emplace_back(
          CopiedRow{std::string(key), std::string(entry.value()), entry.lsn()}));
    });
    return found;
  }
  const std::uint64_t hash = engine.hash(engine::kRows, key);
  engine::Partition& partition = engine.partition_of(hash);
  MutexLock lock(partition.mutex());
  if (view->is_outdated()) return {};  // who commits, or scans, says so
  const engine::Entry* entry = partition.find_at(engine::kRows, key, hash, view->lsn());
  return entry == nullptr ? FoundRow() : FoundRow(*entry);
}

Status Execution::lost_to_others() {
  needs_view = !in_transaction;
  is_lost = true;
  return write_conflict();
}

bool Execution::sees_current(std::string_view key) {
  std::optional<Lsn> current;
  visit_current(key, [&](const engine::Entry& entry) { current = entry.lsn(); });
  return version_of(key) == current;
}

FoundRow Execution::find_now(std::string_view key) {
  const auto change = changes.changes().find(key);
  if (change == changes.changes().end()) return find(key);
  return change->second.row ? FoundRow(*change) : FoundRow();
}

std::optional<Lsn> Execution::version_of(std::string_view key) {
  if (view != nullptr || before != nullptr) {
    const FoundRow row = find(key);
    return row.id() == 0 ? std::nullopt : std::optional(row.lsn());
  }
  std::optional<Lsn> version;
  visit_current(key, [&](const engine::Entry& entry) { version = entry.lsn(); });
  return version;
}

Execution::Access* Execution::begin_access(std::string_view path) {
  if (!counts) return nullptr;
  Access& access = accesses[std::string(path)];
  ++access.begun;
  return &access;
}

bool Execution::must_stop() {
  if (stopped != Stopped::no) return true;
  if (closed != nullptr && closed->load(std::memory_order_relaxed)) stopped = Stopped::closed;
  if (deadline_ns != 0 && clock->monotonic_ns() > deadline_ns) stopped = Stopped::deadline;
  return stopped != Stopped::no;
}

Error Execution::why_stopped() const {
  if (stopped == Stopped::closed) return {ErrorCode::unavailable, "the statement was cancelled"};
  return {ErrorCode::unavailable, "the statement took longer than sql.statement_timeout allows"};
}

bool Execution::fails_where_outdated() {
  if (view == nullptr || !view->is_outdated()) return false;
  error = Error{ErrorCode::unavailable, "the state was replaced meanwhile: try again"};
  return true;
}

bool Execution::look_up(std::string_view key, FoundRow& found) {
  if (view == nullptr && looked_up) {
    needs_view = true;
    return false;
  }
  looked_up = true;
  found = find(key);
  return true;
}

}  // namespace kimdb::database::sql
