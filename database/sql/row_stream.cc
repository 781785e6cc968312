#include "database/sql/row_stream.h"

#include <algorithm>
#include <utility>

#include "database/sql/run_prepared.h"

namespace kimdb::database::sql {

namespace {

// Of rows, as they are kept (ResultSet). An answer up to these is written whole.
constexpr std::size_t kWholeBytes = std::size_t{1} << 20;
constexpr std::size_t kWholeBytesCounted = std::size_t{4} << 20;
constexpr std::size_t kPieceBytes = 256 << 10;
constexpr std::int64_t kPieceNs = 20'000'000;
constexpr std::int64_t kFirstNs = 10'000'000;

}  // namespace

RowStream::RowStream(HandlePool::Lease lease, const SqliteHandle::Prepared& prepared,
                     engine::Engine& engine, const Terms& terms)
    : lease_(std::move(lease)),
      statement_(prepared.statement.get()),
      varies_(prepared.varies),
      terms_(terms),
      execution_{.engine = engine, .catalog = *lease_->catalog()},
      memory_(terms.memory) {
  execution_.memory = &memory_;
  for (const ResultSet::Column& column : prepared.columns) rows_.add_column(column);
}

RowStream::~RowStream() {
  if (rests_since_ns_ != 0) memory_.go_on();
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  lease_->execution = nullptr;
  *terms_.resting_memory -= held_bytes_;
}

Result<Answer> RowStream::begin(std::span<const engine::SqlValue> parameters, std::string& out) {
  began_at_ns_ = execution_.clock->monotonic_ns();
  lease_->execution = &execution_;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    bind_value(statement_, static_cast<int>(i + 1), parameters[i]);
  Stop stop = collect(terms_.counted ? kWholeBytesCounted : kWholeBytes,
                      terms_.at_once ? began_at_ns_ + kFirstNs : 0);
  // What cannot be run twice is held as a whole, as far as sql.max_memory goes.
  if (stop == Stop::full && terms_.counted && varies_) stop = collect(SIZE_MAX, 0);
  if (stop == Stop::failed) return why();
  if (stop == Stop::done) return Answer{.kind = Answer::Kind::rows, .rows = std::move(rows_)};
  // What it will look at later has to be of the state that it has looked at before.
  if (execution_.view == nullptr) {
    execution_.needs_view = true;
    return Answer{};
  }
  KIMDB_RETURN_IF_ERROR(take_rest());
  if (terms_.counted)
    KIMDB_RETURN_IF_ERROR(begin_counted());
  else
    begin_streamed();
  out += text_;
  rest();
  return Answer{.kind = Answer::Kind::written, .rows = {}};
}

// Of those that rest nobody knows for how long: together they take no more than one may.
Status RowStream::take_rest() {
  held_bytes_ = memory_.used() - std::min(counted_bytes_, memory_.used()) + 2 * kPieceBytes;
  const std::size_t all = terms_.resting_memory->fetch_add(held_bytes_) + held_bytes_;
  if (terms_.memory == 0 || all <= std::max(terms_.memory, held_bytes_)) return {};
  return Error{ErrorCode::unavailable,
               "the statements whose answers are being read hold as much memory as sql.max_memory "
               "allows: try again later"};
}

Status RowStream::begin_counted() {
  announced_ = rows_.rows();
  rows_.clear_rows();
  if (count(announced_) == Stop::failed) return why();
  sqlite3_reset(statement_);
  execution_.copied.clear();
  const bool names = ResultSet::has_names(terms_.format);
  writer_.array(announced_ + (names ? 1 : 0));
  if (names) rows_.write_names(writer_);
  names_written_ = true;
  return {};
}

void RowStream::begin_streamed() {
  writer_.begin_streamed_list();
  write_rows();
}

ReplyStream::State RowStream::next(std::string& out) {
  go_on();
  text_.clear();
  rows_.clear_rows();
  const std::int64_t now = execution_.clock->monotonic_ns();
  const State state =
      finish_piece(is_overdue() ? Stop::failed : collect(kPieceBytes, now + kPieceNs));
  out += text_;
  rest();
  return state;
}

// What was collected is written, and the end where it has come.
ReplyStream::State RowStream::finish_piece(Stop stop) {
  if (terms_.counted) {
    // Another run of the same statement over the same state gives as many rows, or nobody knows.
    if (stop == Stop::failed || rows_.rows() > announced_) return State::broken;
    announced_ -= rows_.rows();
    write_rows();
    if (stop == Stop::full) return State::more;
    return announced_ == 0 ? State::ended : State::broken;
  }
  write_rows();
  if (stop == Stop::full) return State::more;
  if (stop == Stop::done)
    writer_.end_streamed_list();
  else
    writer_.break_streamed_list("ERR " + why().message);
  return State::ended;
}

void RowStream::write_rows() {
  // In lines a part without a row would be the end.
  const bool parts = !terms_.counted && ResultSet::has_names(terms_.format);
  if (parts && rows_.rows() == 0 && names_written_) return;
  if (parts) writer_.array(rows_.rows() + (names_written_ ? 0 : 1));
  if (parts && !names_written_) rows_.write_names(writer_);
  names_written_ = true;
  rows_.write_rows(writer_);
}

// Rows, until there are so many bytes of them, or some and it is late (0: never).
RowStream::Stop RowStream::collect(std::size_t bytes_max, std::int64_t until_ns) {
  const int columns = sqlite3_column_count(statement_);
  for (;;) {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_DONE) return Stop::done;
    if (code != SQLITE_ROW) return Stop::failed;
    add_row(statement_, columns, rows_);
    // The text of the reply takes as much again.
    const std::size_t bytes = 2 * rows_.bytes();
    if (bytes > counted_bytes_ && !memory_.take(bytes - counted_bytes_)) return Stop::failed;
    counted_bytes_ = std::max(counted_bytes_, bytes);
    if (rows_.bytes() >= bytes_max) return Stop::full;
    if (until_ns != 0 && execution_.clock->monotonic_ns() >= until_ns) return Stop::full;
  }
}

RowStream::Stop RowStream::count(std::size_t& rows) {
  for (;; ++rows) {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_DONE) return Stop::done;
    if (code != SQLITE_ROW) return Stop::failed;
  }
}

// Why it has failed, or cannot go on.
Error RowStream::why() {
  if (is_overdue())
    return {ErrorCode::unavailable,
            "the answer took longer to leave than sql.answer_timeout allows"};
  if (execution_.needs_view)
    return {ErrorCode::unavailable, "an index was dropped meanwhile: try again"};
  return failure(*lease_, execution_, memory_);
}

bool RowStream::is_overdue() const {
  return terms_.within.count() != 0 &&
         execution_.clock->monotonic_ns() - began_at_ns_ > terms_.within.count();
}

void RowStream::rest() {
  memory_.rest();
  rests_since_ns_ = execution_.clock->monotonic_ns();
}

// What it may take of time is its own running, not its reader's.
void RowStream::go_on() {
  memory_.go_on();
  if (execution_.deadline_ns != 0)
    execution_.deadline_ns += execution_.clock->monotonic_ns() - rests_since_ns_;
  rests_since_ns_ = 0;
}

}  // namespace kimdb::database::sql
