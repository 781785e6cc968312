// What statements can read besides typed tables: collections, the key space, and what the server
// says of itself. A source belongs to a handle, and is read by one statement after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "database/sql/execution.h"
#include "engine/sql_value.h"

namespace kimdb::database::sql {

// One way through the rows of a source.
class SourceRows {
 public:
  virtual ~SourceRows() = default;
  virtual bool at_end() const = 0;
  // False where there is an error (Execution::error).
  virtual bool next() = 0;
  // Of the row at hand, whichever way led to it: SQLite tells by it what two conditions both find.
  virtual std::int64_t id() const = 0;
  // Valid until the next call.
  virtual engine::SqlValue column(std::size_t number) = 0;
};

// As the declaration says it.
struct SourceColumn {
  std::string name;
  std::string type;
};

class Source {
 public:
  virtual ~Source() = default;

  virtual std::string_view name() const = 0;
  // "CREATE TABLE x(id TEXT, …)"
  virtual std::string declaration() const = 0;
  // How many rows there may be.
  virtual double row_count() = 0;
  // Whether begin() finds rows by what this column is equal to: of the first one a text, which one
  // row has at most.
  virtual bool finds_by(std::size_t /*column*/) const { return false; }
  struct Sought {
    std::size_t column = 0;
    std::vector<engine::SqlValue> values;  // none twice
  };
  // All rows, or at least those in which the column is equal to one of the values, each once. Null
  // where the statement has to be begun again, or has failed (Execution).
  virtual std::unique_ptr<SourceRows> begin(Execution& execution,
                                            const std::optional<Sought>& sought) = 0;
};

// Knows sources by their names.
class Sources {
 public:
  virtual ~Sources() = default;
  // Null where there is none.
  virtual std::unique_ptr<Source> find(std::string_view name) = 0;
};

}  // namespace kimdb::database::sql
