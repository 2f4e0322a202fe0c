#include "libs/storage/database.h"

#include <openssl/sha.h>

#include <chrono>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/log.h"

namespace mo::embedded {
absl::string_view storage_prelude();
}

namespace mo::storage {
namespace {

constexpr std::chrono::seconds kAcquireDeadline(5);
// Per connection: JIT and parallel workers cost more than they bring for our short statements
// (TOOLCHAIN.md); what they read is in memory or on an SSD. Every statement has its index, and a
// table that fills quickly has no statistics yet: a plan that reads it as a whole, made while it
// was small, would be wrong a minute later. A process that is stopped in the middle of a
// transaction loses its locks after 10 s, so that another can take over what it did.
constexpr char kSessionOptions[] =
    "-c jit=off -c max_parallel_workers_per_gather=0 -c random_page_cost=1.1 "
    "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c "
    "statement_timeout=30s "
    "-c idle_in_transaction_session_timeout=10s";
// Serialises migrations of all services: they share the schema mo.
constexpr char kMigrationLock[] = "SELECT pg_advisory_xact_lock(7017001)";

std::string Sha256(absl::string_view data) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest);
  return std::string(reinterpret_cast<char*>(digest), sizeof(digest));
}

// A role must be made outside of any rollback of ours and bear a race with another service's
// process.
std::string CreateRole(absl::string_view role, absl::string_view password) {
  const std::string secret =
      password.empty()
          ? ""
          : absl::StrCat(" PASSWORD '", absl::StrReplaceAll(password, {{"'", "''"}}), "'");
  return absl::StrCat("DO $do$ BEGIN CREATE ROLE ", role,
                      " LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation ",
                      "THEN NULL; END $do$;",
                      secret.empty() ? "" : absl::StrCat("ALTER ROLE ", role, secret, ";"));
}

}  // namespace

Database::Database(DatabaseOptions options, Metrics& metrics)
    : options_(std::move(options)),
      find_answer_sql_(absl::StrCat(
          "SELECT request_hash, answer FROM ", options_.service,
          ".idempotency_keys WHERE account_id = COALESCE(mo.account(), 0) AND key = $1")),
      keep_answer_sql_(absl::StrCat("INSERT INTO ", options_.service,
                                    ".idempotency_keys (account_id, key, request_hash, answer) "
                                    "VALUES (COALESCE(mo.account(), 0), $1, $2, $3)")),
      in_use_(metrics.Gauge("mo_db_connections_in_use", "Database connections at work",
                            {{"service", options_.service}})),
      seconds_(metrics.Seconds("mo_db_transaction_seconds",
                               "Time of a transaction, waiting for a connection included",
                               {{"service", options_.service}})) {
  tenant_.conninfo = Conninfo(absl::StrCat("mo_", options_.service));
  system_.conninfo = Conninfo(absl::StrCat("mo_", options_.service, "_system"));
}

Database::~Database() = default;

std::string Database::Conninfo(absl::string_view user) const {
  std::string conninfo =
      absl::StrCat(options_.url, " user=", user, " connect_timeout=5 application_name=", user,
                   " options='", kSessionOptions, "'");
  if (!options_.password.empty() && user != options_.migration_user) {
    absl::StrAppend(&conninfo, " password='",
                    absl::StrReplaceAll(options_.password, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
  }
  return conninfo;
}

absl::Status Database::Migrate(const std::vector<Migration>& migrations) {
  MO_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection,
                      Connection::Open(Conninfo(options_.migration_user)));
  for (const char* suffix : {"", "_system"}) {
    const std::string role = absl::StrCat("mo_", options_.service, suffix);
    MO_RETURN_IF_ERROR(connection->Script(CreateRole(role, options_.password)).status());
  }
  MO_RETURN_IF_ERROR(connection->Script("BEGIN").status());
  MO_RETURN_IF_ERROR(connection->Script(kMigrationLock).status());
  MO_RETURN_IF_ERROR(connection->Script(std::string(embedded::storage_prelude())).status());
  MO_RETURN_IF_ERROR(
      connection->Script(absl::StrCat("SELECT mo.prepare_service('", options_.service, "')"))
          .status());
  for (const Migration& migration : migrations) {
    const std::string checksum = absl::BytesToHexString(Sha256(migration.sql));
    MO_ASSIGN_OR_RETURN(Result applied,
                        connection->Query(absl::StrCat("SELECT checksum FROM ", options_.service,
                                                       ".migrations WHERE version = $1"),
                                          Parameters(migration.version)));
    if (!applied.empty()) {
      if (applied[0].String(0) == checksum) continue;
      return absl::FailedPreconditionError(absl::StrCat("migration ", options_.service, "/",
                                                        migration.version,
                                                        " was applied with another content"));
    }
    absl::Status status = connection->Script(std::string(migration.sql)).status();
    if (!status.ok()) {
      return absl::InternalError(absl::StrCat("migration ", options_.service, "/",
                                              migration.version, ": ", status.message()));
    }
    MO_RETURN_IF_ERROR(connection
                           ->Query(absl::StrCat("INSERT INTO ", options_.service,
                                                ".migrations (version, checksum) VALUES ($1, $2)"),
                                   Parameters(migration.version, checksum))
                           .status());
    Log(LogLevel::kInfo, "migrated",
        {{"service", options_.service}, {"version", migration.version}});
  }
  return connection->Script("COMMIT").status();
}

absl::StatusOr<bool> Database::AnalyzeGrown() {
  const std::string sql =
      "SELECT format('ANALYZE (SKIP_LOCKED) %I.%I', s.schemaname, s.relname) "
      "FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid "
      "WHERE s.schemaname = $1 AND s.n_live_tup > 100 + 3 * greatest(c.reltuples, 0)";
  MO_ASSIGN_OR_RETURN(const Result grown, ReadAsSystem([&](Transaction& tx) {
                        return tx.Query(sql, Parameters(options_.service));
                      }));
  if (grown.empty()) return false;
  // Only their owner may.
  MO_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                      Connection::Open(Conninfo(options_.migration_user)));
  for (const Row row : grown) MO_RETURN_IF_ERROR(connection->Script(row.String(0)).status());
  return false;
}

