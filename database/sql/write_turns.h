// Whose turn it is to change a typed table. Normally everybody's: statements run beside each other,
// and one that finds at its commit that somebody else has changed what it had read runs again. A
// long statement beside quick ones would never win so; after some tries it claims the tables that
// it changes, and until it is done the commits of all others that change them wait.
//
// Thread-safe. Waits poll `give_up`, so that a statement's deadline and KILL hold here as well.
#pragma once

#include <atomic>
#include <functional>
#include <set>
#include <string>

#include "base/mutex.h"

namespace kimdb::database::sql {

// Tables by their prefixes (TypedTable::prefix()).
using TableSet = std::set<std::string, std::less<>>;

class WriteTurns {
 public:
  // The tables that one statement has claimed; given back with it.
  class Claim {
   public:
    explicit Claim(WriteTurns& turns) : turns_(turns) {}
    ~Claim() { release(); }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

    // Waits until nobody else has any of `tables`, and takes them. What it had before it gives back
    // first, so that two claims never wait for each other. False when `give_up` said so.
    bool take(const TableSet& tables, const std::function<bool()>& give_up);
    bool is_held() const { return !tables_.empty(); }
    bool holds(std::string_view table) const { return tables_.contains(table); }

   private:
    void release();

    WriteTurns& turns_;
    TableSet tables_;
  };

  // Waits until none of `tables` is claimed, but for those that `own` holds (null: no claim). False
  // when `give_up` said so.
  bool wait(const TableSet& tables, const Claim* own, const std::function<bool()>& give_up);
  // Whether wait() would not wait.
  bool is_free(const TableSet& tables, const Claim* own) const;

 private:
  bool are_unclaimed(const TableSet& tables, const Claim* own) const REQUIRES(mutex_);
  bool wait_until_free(const TableSet& tables, const Claim* own,
                       const std::function<bool()>& give_up) REQUIRES(mutex_);

  mutable Mutex mutex_;
  CondVar changed_;
  TableSet claimed_ GUARDED_BY(mutex_);
  std::atomic<std::size_t> claims_{0};  // claimed_.size()
};

}  // namespace kimdb::database::sql
