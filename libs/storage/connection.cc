#include "libs/storage/connection.h"

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
      absl::StartsWith(state, "57") || state == "25006" ||
      (state == "0A000" && absl::StrContains(text, "cached plan must not change result type"))) {
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

void Connection::Queue(absl::string_view sql, Parameters parameters) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    found = statements_.try_emplace(std::string(sql)).first;
    found->second.name = absl::StrCat("s", statements_.size());
  }
  queue_.push_back({&*found, std::move(parameters)});
}

absl::StatusOr<Result> Connection::Query(absl::string_view sql, const Parameters& parameters) {
  Queue(sql, parameters);
  return std::move(Flush().back());
}

bool Connection::Send(bool each) {
  PGconn* raw = connection_.get();
  bool sent = PQenterPipelineMode(raw) == 1;
  for (const Queued& queued : queue_) {
    auto& [sql, prepared] = *queued.statement;
    const Parameters& parameters = queued.parameters;
    const auto count = static_cast<int>(parameters.size());
    preparing_.push_back(prepared.known ? nullptr : &prepared);
    if (!prepared.known) {
      sent = sent && PQsendPrepare(raw, prepared.name.c_str(), sql.c_str(), count,
                                   parameters.types().data()) == 1;
      prepared.known = true;  // to what follows in the queue
    }
    const std::vector<const char*> values = parameters.pointers();
    sent = sent &&
           PQsendQueryPrepared(raw, prepared.name.c_str(), count, values.data(),
                               parameters.lengths().data(), parameters.formats().data(), 1) == 1;
    if (each || &queued == &queue_.back()) sent = sent && PQpipelineSync(raw) == 1;
  }
  return sent;
}

// One command's result, with the null that ends it.
absl::StatusOr<Result> Connection::Receive() {
  PGresult* result = PQgetResult(connection_.get());
  if (result == nullptr) {
    broken_ = true;
    return absl::UnavailableError("the database connection was lost");
  }
  // A plan that a migration has made stale stays so: the connection goes with it.
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const bool stale = state != nullptr && absl::string_view(state) == "0A000";
  absl::StatusOr<Result> checked = Check(result);
  if (PGresult* end = PQgetResult(connection_.get()); end != nullptr) {
    PQclear(end);
    broken_ = true;
    return absl::UnavailableError("the database connection is out of step");
  }
  broken_ = broken_ || stale;
  return checked;
}

void Connection::ReceiveSync() {
  PGresult* sync = PQgetResult(connection_.get());
  broken_ = PQresultStatus(sync) != PGRES_PIPELINE_SYNC;
  PQclear(sync);
}

// A statement's result, or `error` if there was one before, else its own there as well.
absl::StatusOr<Result> Connection::ReceiveNext(Prepared* prepared, absl::Status& error) {
  if (prepared != nullptr) {
    if (!broken()) error.Update(Receive().status());
    prepared->known = error.ok();
  }
  if (broken()) {
    error.Update(absl::UnavailableError("the database connection was lost"));
    return error;
  }
  absl::StatusOr<Result> result = Receive();
  error.Update(result.status());
  if (!error.ok()) return error;
  return result;
}

std::vector<absl::StatusOr<Result>> Connection::Flush(bool each) {
  std::vector<absl::StatusOr<Result>> results;
  if (queue_.empty()) return results;
  results.reserve(queue_.size());
  if (broken() || !Send(each)) broken_ = true;
  preparing_.resize(queue_.size());
  absl::Status error;
  for (size_t i = 0; i < queue_.size(); ++i) {
    results.push_back(ReceiveNext(preparing_[i], error));
    if ((each || i + 1 == queue_.size()) && !broken()) {
      ReceiveSync();
      error = absl::OkStatus();
    }
  }
  queue_.clear();
  preparing_.clear();
  if (!broken()) broken_ = PQexitPipelineMode(connection_.get()) != 1;
  return results;
}

}  // namespace mo::storage
