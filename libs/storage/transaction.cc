#include "libs/storage/transaction.h"

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace mo::storage {

int64_t Result::affected() const {
  int64_t count = 0;
  [[maybe_unused]] bool number = absl::SimpleAtoi(PQcmdTuples(result_.get()), &count);
  return count;
}

absl::Status StatusOf(const PGresult* result, const PGconn* connection) {
  const char* field = result != nullptr ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  if (field == nullptr) return absl::UnavailableError("the database connection was lost");
  const absl::string_view state = field;
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string text =
      absl::StrCat(primary != nullptr ? primary : PQerrorMessage(connection), " [", state, "]");
  const char* constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
  if (state == "23505") return absl::AlreadyExistsError(constraint != nullptr ? constraint : "");
  if (state == "23503")
    return absl::FailedPreconditionError(constraint != nullptr ? constraint : "");
  if (state == "23514" || absl::StartsWith(state, "22")) return absl::InvalidArgumentError(text);
  if (state == "40001" || state == "40P01") return absl::AbortedError(text);
  if (state == "42501") return absl::PermissionDeniedError(text);
  if (absl::StartsWith(state, "08") || absl::StartsWith(state, "53") ||
      absl::StartsWith(state, "57")) {
    return absl::UnavailableError(text);
  }
  return absl::InternalError(text);
}

bool Violates(const absl::Status& status, absl::string_view constraint) {
  return status.code() == absl::StatusCode::kAlreadyExists && status.message() == constraint;
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& conninfo) {
  auto connection = std::unique_ptr<Connection>(new Connection(PQconnectdb(conninfo.c_str())));
  if (connection->broken()) {
    return absl::UnavailableError(
        absl::StrCat("cannot connect to PostgreSQL: ", PQerrorMessage(connection->raw())));
  }
  // Notices (IF NOT EXISTS …) are no news.
  PQsetNoticeProcessor(
      connection->raw(), [](void*, const char*) {}, nullptr);
  return connection;
}

absl::StatusOr<Result> Connection::Check(PGresult* raw) const {
  Result result(raw);
  const ExecStatusType status = PQresultStatus(raw);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return result;
  return StatusOf(raw, connection_.get());
}

absl::StatusOr<Result> Connection::Script(const std::string& sql) {
  return Check(PQexec(connection_.get(), sql.c_str()));
}

bool Connection::TakeReplan(absl::Time now) {
  constexpr absl::Duration kOldest = absl::Minutes(5);
  if (replan_age_ > kOldest || now - opened_ < replan_age_) return false;
  // Twice the age: a table that grows steadily has at most doubled since the last plans.
  replan_age_ = 2 * (now - opened_);
  return true;
}

absl::StatusOr<Result> Connection::Query(absl::string_view sql, const Parameters& parameters) {
  auto found = prepared_.find(sql);
  if (found == prepared_.end()) {
    std::string name = absl::StrCat("s", prepared_.size());
    absl::StatusOr<Result> prepared =
        Check(PQprepare(connection_.get(), name.c_str(), std::string(sql).c_str(),
                        static_cast<int>(parameters.size()), parameters.types().data()));
    if (!prepared.ok()) return prepared;
    found = prepared_.emplace(std::string(sql), std::move(name)).first;
  }
  const std::vector<const char*> values = parameters.pointers();
  return Check(PQexecPrepared(connection_.get(), found->second.c_str(),
                              static_cast<int>(values.size()), values.data(),
                              parameters.lengths().data(), parameters.formats().data(), 1));
}

}  // namespace mo::storage
