// A service's part of PostgreSQL: its schema, its two roles, its pool of connections.
#pragma once

#include <google/protobuf/message_lite.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/runtime/status.h"
#include "libs/storage/migration.h"
#include "libs/storage/transaction.h"

namespace mo::storage {

// How to reach it.
struct DatabaseOptions {
  std::string url;             // libpq connection string without user
  std::string migration_user;  // owner of the schemas
  std::string password;        // of the service's roles
  std::string service;         // schema, and role mo_<service>
  int connections = 8;         // for each of the two roles
};

// Transactions of a service. Rows are seen through row-level security: as an account only its own,
// as the system all of this service's. Blocking; for handler and worker threads.
class Database {
 public:
  Database(DatabaseOptions options, Metrics& metrics);
  ~Database();

  // Makes the database, schema and roles if missing, and applies what has not been applied, one
  // process at a time.
  absl::Status Migrate(const std::vector<Migration>& migrations);

  // Has PostgreSQL look anew at tables that have more than trebled since it did: what it believes
  // to be a few rows it reads by any index that comes first, and autovacuum comes once a minute.
  // False: there are no more.
  absl::StatusOr<bool> AnalyzeGrown();

  // Runs `work(transaction)` (→ Status or StatusOr) confined to an account and commits when it is
  // OK. Runs it again (at most 5 times) after a serialization failure, a deadlock, or a connection
  // that was dead before work began.
  template <class Work>
  auto As(int64_t account_id, Work work) -> std::invoke_result_t<Work, Transaction&> {
    return Attempt<std::invoke_result_t<Work, Transaction&>>(account_id, Transaction::Kind::kAtomic,
                                                             std::move(work));
  }
  // The same over all accounts, for the service's own workers.
  template <class Work>
  auto AsSystem(Work work) -> std::invoke_result_t<Work, Transaction&> {
    return Attempt<std::invoke_result_t<Work, Transaction&>>(kSystem, Transaction::Kind::kAtomic,
                                                             std::move(work));
  }
  // As() for reading with one Query, or with several statements that are asked for together: one
  // round trip instead of two. Not for writing.
  template <class Work>
  auto ReadAs(int64_t account_id, Work work) -> std::invoke_result_t<Work, Transaction&> {
    return Attempt<std::invoke_result_t<Work, Transaction&>>(
        account_id, Transaction::Kind::kSnippet, std::move(work));
  }
  // AsSystem() for the same.
  template <class Work>
  auto ReadAsSystem(Work work) -> std::invoke_result_t<Work, Transaction&> {
    return Attempt<std::invoke_result_t<Work, Transaction&>>(kSystem, Transaction::Kind::kSnippet,
                                                             std::move(work));
  }
  // As(), once per idempotency key of the caller: the answer is kept with the effect for 24 hours
  // and given again to the same request; another request under the key fails with
  // IDEMPOTENCY_KEY_REUSED. A caller without account (the operator) works as the system, with keys
  // of account 0.
  template <class Response, class Work>
  absl::StatusOr<Response> Once(const Caller& caller, const google::protobuf::Message& request,
                                Work work) {
    if (caller.idempotency_key.empty()) return As(caller.account_id, std::move(work));
    const std::string hash = RequestHash(request);
    auto attempt = [&](Transaction& tx) -> absl::StatusOr<Response> {
      MO_ASSIGN_OR_RETURN(std::optional<std::string> kept,
                          FindAnswer(tx, caller.idempotency_key, hash));
      Response response;
      if (kept) {
        response.ParseFromString(*kept);
        return response;
      }
      MO_ASSIGN_OR_RETURN(response, work(tx));
      KeepAnswer(tx, caller.idempotency_key, hash, response.SerializeAsString());
      return response;
    };
    absl::StatusOr<Response> response = As(caller.account_id, attempt);
    // Two at once: the second one finds the first one's answer.
    if (Violates(response.status(), "idempotency_keys_pkey"))
      response = As(caller.account_id, attempt);
    return response;
  }

  const std::string& service() const { return options_.service; }
  // A connection of its own (not of the pool) as the system role, e.g. for advisory locks that live
  // as long as it.
  absl::StatusOr<std::unique_ptr<Connection>> Dedicated() const;

 private:
  static constexpr int64_t kSystem = 0;
  static constexpr int kAttempts = 5;

  struct Pool {
    std::string conninfo;
    std::vector<std::unique_ptr<Connection>> idle;
    int open = 0;
  };

  template <class Outcome, class Work>
  Outcome Attempt(int64_t account_id, Transaction::Kind kind, Work work) {
    for (int attempt = 1;; ++attempt) {
      Outcome outcome = absl::InternalError("not run");
      absl::Status status = RunIn(account_id, kind, [&](Transaction& tx) {
        outcome = work(tx);
        if constexpr (std::is_same_v<Outcome, absl::Status>) {
          return outcome;
        } else {
          return outcome.status();
        }
      });
      if (status.ok()) return outcome;
      if (status.code() != absl::StatusCode::kAborted || attempt == kAttempts ||
          !IsRetryable(status))
        return status;
    }
  }

  absl::Status RunIn(int64_t account_id, Transaction::Kind kind,
                     const std::function<absl::Status(Transaction&)>& work);
  absl::StatusOr<std::unique_ptr<Connection>> Acquire(Pool& pool);
  void Return(Pool& pool, std::unique_ptr<Connection> connection);
  std::string Conninfo(absl::string_view user) const;
  static bool IsRetryable(const absl::Status& status);
  static std::string RequestHash(const google::protobuf::Message& request);
  absl::StatusOr<std::optional<std::string>> FindAnswer(Transaction& tx, absl::string_view key,
                                                        absl::string_view hash);
  void KeepAnswer(Transaction& tx, absl::string_view key, absl::string_view hash,
                  absl::string_view answer);

  const DatabaseOptions options_;
  const std::string find_answer_sql_;
  const std::string keep_answer_sql_;
  prometheus::Gauge& in_use_;
  prometheus::Histogram& seconds_;
  std::mutex mutex_;
  std::condition_variable freed_;
  Pool tenant_;
  Pool system_;
};

// A service's database in an app: migrated when the app opens; idempotency keys older than 24 hours
// are deleted.
Database& InstallDatabase(App& app, const std::string& service, std::vector<Migration> migrations);

}  // namespace mo::storage
