// kimdb-cli: the command line of kimdb.
#include "cli/options.h"
#include "cli/output.h"
#include "cli/program.h"

int main(int argc, char** argv) {
  auto options = kimdb::cli::parse_options(argc, argv);
  if (!options) {
    kimdb::cli::complain(options.error().message);
    return 2;
  }
  return kimdb::cli::run_program(*options);
}
