// What the words of DOC's commands that change or get documents ask for, worked out before any lock
// is taken.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "database/command.h"
#include "database/prepared.h"

namespace kimdb::database {

constexpr std::string_view kNoCollection =
    "ERR a collection's name has 1 to 64 of A-Z a-z 0-9 _ -, does not begin with _, and is none of "
    "collections, crdt, indexes, kv, sql, tx";

std::string error_reply(const Error& error);
// What is wrong with one item of BULK.
std::string item_error(std::size_t index, std::string_view why);

// As Prepare says, of words whose number was checked.
std::string prepare_doc_get(Database& database, Words words, Prepared& prepared);
std::string prepare_doc_put(Database& database, Words words, Prepared& prepared);
std::string prepare_doc_merge(Database& database, Words words, Prepared& prepared);
std::string prepare_doc_patch(Database& database, Words words, Prepared& prepared);
std::string prepare_doc_setfields(Database& database, Words words, Prepared& prepared);
std::string prepare_doc_del(Database& database, Words words, Prepared& prepared);
std::string prepare_doc_bulk(Database& database, Words words, Prepared& prepared);

}  // namespace kimdb::database
