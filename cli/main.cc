// kimdb-cli: the command line of kimdb.
#include "cli/options.h"
#include "cli/output.h"
#include "cli/program.h"

int main(int argc, char** argv) {
  auto options = kimdb::cli::parse_options(argc, argv);
  if (!options) return kimdb::cli::fail(options.error());
  return kimdb::cli::run_program(*options);
}
