// `kimdb-cli wal check | dump | repair`: a data directory whose server is stopped. Main thread.
//
// Only repair changes what is stored. All take the directory's lock, so a running server is never
// read from under its hands.
#pragma once

#include "base/filesystem.h"
#include "cli/options.h"

namespace kimdb::cli {

// Reads everything that a start would read, and each older snapshot. The exit code: 0 sound (a torn
// tail is: the next start cuts it), 1 damaged, 2 where it could not be read.
int check_wal(Filesystem& filesystem, const Options& options);

// Prints the records from options.from on, a line for each operation:
//   <lsn> <commit time, Unix ms> put keyspace=0 key=a value=1
// 1 where the log is damaged: then all before the damage was printed.
int dump_wal(Filesystem& filesystem, const Options& options);

// Takes back a damaged log to what checks, after a copy of the rest as *.broken. Refuses where
// options.truncate_at is not the LSN that check names: nothing is cut by mistake. 1 where refused.
int repair_wal(Filesystem& filesystem, const Options& options);

}  // namespace kimdb::cli
