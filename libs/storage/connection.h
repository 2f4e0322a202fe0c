// A connection to PostgreSQL: prepared statements, any number of them in one round trip.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/storage/value.h"

namespace mo::storage {

class Result;

// One row of a result; valid as long as it.
class Row {
 public:
  bool IsNull(int column) const { return PQgetisnull(result_, row_, column) != 0; }
  // The value; T{} when NULL.
  template <class T>
  T Get(int column) const {
    if (IsNull(column)) return T{};
    return Decode<T>(PQftype(result_, column),
                     absl::string_view(PQgetvalue(result_, row_, column),
                                       static_cast<size_t>(PQgetlength(result_, row_, column))));
  }
  int64_t Int(int column) const { return Get<int64_t>(column); }
  bool Bool(int column) const { return Get<bool>(column); }
  std::string String(int column) const { return Get<std::string>(column); }
  // NULL is absl::InfinitePast().
  absl::Time Time(int column) const {
    return IsNull(column) ? absl::InfinitePast() : Get<absl::Time>(column);
  }

 private:
  friend class Result;
  Row(const PGresult* result, int row) : result_(result), row_(row) {}
  const PGresult* result_;
  int row_;
};

// What a statement returned.
class Result {
 public:
  explicit Result(PGresult* result) : result_(result, &PQclear) {}
  int size() const { return PQntuples(result_.get()); }
  bool empty() const { return size() == 0; }
  Row operator[](int row) const { return Row(result_.get(), row); }
  // Rows inserted, updated or deleted.
  int64_t affected() const;

  // For range-for.
  struct Iterator {
    const Result* result;
    int row;
    Row operator*() const { return (*result)[row]; }
    Iterator& operator++() {
      ++row;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return row != other.row; }
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  std::unique_ptr<PGresult, decltype(&PQclear)> result_;
};

// A connection with its prepared statements. Not for use by several threads.
class Connection {
 public:
  // Connects, or UNAVAILABLE.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& conninfo);
  // Statements separated by semicolons, without parameters.
  absl::StatusOr<Result> Script(const std::string& sql);
  // One prepared statement, after what was queued; prepared when first seen.
  absl::StatusOr<Result> Query(absl::string_view sql, const Parameters& parameters);

  // Adds a statement to what the next Flush sends.
  void Queue(absl::string_view sql, Parameters parameters);
  // Sends what is queued in one round trip (libpq's pipeline mode). Results in the order of the
  // statements; after an error the server runs no further one, and each of those has that error.
  // Outside of BEGIN and COMMIT they are one transaction.
  std::vector<absl::StatusOr<Result>> Flush() { return Flush(/*each=*/false); }
  // The same, each a transaction of its own, which runs whatever became of the others.
  std::vector<absl::StatusOr<Result>> FlushEach() { return Flush(/*each=*/true); }
  // Forgets what is queued.
  void DropQueue() { queue_.clear(); }

  // Whether the prepared statements must be planned anew (DISCARD PLANS). Plans made while a table
  // was small stay until it is analyzed, which takes minutes on a new database: too long when it
  // fills quickly. True at growing ages of the connection, and no more when autovacuum is at work.
  bool TakeReplan(absl::Time now);
  bool broken() const { return broken_ || PQstatus(connection_.get()) != CONNECTION_OK; }
  PGconn* raw() { return connection_.get(); }

 private:
  struct Prepared {
    std::string name;
    bool known = false;  // to the server
  };
  using Statements = absl::node_hash_map<std::string, Prepared>;
  struct Queued {
    Statements::value_type* statement;
    Parameters parameters;
  };

  explicit Connection(PGconn* connection) : connection_(connection, &PQfinish) {}
  absl::StatusOr<Result> Check(PGresult* result) const;
  std::vector<absl::StatusOr<Result>> Flush(bool each);
  bool Send(bool each);
  absl::StatusOr<Result> ReceiveNext(Prepared* prepared, absl::Status& error);
  absl::StatusOr<Result> Receive();
  void ReceiveSync();

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  Statements statements_;
  std::vector<Queued> queue_;
  std::vector<Prepared*> preparing_;  // in the order of queue_; null: known already
  bool broken_ = false;
  const absl::Time opened_ = absl::Now();
  absl::Duration replan_age_ = absl::Seconds(1);
};

// SQLSTATE → Status: 23505 ALREADY_EXISTS (message: the constraint's name), 23503
// FAILED_PRECONDITION, 23514 and 22xxx INVALID_ARGUMENT, 40001 and 40P01 ABORTED, 42501
// PERMISSION_DENIED, 08xxx, 53xxx and 57xxx UNAVAILABLE, so is 25006 (a standby that is not yet
// promoted) and 0A000 of a plan that a migration has made stale; else INTERNAL.
absl::Status StatusOf(const PGresult* result, const PGconn* connection);

// Whether a status is a unique violation of the constraint.
bool Violates(const absl::Status& status, absl::string_view constraint);

}  // namespace mo::storage
