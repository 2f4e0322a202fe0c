// One transaction of one account, or of the service itself.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/storage/connection.h"
#include "libs/storage/value.h"

namespace mo::storage {

class Transaction;

// The result of a statement that was asked for, which may still be on its way.
class Pending {
 public:
  // Sends everything that waits, if this one still does. Once; also after the commit.
  absl::StatusOr<Result> Get();

 private:
  friend class Transaction;
  using Slot = std::optional<absl::StatusOr<Result>>;
  Pending(Transaction& transaction, std::shared_ptr<Slot> slot)
      : transaction_(&transaction), slot_(std::move(slot)) {}
  Transaction* transaction_;
  std::shared_ptr<Slot> slot_;
};

// What runs inside a transaction. A round trip to the server costs more than most statements, so
// statements are sent together wherever their results are not needed one by one: BEGIN with the
// first one, what is deferred or asked for with the next Query or Get, the last ones with COMMIT.
// After an error nothing more is sent, every further call returns that error, and all is undone.
class Transaction {
 public:
  // How statements belong together.
  enum class Kind {
    kAtomic,   // BEGIN … COMMIT
    kSnippet,  // what is sent together is a transaction of its own
  };
  Transaction(Connection& connection, int64_t account_id, Kind kind = Kind::kAtomic)
      : connection_(connection), account_id_(account_id), kind_(kind) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // The account it is confined to; 0: the service's own work.
  int64_t account_id() const { return account_id_; }

  // Runs a statement; $1… are the values in order. Errors are mapped from SQLSTATE, see StatusOf.
  // An array goes to unnest as (SELECT $1::bigint[]): with the bare parameter its length changes
  // the cost that the planner expects, so that it would plan the statement anew each time.
  template <class... Values>
  absl::StatusOr<Result> Query(absl::string_view sql, const Values&... values) {
    return Ask(sql, values...).Get();
  }
  // The same where only success matters, now.
  template <class... Values>
  absl::Status Run(absl::string_view sql, const Values&... values) {
    return Query(sql, values...).status();
  }
  // Runs a statement whose result is wanted later: several of these share a round trip.
  template <class... Values>
  Pending Ask(absl::string_view sql, const Values&... values) {
    auto slot = std::make_shared<Pending::Slot>();
    Add(sql, Parameters(values...), slot);
    return Pending(*this, std::move(slot));
  }
  // Runs a statement at the latest with the commit; if it fails, so does the transaction.
  template <class... Values>
  void Defer(absl::string_view sql, const Values&... values) {
    Add(sql, Parameters(values...), nullptr);
  }

  // Runs before the commit, in order, when the work has succeeded: to Defer what was gathered.
  void BeforeCommit(std::function<void()> action) { before_commit_.push_back(std::move(action)); }
  // Runs after a successful commit, in order; must not fail.
  void AfterCommit(std::function<void()> action) { after_commit_.push_back(std::move(action)); }
  // What `owner` keeps with this transaction; empty at first.
  std::shared_ptr<void>& Attachment(const void* owner);

  // For Database: commits if the work's status is OK, else undoes all. The work's error, or the
  // first one of a statement.
  absl::Status Finish(absl::Status work);
  // For Database: the connection was dead before anything could happen.
  bool never_began() const { return never_began_; }
  std::vector<std::function<void()>> TakeAfterCommit() { return std::move(after_commit_); }

 private:
  friend class Pending;
  void Add(absl::string_view sql, Parameters parameters, std::shared_ptr<Pending::Slot> slot);
  void AddPreamble();
  void Flush();

  Connection& connection_;
  const int64_t account_id_;
  const Kind kind_;
  bool begun_ = false;
  bool never_began_ = false;
  absl::Status status_;
  // Who waits for the statements in the connection's queue; null: nobody.
  std::vector<std::shared_ptr<Pending::Slot>> waiting_;
  std::vector<std::pair<const void*, std::shared_ptr<void>>> attachments_;
  std::vector<std::function<void()>> before_commit_;
  std::vector<std::function<void()>> after_commit_;
};

}  // namespace mo::storage
