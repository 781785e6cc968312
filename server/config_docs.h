// docs/configuration.md and docs/man/kimdb-server.8, made from the table of keys. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "server/options.h"

namespace kimdb::server {

std::string configuration_document();                             // Markdown
std::string manual_page(const std::vector<OptionText>& options);  // roff

}  // namespace kimdb::server
