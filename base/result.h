// Result<T>: a value or an Error. Status is Result<void>.
//
// The member names are std::expected's, which g++ 12 has only under C++23. Expected failures (bad
// input, a full disk) travel as Error; broken invariants abort (base/check.h). Both types are
// [[nodiscard]]; to drop one on purpose say ignore(status, "why").
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace kimdb {

enum class ErrorCode {
  invalid_argument,  // what the caller gave cannot be used
  not_found,         // the thing named does not exist
  already_exists,
  permission_denied,
  disk_full,    // ENOSPC, EDQUOT: room may come back
  io_error,     // any other failure of the operating system
  corrupt,      // stored data does not check
  unsupported,  // a format version or feature this build does not know
  unavailable,  // not now: busy, held by another process, shutting down
  too_large,
};

struct Error {
  ErrorCode code = ErrorCode::invalid_argument;
  std::string message;  // for a user: what was wrong, where, what to do

  // The same error with where it happened put before it.
  Error in(std::string_view context) && {
    message.insert(0, ": ");
    message.insert(0, context);
    return std::move(*this);
  }
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(runtime/explicit)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(runtime/explicit)

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : failed_(true), error_(std::move(error)) {}  // NOLINT(runtime/explicit)

  bool has_value() const { return !failed_; }
  explicit operator bool() const { return has_value(); }

  Error& error() & { return error_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

 private:
  bool failed_ = false;
  Error error_;
};

using Status = Result<void>;

// Drops a result on purpose; `why` is for the reader.
template <class T>
void ignore(const Result<T>& result, std::string_view why) {
  static_cast<void>(result);
  static_cast<void>(why);
}

}  // namespace kimdb

// NOLINTBEGIN(bugprone-macro-parentheses): a name that is declared takes none.

// Returns the error of a Status or Result from the enclosing function.
#define KIMDB_RETURN_IF_ERROR(expression) KIMDB_RETURN_IF_ERROR_COUNTED(expression, __COUNTER__)
#define KIMDB_RETURN_IF_ERROR_COUNTED(expression, number) \
  KIMDB_RETURN_IF_ERROR_AS(expression, number)
#define KIMDB_RETURN_IF_ERROR_AS(expression, number) \
  KIMDB_RETURN_IF_ERROR_NAMED(expression, kimdb_status_##number)
#define KIMDB_RETURN_IF_ERROR_NAMED(expression, name)                                \
  do {                                                                               \
    if (auto name = (expression); !name.has_value()) return std::move(name).error(); \
  } while (false)

// NOLINTEND(bugprone-macro-parentheses)
