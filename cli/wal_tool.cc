#include "cli/wal_tool.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "cli/mutation_text.h"
#include "cli/output.h"
#include "engine/mutation.h"
#include "wal/inspect.h"

namespace kimdb::cli {
namespace {

constexpr std::size_t kOutputBytes = 64 << 10;

Status check_mutation(std::string_view record) {
  while (!record.empty()) {
    auto operation = engine::take_operation(record);
    if (!operation) return std::move(operation).error();
  }
  return {};
}

void show_lines(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) show(line + "\n");
}

}  // namespace

int check_wal(Filesystem& filesystem, const Options& options) {
  SystemClock clock;
  SystemRandom random;
  const auto report = wal::check(filesystem, clock, random, options.wal_directory, check_mutation);
  if (!report) return fail(report.error());
  show_lines(describe(*report));
  return report->sound() ? kDone : kRefused;
}

int dump_wal(Filesystem& filesystem, const Options& options) {
  SystemClock clock;
  SystemRandom random;
  // Lines are shown many at a time: a log has millions of them.
  std::string out;
  const auto print = [&](std::string_view line) {
    out += line;
    out += '\n';
    if (out.size() >= kOutputBytes) show(std::exchange(out, {}));
  };
  const auto report =
      wal::dump(filesystem, clock, random, options.wal_directory,
                {.from = options.from,
                 .limit = options.limit,
                 .describe = [](std::string_view record) { return mutation_text(record); }},
                print);
  show(out);
  if (!report) return fail(report.error());
  if (report->log_begins > options.from) {
    complain("the log begins at LSN " + std::to_string(report->log_begins) +
             "; what was before is in a snapshot only");
  }
  if (!report->damage) return kDone;
  complain("the log is damaged here; see: kimdb-cli wal check " + options.wal_directory);
  return kRefused;
}

int repair_wal(Filesystem& filesystem, const Options& options) {
  SystemClock clock;
  SystemRandom random;
  const auto done = wal::repair(
      filesystem, clock, random, options.wal_directory,
      {.truncate_at = options.truncate_at, .accept_data_loss = options.accept_data_loss});
  if (done) return show_lines(*done), kDone;
  fail(done.error());
  return done.error().code == ErrorCode::invalid_argument ? kRefused : kFailed;
}

}  // namespace kimdb::cli
