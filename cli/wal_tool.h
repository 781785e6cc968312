// `kimdb-cli wal check | dump | repair`: wal/inspect.h on the command line. Main thread.
//
// Gives the log's records their meaning (Mutations), prints, and turns results into exit codes.
#pragma once

#include "base/filesystem.h"
#include "cli/options.h"

namespace kimdb::cli {

// Decodes each record, too. kDone where all is sound, kRefused where something is damaged, kFailed
// where it could not be read.
int check_wal(Filesystem& filesystem, const Options& options);

// Prints the records from options.from on, a line for each operation:
//   <lsn> <commit time, Unix ms> put keyspace=0 key=a value=1
// kRefused where the log is damaged: then all before the damage was printed.
int dump_wal(Filesystem& filesystem, const Options& options);

// kRefused where nothing was changed because options do not name the damage that check finds.
int repair_wal(Filesystem& filesystem, const Options& options);

}  // namespace kimdb::cli