absl::StatusOr<std::unique_ptr<Connection>> Database::Dedicated() const {
  return Connection::Open(system_.conninfo);
}

absl::StatusOr<std::unique_ptr<Connection>> Database::Acquire(Pool& pool) {
  {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_for(lock, kAcquireDeadline,
                         [&] { return !pool.idle.empty() || pool.open < options_.connections; })) {
      return WithRetryDelay(
          Error(absl::StatusCode::kUnavailable, "OVERLOADED", "no database connection is free"),
          absl::Seconds(1));
    }
    if (!pool.idle.empty()) {
      auto connection = std::move(pool.idle.back());
      pool.idle.pop_back();
      return connection;
    }
    ++pool.open;
  }
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Open(pool.conninfo);
  if (!connection.ok()) {
    std::lock_guard lock(mutex_);
    --pool.open;
    freed_.notify_one();
  }
  return connection;
}

void Database::Return(Pool& pool, std::unique_ptr<Connection> connection) {
  std::lock_guard lock(mutex_);
  if (connection->broken()) {
    --pool.open;
    // After a restart of the server the idle ones are dead as well.
    pool.open -= static_cast<int>(pool.idle.size());
    pool.idle.clear();
  } else {
    pool.idle.push_back(std::move(connection));
  }
  freed_.notify_all();
}

absl::Status Database::RunIn(int64_t account_id, Transaction::Kind kind,
                             const std::function<absl::Status(Transaction&)>& work) {
  const absl::Time start = absl::Now();
  Pool& pool = account_id == kSystem ? system_ : tenant_;
  absl::Status status;
  for (bool again = true;; again = false) {
    MO_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Acquire(pool));
    in_use_.Increment();
    Transaction transaction(*connection, account_id, kind);
    status = transaction.Finish(work(transaction));
    Return(pool, std::move(connection));
    in_use_.Decrement();
    // It died while idle; nothing has begun, so a new one may try.
    if (transaction.never_began() && again) continue;
    if (status.ok()) {
      for (const auto& action : transaction.TakeAfterCommit()) action();
    }
    break;
  }
  seconds_.Observe(absl::ToDoubleSeconds(absl::Now() - start));
  return status;
}

bool Database::IsRetryable(const absl::Status& status) {
  return absl::StrContains(status.message(), "[40001]") ||
         absl::StrContains(status.message(), "[40P01]");
}

std::string Database::RequestHash(const google::protobuf::Message& request) {
  return Sha256(absl::StrCat(request.GetTypeName(), "\n", request.SerializeAsString()));
}

absl::StatusOr<std::optional<std::string>> Database::FindAnswer(Transaction& tx,
                                                                absl::string_view key,
                                                                absl::string_view hash) {
  MO_ASSIGN_OR_RETURN(Result rows, tx.Query(find_answer_sql_, key));
  if (rows.empty()) return std::nullopt;
  if (rows[0].String(0) == hash) return rows[0].String(1);
  return Error(absl::StatusCode::kAlreadyExists, "IDEMPOTENCY_KEY_REUSED",
               "the idempotency key was used for another request");
}

void Database::KeepAnswer(Transaction& tx, absl::string_view key, absl::string_view hash,
                          absl::string_view answer) {
  tx.Defer(keep_answer_sql_, key, Bytes{hash}, Bytes{answer});
}

Database& InstallDatabase(App& app, const std::string& service, std::vector<Migration> migrations) {
  DatabaseOptions options;
  options.url = app.options().database_url;
  options.migration_user = app.options().migration_user;
  options.password = app.options().database_password;
  options.service = service;
  Database& database = app.Own<Database>(std::move(options), app.metrics());
  app.OnOpen(
      [&database, migrations = std::move(migrations)] { return database.Migrate(migrations); });
  app.OwnWorker(absl::StrCat(service, "-analyze"), absl::Seconds(5),
                [&database] { return database.AnalyzeGrown(); });
  const std::string sql = absl::StrCat(
      "DELETE FROM ", service, ".idempotency_keys WHERE ctid = ANY(ARRAY(SELECT ctid FROM ",
      service, ".idempotency_keys WHERE create_time < now() - interval '24 hours' LIMIT 1000))");
  app.OwnWorker(absl::StrCat(service, "-idempotency-keys"), absl::Minutes(10), [&database, sql] {
    return database.AsSystem([&](Transaction& tx) -> absl::StatusOr<bool> {
      MO_ASSIGN_OR_RETURN(Result deleted, tx.Query(sql));
      return deleted.affected() == 1000;
    });
  });
  return database;
}

}  // namespace mo::storage
