// Sources (source.h) as SQLite's virtual tables, which cannot be written to.
#pragma once

namespace kimdb::database::sql {

class SqliteHandle;

// Registers the module "source". A table of it is SqliteHandle::take_source().
void register_sources(SqliteHandle& handle);

}  // namespace kimdb::database::sql
